"""Calls that are asked for credentials, at virtual time."""

from ipaddress import ip_network

import pytest

from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.commands import Answer, Bye, Cancel, Command, Invite, Reinvite, SendKey, Update
from offhook.sip.dialog.authenticated import MAX_SENT_AGAIN, Sender, meant_by
from offhook.sip.events import (
    CallAnswered,
    CallRejected,
    Event,
    IncomingCall,
    PasswordWithheld,
    PeerMoved,
    ReinviteAnswered,
)
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.policy import DialogPolicy
from offhook.sip.refer.commands import Refer
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, Message, Phone, inside, reply, to_tag, udp
from tests.sip.dialog.harness import invite as incoming

HOST = "192.0.2.1"
TRUNK, OTHER_REALM = (
    DigestServer(realm, lambda user, realm, algorithm: secret_of(algorithm, user, realm, "s3cret"), b"key")
    for realm in ("trunk", "other")
)


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


def test_two_proxies_ask_each_in_a_realm_of_its_own() -> None:
    phone, call, first = dialled()
    (second,) = challenge(phone, first)
    value = OTHER_REALM.challenges(phone.now)[0]
    sent = give(phone, reply(second, 407, extra=(f"Proxy-Authenticate: {value}",)))
    (third,) = (each for each in sent if each.method == "INVITE")
    assert judged(phone, third) is Verdict.RIGHT
    assert OTHER_REALM.judge(third, phone.now, status=407)[0] is Verdict.RIGHT
    give(phone, reply(third, 200, body=ANSWER))
    assert phone.of(CallAnswered) == [CallAnswered(call, ANSWER)]


def test_realms_without_end_end_somewhere() -> None:
    phone, call, request = dialled()
    sent = 1
    for number in range(20):
        value = f'Proxy-Authenticate: Digest realm="r{number}", nonce="n", algorithm=MD5'
        again = [each for each in give(phone, reply(request, 407, extra=(value,))) if each.method == "INVITE"]
        if not again:
            break
        (request,), sent = again, sent + 1
    assert sent == 1 + MAX_SENT_AGAIN
    assert [each.call for each in phone.of(CallRejected)] == [call]


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


ELSEWHERE = Address("198.51.100.66", 5060)
PROXY = "Record-Route: <sip:192.0.2.1;lr>"
METHODS = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, PRACK, NOTIFY"
IN_A_CALL = ["INVITE", "BYE", "INFO", "UPDATE", "REFER"]


def within(method: str, call: str) -> Command:
    commands: dict[str, Command] = {
        "INFO": SendKey(call, "1"),
        "REFER": Refer(call, f"sip:carol@{HOST}"),
        "UPDATE": Update(call, OFFER),
        "BYE": Bye(call),
        "INVITE": Reinvite(call, OFFER),
    }
    return commands[method]


