"""Where the requests of a dialog go, and where they follow the far end to."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye
from offhook.sip.events import IncomingCall, PeerMoved
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Phone, inside, invite, to_tag
from tests.sip.requests import answered

ELSEWHERE = Address("198.51.100.7", 40_000)
BEHIND_NAT = "Contact: <sip:alice@phone.example.com>"


def bye_of(phone: Phone, call: str) -> tuple[Request, Address]:
    phone.collect()
    phone.do(Bye(call))
    (request,) = phone.requests()
    assert request.method == "BYE"
    return request, phone.sent[-1][1]


def call_with(source: Address, *extra: str, uri: str = "sip:bot@192.0.2.2") -> tuple[Phone, str, str]:
    phone = Phone()
    phone.send(invite(extra=extra, uri=uri), source)
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1), source)
    return phone, call, to_tag(ok)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "INFO", "UPDATE"])
def test_requests_follow_a_far_end_that_has_moved(method: str) -> None:
    phone, call, tag = call_with(ALICE, BEHIND_NAT)
    phone.send(inside(method, tag, 2, body=OFFER if method == "INVITE" else b"", extra=(BEHIND_NAT,)), ELSEWHERE)
    assert phone.of(PeerMoved) == [PeerMoved(call, ELSEWHERE)]
    if method == "INVITE":
        phone.do(AnswerReinvite(call, ANSWER))
        phone.send(inside("ACK", tag, 2), ELSEWHERE)
        # A straggler of the first ACK, from where they were.
        phone.send(inside("ACK", tag, 1, extra=()), ALICE)
    assert bye_of(phone, call)[1] == ELSEWHERE
    assert len(phone.of(PeerMoved)) == 1


def test_another_port_of_the_same_host_is_followed_and_not_reported() -> None:
    phone, call, tag = call_with(ALICE, BEHIND_NAT)
    phone.send(inside("OPTIONS", tag, 2), Address(ALICE.host, 40_001))
    assert phone.of(PeerMoved) == []
    assert bye_of(phone, call)[1] == Address(ALICE.host, 40_001)


def test_a_stranger_moves_nobody() -> None:
    phone, call, tag = call_with(ALICE, BEHIND_NAT)
    for message in (
        inside("OPTIONS", "guessed", 2),
        inside("INVITE", tag, 2, call_id="other", extra=(BEHIND_NAT,)),
        inside("OPTIONS", tag, 2, sender="<sip:alice@example.com>;tag=mallory"),
        inside("ACK", "guessed", 1),
        invite(branch="z9hG4bKx", sender="<sip:alice@example.com>;tag=x", extra=(BEHIND_NAT,)),
    ):
        phone.send(message, ELSEWHERE)
    phone.send(inside("OPTIONS", tag, 5), ALICE)
    phone.send(inside("OPTIONS", tag, 4, call_id="call-1"), ELSEWHERE)  # in the dialog, and out of order
    assert phone.of(PeerMoved) == []
    assert bye_of(phone, call)[1] == ALICE


PRIVATE = Address("10.0.0.5", 5070)


@pytest.mark.parametrize(
    ("source", "contact", "destination"),
    [
        (ALICE, "sip:a@192.0.2.1:5080", Address("192.0.2.1", 5080)),
        (ALICE, "sip:a@192.0.2.1:5080;maddr=192.0.2.44", Address("192.0.2.44", 5080)),
        (ALICE, "sip:a@example.com;maddr=192.0.2.44", Address("192.0.2.44", 5060)),
        (ALICE, "sip:a@192.0.2.3:5080;transport=UDP", Address("192.0.2.3", 5080)),
        (ALICE, "sip:a@192.0.2.3:5080;transport=tcp", ALICE),
        (ALICE, "sip:a@192.0.2.3:0", ALICE),
        (ALICE, "sip:a@192.0.2.3;maddr=239.1.1.1", ALICE),
        (ALICE, "sip:a@192.0.2.3;maddr=example.com", ALICE),
        (ALICE, "sip:a@0.0.0.0", ALICE),
        (PRIVATE, "sip:a@0.0.0.0:5060", PRIVATE),
        (PRIVATE, "sip:a@[::]:5060", PRIVATE),
        (PRIVATE, "sip:a@255.255.255.255", PRIVATE),
        (PRIVATE, "sip:a@224.0.0.1", PRIVATE),
        (PRIVATE, "sip:a@127.0.0.1", PRIVATE),
        (PRIVATE, "sip:a@169.254.1.1", PRIVATE),
        (PRIVATE, "sip:a@10.9.9.9", Address("10.9.9.9", 5060)),
        (ALICE, "sips:a@192.0.2.1", ALICE),
        (ALICE, "tel:+15551234", ALICE),
    ],
)
def test_where_a_contact_leads(source: Address, contact: str, destination: Address) -> None:
    phone, call, _ = call_with(source, f"Contact: <{contact}>")
    request, sent_to = bye_of(phone, call)
    assert (request.uri, sent_to) == (contact, destination)


@pytest.mark.parametrize("route", ["sip:192.0.2.9;lr", "<sip:192.0.2.9;lr>", "sip:192.0.2.9;lr;ftag="])
def test_a_record_route_is_a_loose_router_with_or_without_brackets(route: str) -> None:
    phone, call, _ = call_with(ALICE, "Contact: <sip:a@192.0.2.1>", f"Record-Route: {route}")
    request, sent_to = bye_of(phone, call)
    assert request.uri == "sip:a@192.0.2.1"
    assert request.headers.get_all("Route") == [f"<{route.strip('<>')}>"]
    assert sent_to == Address("192.0.2.9", 5060)


@pytest.mark.parametrize(
    ("uri", "extra", "scheme"),
    [
        ("sips:bot@192.0.2.2", ("Contact: <sip:a@192.0.2.1>",), "sips"),
        ("sip:bot@192.0.2.2", ("Contact: <sips:a@192.0.2.1>",), "sips"),
        ("sip:bot@192.0.2.2", ("Contact: <sip:a@192.0.2.1>", "Record-Route: <sips:192.0.2.9;lr>"), "sips"),
        ("sip:bot@192.0.2.2", ("Contact: <sips:a@192.0.2.1>", "Record-Route: <sip:192.0.2.9;lr>"), "sip"),
        ("sip:bot@192.0.2.2", ("Contact: <sip:a@192.0.2.1>",), "sip"),
    ],
)
def test_the_scheme_of_our_contact(uri: str, extra: tuple[str, ...], scheme: str) -> None:
    phone = Phone()
    phone.send(invite(uri=uri, extra=extra))
    phone.do(Answer(phone.of(IncomingCall)[0].call, ANSWER))
    (ok,) = phone.responses()
    assert ok.headers.get("Contact") == f"<{scheme}:offhook@192.0.2.2:5060>"


def test_a_bye_that_crosses_ours() -> None:
    phone, tag = answered()
    phone.do(Bye(phone.of(IncomingCall)[0].call))
    phone.collect()
    (crossed,) = phone.send(inside("BYE", tag, 2))
    assert (crossed.status, to_tag(crossed)) == (200, tag)
    phone.now += 33
    (late,) = phone.send(inside("BYE", tag, 3))
    assert late.status == 481
    assert phone.run(100) is not None and phone.ua.idle
