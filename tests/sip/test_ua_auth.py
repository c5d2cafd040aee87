"""Calls that are asked for credentials, at virtual time."""

import pytest

from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.commands import Bye, Cancel, Command, Invite, Reinvite, SendKey, Update
from offhook.sip.events import CallAnswered, CallRejected, Event, ReinviteAnswered
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.refer.commands import Refer
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Phone, reply, udp

HOST = "192.0.2.1"
TRUNK = DigestServer("trunk", lambda user, realm, algorithm: secret_of(algorithm, user, realm, "s3cret"), b"key")


def dialled(password: str = "s3cret", hosts: tuple[str, ...] = (HOST,)) -> tuple[Phone, str, Request]:
    phone = Phone(UaSettings(accounts=(Account("bot", password, frozenset(hosts)),)))
    call = phone.do(Invite(f"sip:alice@{HOST}", OFFER))
    (request,) = phone.requests()
    return phone, call, request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


def challenge(phone: Phone, request: Request, status: int = 407, *, stale: bool = False) -> list[Request]:
    """Refuse a request with a challenge; returns what follows, without the ACK."""
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    values = tuple(f"{name}: {value}" for value in TRUNK.challenges(phone.now, stale=stale))
    return [each for each in give(phone, reply(request, status, extra=values)) if each.method != "ACK"]


def judged(phone: Phone, request: Request, status: int = 407) -> Verdict:
    return TRUNK.judge(request, phone.now, status=status)[0]


@pytest.mark.parametrize("status", [401, 407])
def test_an_invite_is_sent_again_with_credentials(status: int) -> None:
    phone, call, first = dialled()
    (second,) = challenge(phone, first, status)
    assert judged(phone, second, status) is Verdict.RIGHT
    assert typed.cseq(second).number == typed.cseq(first).number + 1
    assert second.headers.get("Call-ID") == first.headers.get("Call-ID")
    assert second.headers.get("Via") != first.headers.get("Via")
    assert second.body == OFFER
    (ack,) = give(phone, reply(second, 200, body=ANSWER))
    assert phone.of(CallAnswered) == [CallAnswered(call, ANSWER)]
    assert (ack.method, typed.cseq(ack).number) == ("ACK", typed.cseq(second).number)


def test_in_a_call_the_credentials_are_there_at_once() -> None:
    phone, call, first = dialled()
    (second,) = challenge(phone, first)
    assert judged(phone, second) is Verdict.RIGHT
    give(phone, reply(second, 200, body=ANSWER))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert bye.method == "BYE"
    assert judged(phone, bye) is Verdict.RIGHT


def test_a_bye_and_a_reinvite_that_are_challenged_are_sent_again() -> None:
    phone, call, first = dialled()
    give(phone, reply(first, 200, body=ANSWER))
    phone.do(Reinvite(call, OFFER))
    (reinvite,) = phone.requests()
    (again,) = challenge(phone, reinvite)
    assert judged(phone, again) is Verdict.RIGHT
    give(phone, reply(again, 200, body=ANSWER))
    assert phone.of(ReinviteAnswered) == [ReinviteAnswered(call, ANSWER)]
    phone.do(Bye(call))
    (bye,) = phone.requests()
    (bye_again,) = challenge(phone, bye, stale=True)
    assert (bye_again.method, judged(phone, bye_again)) == ("BYE", Verdict.RIGHT)
    assert typed.cseq(bye_again).number == typed.cseq(bye).number + 1
    give(phone, reply(bye_again, 200))
    phone.run(64)
    assert phone.ua.idle


def test_a_wrong_password_rejects_the_call() -> None:
    phone, call, first = dialled("guess")
    (second,) = challenge(phone, first)
    assert judged(phone, second) is Verdict.WRONG
    assert challenge(phone, second) == []
    assert [(event.call, event.status) for event in phone.of(CallRejected)] == [(call, 407)]


def test_a_stranger_gets_no_credentials() -> None:
    phone, call, first = dialled(hosts=("trunk.example.com",))
    assert challenge(phone, first) == []
    assert [(event.call, event.status) for event in phone.of(CallRejected)] == [(call, 407)]


def test_a_proxy_and_the_server_behind_it_may_both_ask() -> None:
    phone, _, first = dialled()
    (second,) = challenge(phone, first, 407)
    (third,) = challenge(phone, second, 401)
    assert judged(phone, third, 407) is not Verdict.ABSENT
    assert judged(phone, third, 401) is Verdict.RIGHT


def test_nonces_that_are_always_stale_end_somewhere() -> None:
    phone, _, request = dialled()
    for _ in range(10):
        following = challenge(phone, request, stale=True)
        if not following:
            break
        (request,) = following
    events: list[Event] = list(phone.of(CallRejected))
    assert len(events) == 1


def test_the_invite_that_was_sent_again_can_be_cancelled() -> None:
    phone, call, first = dialled()
    (second,) = challenge(phone, first)
    give(phone, reply(second, 180))
    phone.do(Cancel(call))
    (cancel,) = phone.requests()
    assert cancel.method == "CANCEL"
    assert cancel.headers.get("Via") == second.headers.get("Via")


@pytest.mark.parametrize("method", ["PRACK", "INFO", "REFER", "UPDATE", "BYE", "INVITE"])
def test_every_request_of_a_call_proves_the_password_of_its_account(method: str) -> None:
    """Of two accounts at one host: the one that the call goes by."""
    accounts = tuple(Account(user, "s3cret", frozenset((HOST,))) for user in ("other", "bot"))
    phone = Phone(UaSettings(accounts=accounts))
    call = phone.do(Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot"))
    (invite,) = phone.requests()
    allow = ("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, PRACK",)
    if method == "PRACK":
        (request,) = give(phone, reply(invite, 183, extra=(*allow, "Require: 100rel", "RSeq: 1"), body=ANSWER))
    else:
        give(phone, reply(invite, 200, extra=allow, body=ANSWER))
        commands: dict[str, Command] = {
            "INFO": SendKey(call, "1"),
            "REFER": Refer(call, f"sip:carol@{HOST}"),
            "UPDATE": Update(call, OFFER),
            "BYE": Bye(call),
            "INVITE": Reinvite(call, OFFER),
        }
        phone.do(commands[method])
        (request,) = phone.requests()
    assert request.method == method
    (again,) = challenge(phone, request)
    assert again.method == method
    assert judged(phone, again) is Verdict.RIGHT
    assert 'username="bot"' in (again.headers.get("Proxy-Authorization") or "")
