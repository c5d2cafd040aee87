"""A question to a registrar, which changes no binding."""

import pytest

from offhook.sip.auth.client import Account
from offhook.sip.commands import QueryRegistration
from offhook.sip.errors import LocalError
from offhook.sip.events import RegistrationQueried
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, Phone, reply, udp

REGISTRAR = Address("192.0.2.1", 5060)
CHALLENGE = 'WWW-Authenticate: Digest realm="fritz.box", nonce="n", algorithm=SHA-256'


def asking(registrar: str = "sip:fritz.box") -> tuple[Phone, Request]:
    phone = Phone(UaSettings(accounts=(Account("bot", "s3cret", frozenset({"fritz.box"})),)))
    phone.do(QueryRegistration("home", registrar, "sip:bot@fritz.box", REGISTRAR, "bot"))
    (request,) = phone.requests()
    return phone, request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


def test_it_has_no_contact_and_no_expiry() -> None:
    _, request = asking()
    assert (request.method, request.uri) == ("REGISTER", "sip:fritz.box")
    assert request.headers.get("To") == "<sip:bot@fritz.box>"
    assert request.headers.get("Contact") is None
    assert request.headers.get("Expires") is None


def test_the_password_is_proven_and_the_contacts_are_reported() -> None:
    phone, first = asking()
    (second,) = give(phone, reply(first, 401, extra=(CHALLENGE,)))
    assert 'username="bot"' in (second.headers.get("Authorization") or "")
    assert second.headers.get("Contact") is None
    give(phone, reply(second, 200, extra=("Contact: <sip:a@192.0.2.7>;expires=60, <sip:b@192.0.2.8>",)))
    contacts = ("sip:a@192.0.2.7", "sip:b@192.0.2.8")
    (answer,) = phone.of(RegistrationQueried)
    assert (answer.account, answer.status, answer.contacts) == ("home", 200, contacts)
    assert phone.ua.dump()["registrations"] == []


def test_a_wrong_password_is_not_tried_again() -> None:
    phone, first = asking()
    (second,) = give(phone, reply(first, 401, extra=(CHALLENGE,)))
    assert give(phone, reply(second, 401, extra=(CHALLENGE,))) == []
    assert [each.status for each in phone.of(RegistrationQueried)] == [401]


def test_a_registrar_that_is_silent() -> None:
    phone, _ = asking()
    phone.run(40.0)
    assert [each.status for each in phone.of(RegistrationQueried)] == [0]


def test_contacts_that_cannot_be_read_are_left_out() -> None:
    phone, request = asking()
    give(phone, reply(request, 200, extra=("Contact: <<<",)))
    assert [each.contacts for each in phone.of(RegistrationQueried)] == [()]


def test_a_registrar_has_no_user() -> None:
    with pytest.raises(LocalError, match="a registrar is a host alone"):
        asking("sip:bot@fritz.box")
