"""Under which address an account registers: behind a NAT it is the one that the registrar sees."""

import pytest

from offhook.sip.commands import Register
from offhook.sip.events import Registered, RegistrationFailed
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import BOB, Phone, reply
from tests.sip.registration.test_client import REALM, accept, give, later, registering

SEEN = ";received=203.0.113.5;rport=40123"


def seen_as(request: Request, text: str) -> Request:
    copy = Request(request.method, request.uri, request.headers.copy())
    copy.headers.set("Via", (request.headers.get("Via") or "").replace(";rport", text))
    return copy


def challenge(phone: Phone, request: Request, text: str) -> Request:
    asks = tuple(f"WWW-Authenticate: {value}" for value in REALM.challenges(phone.now))
    (again,) = give(phone, reply(seen_as(request, text), 401, extra=asks))
    return again


def test_the_answer_to_a_challenge_has_the_address_already() -> None:
    phone, first = registering()
    second = challenge(phone, first, SEEN)
    assert second.headers.get_all("Contact") == ["<sip:620@203.0.113.5:40123>;expires=600"]
    assert "203.0.113.5:40123" in (second.headers.get("Via") or "")
    assert accept(phone, seen_as(second, SEEN)) == []
    assert phone.of(Registered) == [Registered("home", 568)]


def test_an_address_that_the_final_answer_shows_is_registered_in_place_of_the_other() -> None:
    phone, first = registering()
    (second,) = accept(phone, seen_as(first, SEEN))
    assert second.headers.get_all("Contact") == [
        "<sip:620@203.0.113.5:40123>;expires=600",
        "<sip:620@192.0.2.2:5060>;expires=0",
    ]
    # A NAT with another port each time does not make it go on for ever.
    assert accept(phone, seen_as(second, ";received=203.0.113.5;rport=40124")) == []
    ((_, third),) = later(phone, 568.2)
    assert third.headers.get_all("Contact") == ["<sip:620@203.0.113.5:40124>;expires=600"]


@pytest.mark.parametrize("text", [";rport", ";rport=5060;received=192.0.2.2", ";received=x;rport=1", ";rport=99999"])
def test_without_a_nat_nothing_changes(text: str) -> None:
    phone, first = registering()
    assert accept(phone, seen_as(first, text)) == []


def test_an_address_that_was_forwarded_on_purpose_stays() -> None:
    phone = Phone(UaSettings(advertised=Address("198.51.100.1", 5080), follow_received=False))
    phone.do(Register("home", "sip:fritz.box", "sip:bot@fritz.box", "620", destination=Address("192.0.2.1", 5060)))
    (first,) = phone.requests()
    assert accept(phone, seen_as(first, SEEN)) == []
    assert first.headers.get("Contact") == "<sip:620@198.51.100.1:5080>;expires=600"


class Streams(Phone):
    """A phone with TCP; without `port` it accepts no connections."""

    def __init__(self, port: int = 5060) -> None:
        super().__init__()
        self.ua._core.listens = {Transport.UDP: BOB, Transport.TCP: Address(BOB.host, port)}
        target = Target(Transport.TCP, Address("192.0.2.1", 5060), "pbx.test")
        self.do(Register("home", "sip:pbx.test", "sip:bot@pbx.test", "620", destination=target))
        self.flow = Flow(Transport.TCP, Address(BOB.host, port), target.address, 7, "pbx.test")

    def accepted(self, text: str, *, at: float = 0.0) -> Request:
        self.now += at
        (request,) = self.requests()
        contact = f"Contact: {request.headers.get('Contact')}"
        self.ua.receive(reply(seen_as(request, text), 200, extra=(contact,)), self.flow, self.now)
        return request


def test_the_port_of_a_connection_counts_only_where_nobody_can_connect() -> None:
    phone = Streams()
    phone.accepted(";rport=40123;received=192.0.2.2")
    assert phone.requests() == []
    closed = Streams(port=0)
    first = closed.accepted(";rport=40123;received=192.0.2.2")
    assert first.headers.get("Contact") == "<sip:620@192.0.2.2:5060;transport=tcp>;expires=600"
    (second,) = closed.requests()
    assert second.headers.get("Contact") == "<sip:620@192.0.2.2:40123;transport=tcp>;expires=600"


def test_a_connection_that_is_lost_is_soon_opened_again_and_a_restless_one_later() -> None:
    phone = Streams()
    phone.accepted(";rport")
    phone.run(100)
    phone.ua.connection_lost(phone.flow, phone.now)
    (failed,) = phone.of(RegistrationFailed)
    assert (failed.status, failed.reason) == (0, "the connection was closed")
    assert failed.retry_s <= 2
    ((_, again),) = phone.run(2.1)
    assert isinstance(again, Request)
    phone.ua.receive(reply(again, 200), phone.flow, phone.now)
    phone.ua.connection_lost(phone.flow, phone.now)  # at once
    waits = [phone.of(RegistrationFailed)[-1].retry_s]
    for _ in range(3):
        ((_, again),) = [each for each in phone.run(waits[-1] + 0.1) if isinstance(each[1], Request)]
        assert isinstance(again, Request)
        phone.ua.receive(reply(again, 200), phone.flow, phone.now)
        phone.ua.connection_lost(phone.flow, phone.now)
        waits.append(phone.of(RegistrationFailed)[-1].retry_s)
    assert all(15 <= wait <= 1_800 for wait in waits)


def test_connections_to_others_do_not_matter() -> None:
    phone = Streams()
    phone.accepted(";rport")
    phone.ua.connection_lost(Flow(Transport.TCP, BOB, Address("192.0.2.9", 5060), 3), phone.now)
    phone.ua.connection_lost(Flow(Transport.TLS, BOB, Address("192.0.2.1", 5060), 3), phone.now)
    assert phone.of(RegistrationFailed) == []