def known(*extra: str, command: Invite | None = None) -> tuple[Phone, str, Request]:
    """A call whose far end has asked for the password, and got it; with those fields in its 200."""
    phone = Phone(UaSettings(accounts=(Account("bot", "s3cret", frozenset((HOST,))),)))
    call = phone.do(command or Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot"))
    (first,) = phone.requests()
    (second,) = challenge(phone, first)
    give(phone, reply(second, 200, extra=(METHODS, *extra), body=ANSWER))
    return phone, call, second


def has_credentials(request: Request) -> bool:
    return any(name in request.headers for name in ("Authorization", "Proxy-Authorization"))


def sent_to(phone: Phone) -> Address:
    return phone.sent[-1][1]


@pytest.mark.parametrize("method", IN_A_CALL)
@pytest.mark.parametrize("field", ["Contact: <sip:x@198.51.100.66>", "Record-Route: <sip:198.51.100.66;lr>"])
def test_where_the_far_end_points_to_gets_no_credentials(method: str, field: str) -> None:
    phone, call, _ = known(field)
    phone.do(within(method, call))
    (request,) = phone.requests()
    assert (request.method, sent_to(phone)) == (method, ELSEWHERE)
    assert not has_credentials(request)
    assert challenge(phone, request) == []  # and it may ask as it likes


@pytest.mark.parametrize("field", ["Contact: <sip:x@198.51.100.66>", "Record-Route: <sip:198.51.100.66;lr>"])
def test_who_asked_there_in_vain_is_reported(field: str) -> None:
    phone, call, second = known(field)
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert challenge(phone, bye) == []
    call_id = second.headers.get("Call-ID") or ""
    assert phone.of(PasswordWithheld) == [PasswordWithheld(call_id, "BYE", HOST, ELSEWHERE)]


def test_nothing_is_withheld_where_there_is_no_password() -> None:
    phone = Phone()
    call = phone.do(Invite(f"sip:alice@{HOST}", OFFER))
    (invite,) = phone.requests()
    give(phone, reply(invite, 200, extra=("Contact: <sip:x@198.51.100.66>",), body=ANSWER))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert challenge(phone, bye) == []
    assert phone.of(PasswordWithheld) == []


CLUSTER = DialogPolicy(servers=(ip_network("198.51.100.64/26"),))
"""A provider whose servers the owner has listed."""


@pytest.mark.parametrize("method", IN_A_CALL)
@pytest.mark.parametrize("field", ["Contact: <sip:x@198.51.100.66>", "Record-Route: <sip:198.51.100.66;lr>"])
def test_a_server_that_the_owner_has_listed_may_ask(method: str, field: str) -> None:
    invite = Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot", policy=CLUSTER)
    phone, call, _ = known(field, command=invite)
    phone.do(within(method, call))
    (request,) = phone.requests()
    assert (request.method, sent_to(phone)) == (method, ELSEWHERE)
    assert judged(phone, request) is Verdict.RIGHT
    (again,) = challenge(phone, request, stale=True)
    assert judged(phone, again) is Verdict.RIGHT


@pytest.mark.parametrize("method", IN_A_CALL)
def test_beside_listed_servers_nobody_else_may(method: str) -> None:
    invite = Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot", policy=CLUSTER)
    # Behind the provider's proxy, which has written nothing, a phone has named one that collects passwords.
    phone, call, _ = known("Record-Route: <sip:198.51.100.7;lr>, <sip:198.51.100.66;lr>", command=invite)
    phone.do(within(method, call))
    assert has_credentials(phone.requests()[0])  # by the provider's, as the last one named is the nearest
    phone, call, _ = known("Record-Route: <sip:198.51.100.66;lr>, <sip:198.51.100.7;lr>", command=invite)
    phone.do(within(method, call))
    (request,) = phone.requests()
    assert sent_to(phone).host == "198.51.100.7"
    assert not has_credentials(request)
    assert challenge(phone, request) == []


def test_where_a_transfer_leads_gets_no_credentials() -> None:
    """A REFER names its target in Refer-To: the request itself goes to the provider."""
    invite = Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot", policy=CLUSTER)
    phone, call, _ = known(command=invite)
    phone.do(Refer(call, "sip:collector@203.0.113.66"))
    (refer,) = phone.requests()
    assert (sent_to(phone).host, has_credentials(refer)) == (HOST, True)
    phone.do(Invite("sip:collector@203.0.113.66", OFFER, auth_user=""))
    (leg,) = phone.requests()
    assert not has_credentials(leg)
    assert challenge(phone, leg) == []


@pytest.mark.parametrize(("contact", "may"), [(HOST, True), ("198.51.100.66", True), ("198.51.100.7", False)])
def test_a_call_that_a_trunk_sends_proves_the_trunks_password(contact: str, may: bool) -> None:
    """The trunk was recognised by its address; its account is at a host of another name."""
    host = "sip.example.com"
    policy = DialogPolicy(servers=CLUSTER.servers, auth_host=host, auth_user="bot")
    accounts = tuple(Account(user, "s3cret", frozenset((host,))) for user in ("other", "bot"))
    phone = Phone(UaSettings(accounts=accounts, policy=policy))
    phone.send(incoming(extra=(f"Contact: <sip:alice@{contact}>",)))
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    phone.send(inside("ACK", to_tag(phone.responses()[0]), 1))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert sent_to(phone).host == contact
    again = challenge(phone, bye)
    assert [judged(phone, each) for each in again] == ([Verdict.RIGHT] if may else [])
    assert all('username="bot"' in (each.headers.get("Proxy-Authorization") or "") for each in again)


@pytest.mark.parametrize("method", IN_A_CALL)
def test_a_proxy_that_was_called_stays_one_that_may_ask(method: str) -> None:
    phone, call, _ = known("Contact: <sip:x@198.51.100.66>", PROXY)
    phone.do(within(method, call))
    (request,) = phone.requests()
    assert sent_to(phone) == ALICE
    assert judged(phone, request) is Verdict.RIGHT
    (again,) = challenge(phone, request, stale=True)
    assert judged(phone, again) is Verdict.RIGHT


def test_another_server_of_the_host_may_ask() -> None:
    """Which one the INVITE went to is our choice."""
    servers = tuple(Target(Transport.UDP, Address(host, 5060)) for host in (HOST, "192.0.2.9"))
    invite = Invite(f"sip:alice@{HOST}", OFFER, destination=servers[0], others=servers[1:], auth_user="bot")
    phone, call, _ = known("Contact: <sip:x@192.0.2.9>", command=invite)
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert sent_to(phone).host == "192.0.2.9"
    assert judged(phone, bye) is Verdict.RIGHT


def test_who_acknowledges_nothing_but_points_elsewhere_gets_no_credentials() -> None:
    """PRACK, to the Contact of a reliable 183."""
    phone = Phone(UaSettings(accounts=(Account("bot", "s3cret", frozenset((HOST,))),)))
    phone.do(Invite(f"sip:alice@{HOST}", OFFER, auth_user="bot"))
    (second,) = challenge(phone, phone.requests()[0])
    contact = "Contact: <sip:x@198.51.100.66>"
    (prack,) = give(phone, reply(second, 183, extra=(contact, "Require: 100rel", "RSeq: 1"), body=ANSWER))
    assert (prack.method, sent_to(phone)) == ("PRACK", ELSEWHERE)
    assert not has_credentials(prack)
    assert challenge(phone, prack) == []


@pytest.mark.parametrize("method", IN_A_CALL)
def test_a_call_that_has_moved_proves_nothing_there(method: str) -> None:
    """An INFO of the far end from elsewhere: requests follow it, the password does not."""
    phone, call, second = known("Contact: <sip:x@phone.example.com>")
    ours, theirs = second.headers.get("From") or "", f"{second.headers.get('To')};tag=callee"
    info = Message(
        "INFO", to=ours, sender=theirs, call_id=second.headers.get("Call-ID") or "", cseq=1, extra=(), branch="z9hG4bKi"
    )
    phone.send(info, ELSEWHERE)
    assert phone.of(PeerMoved)
    phone.do(within(method, call))
    (request,) = phone.requests()
    assert sent_to(phone) == ELSEWHERE
    assert not has_credentials(request)
    assert challenge(phone, request) == []


@pytest.mark.parametrize(
    ("contact", "source", "may"),
    [
        ("sip:alice@192.0.2.1:5070", ALICE, True),
        ("sip:alice@192.0.2.1:5070", ELSEWHERE, True),
        ("sip:alice@198.51.100.66", ALICE, False),
        ("sip:alice@phone.example.com", ELSEWHERE, False),
    ],
)
def test_who_called_may_ask_only_where_the_call_came_from(contact: str, source: Address, may: bool) -> None:
    phone = Phone(UaSettings(accounts=(Account("bot", "s3cret", frozenset((HOST,))),)))
    phone.send(incoming(extra=(f"Contact: <{contact}>",)))
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    tag = to_tag(phone.responses()[0])
    phone.send(inside("ACK", tag, 1), source)
    phone.do(Reinvite(call, OFFER))
    (request,) = phone.requests()
    again = challenge(phone, request)
    assert [judged(phone, each) for each in again] == ([Verdict.RIGHT] if may else [])


def test_a_call_that_is_nobodys_proves_no_password() -> None:
    phone = Phone(UaSettings(accounts=(Account("bot", "s3cret", frozenset((HOST,))),)))
    call = phone.do(Invite(f"sip:alice@{HOST}", OFFER, auth_user=""))
    (request,) = phone.requests()
    assert challenge(phone, request) == []
    assert [(event.call, event.status) for event in phone.of(CallRejected)] == [(call, 407)]


@pytest.mark.parametrize(
    ("transport", "name", "may"),
    [
        (Transport.TLS, "pbx.example.com", True),
        (Transport.TLS, "", False),
        (Transport.UDP, "pbx.example.com", False),
    ],
)
def test_a_connection_that_was_verified_by_the_name_is_meant(transport: Transport, name: str, may: bool) -> None:
    called = Flow(Transport.TLS, BOB, ALICE, name="pbx.example.com")
    sender = Sender("pbx.example.com", meant=meant_by((called,)))
    assert sender.proves_to(called)
    assert sender.proves_to(Flow(transport, BOB, ELSEWHERE, name=name)) is may
