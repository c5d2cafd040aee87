"""Calls that go over TLS only."""

import pytest

from offhook.sip.commands import Invite, Reinvite
from offhook.sip.errors import LocalError
from offhook.sip.events import CallRejected
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.registrar.bindings import Binding
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import ALICE, BOB, OFFER, Tokens, reply

TLS_ADDRESS = Address("192.0.2.2", 5061)
PHONES = {transport: Address(f"198.51.100.{n}", 5060) for n, transport in enumerate(("UDP", "TLS"), 1)}


def flow(transport: str, remote: Address) -> Flow:
    return Flow(Transport(transport), TLS_ADDRESS if transport == "TLS" else BOB, remote)


def user_agent(*contacts: str) -> UserAgent:
    """With a user who has registered these transports, the latest first."""
    registrar = Registrar()
    registrar.bindings.replace(
        "bob",
        [
            Binding(f"sip:bob@{PHONES[each]}", flow(each, PHONES[each]), 100.0 - n, f"call-{n}", 1)
            for n, each in enumerate(contacts)
        ],
    )
    return UserAgent({Transport.UDP: BOB, Transport.TLS: TLS_ADDRESS}, entropy=Tokens("b"), registrar=registrar)


def sent(ua: UserAgent) -> list[tuple[Request, Flow]]:
    messages = [(parse(data), to) for data, to in ua.messages_to_send()]
    return [(message, to) for message, to in messages if isinstance(message, Request) and message.method == "INVITE"]


@pytest.mark.parametrize("contacts", [("UDP", "TLS"), ("TLS", "UDP")])
def test_of_a_users_phones_those_over_tls(contacts: tuple[str, ...]) -> None:
    ua = user_agent(*contacts)
    invite = Invite("sip:bob@192.0.2.2", OFFER, secure=True)
    ua.do(invite, 0.0)
    ((request, to),) = sent(ua)
    assert to.transport is Transport.TLS
    ua.receive(reply(request, 480), to, 1.0)
    assert sent(ua) == []
    events = iter(ua.next_event, None)
    assert [event.status for event in events if isinstance(event, CallRejected)] == [480]


def test_no_phone_over_tls() -> None:
    ua = user_agent("UDP")
    with pytest.raises(LocalError, match="reached over TLS"):
        ua.do(Invite("sip:bob@192.0.2.2", OFFER, secure=True), 0.0)
    assert ua.messages_to_send() == []
    assert ua.idle


def test_no_other_server_in_the_clear() -> None:
    servers = (Target(Transport.TLS, ALICE), Target(Transport.UDP, ALICE))
    ua = user_agent()
    ua.do(Invite("sip:a@192.0.2.1", OFFER, destination=servers[0], others=servers[1:], secure=True), 0.0)
    ((request, to),) = sent(ua)
    ua.receive(reply(request, 503), to, 1.0)
    assert sent(ua) == []
    with pytest.raises(LocalError, match="call over TLS"):
        ua.do(Invite("sip:a@192.0.2.1", OFFER, destination=servers[1], secure=True), 0.0)


KEYS = OFFER + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"


@pytest.mark.parametrize(("offer", "transport"), [(KEYS, Transport.TLS), (OFFER, Transport.UDP)])
def test_keys_stay_encrypted_in_a_call_that_is(offer: bytes, transport: Transport) -> None:
    """The far end's Contact says nothing of TLS."""
    ua = user_agent()
    ua.do(Invite("sip:a@192.0.2.1", OFFER, destination=Target(Transport.TLS, ALICE), call="call"), 0.0)
    ((request, to),) = sent(ua)
    ua.receive(reply(request, 200, body=OFFER), to, 1.0)
    ua.messages_to_send()
    ua.do(Reinvite("call", offer), 2.0)
    ((again, to),) = sent(ua)
    assert (again.body, to.transport) == (offer, transport)
