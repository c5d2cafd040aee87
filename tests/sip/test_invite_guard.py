"""INVITEs that are asked for a password, at virtual time: from one user agent to another."""

import pytest

from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer
from offhook.sip.commands import Answer, Invite
from offhook.sip.events import CallAnswered, CallConfirmed, CallRefused, CallRejected, IncomingCall
from offhook.sip.invite_guard import BAN_S, MAX_GUESSES, InviteGuard
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, TARGET, Agent, Tokens, Wire, udp

PASSWORDS = {"alice": "s3cret"}


def guarded(trusted: tuple[Address, ...] = ()) -> InviteGuard:
    def secret(user: str, realm: str, algorithm: str) -> str | None:
        return secret_of(algorithm, user, realm, PASSWORDS[user]) if user in PASSWORDS else None

    return InviteGuard(DigestServer("offhook", secret, b"key"), lambda source: source in trusted)


def called(
    user: str, password: str, trusted: tuple[Address, ...] = (), wire: Wire | None = None
) -> tuple[Wire, Agent, Agent]:
    wire = wire or Wire()
    account = Account(user, password, frozenset({BOB.host}))
    alice = wire.add("a", ALICE, UaSettings(accounts=(account,)))
    bob = wire.add("b", BOB)
    bob.ua = UserAgent(BOB, entropy=Tokens("b"), guard=guarded(trusted))

    def answers(event: object) -> None:
        if isinstance(event, IncomingCall):
            bob.do(Answer(event.call, ANSWER))

    bob.handler = answers
    alice.do(Invite(TARGET, OFFER))
    wire.run(2)
    return wire, alice, bob


def test_a_user_with_the_right_password_gets_through() -> None:
    wire, alice, bob = called("alice", "s3cret")
    assert alice.of(CallAnswered)
    assert bob.of(CallConfirmed)
    assert not bob.of(CallRefused)
    assert [sent.line for sent in wire.log[:3]] == ["INVITE", "401 INVITE", "ACK"]


@pytest.mark.parametrize(("user", "password"), [("alice", "guess"), ("nobody", "s3cret")])
def test_nobody_else_does(user: str, password: str) -> None:
    _, alice, bob = called(user, password)
    assert [event.status for event in alice.of(CallRejected)] == [401]
    assert not bob.of(IncomingCall)
    assert [event.status for event in bob.of(CallRefused)] == [401]  # not for the first one, without credentials
    assert bob.ua.idle


def test_known_and_unknown_users_get_the_same_answer() -> None:
    answers = []
    for user, password in (("alice", "guess"), ("nobody", "guess")):
        wire, _, _ = called(user, password)
        last = [parse(sent.data) for sent in wire.log if sent.source == BOB][-1]
        assert isinstance(last, Response)
        answers.append((last.status, last.reason, [(name, value.split("nonce")[0]) for name, value in last.headers]))
    fields = [[name for name, _ in headers] for _, _, headers in answers]
    assert fields[0] == fields[1]
    assert answers[0][:2] == answers[1][:2] == (401, "Unauthorized")
    asked = [[value for name, value in headers if name == "WWW-Authenticate"] for _, _, headers in answers]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 2


def test_a_trusted_address_is_not_asked() -> None:
    wire, alice, _ = called("nobody", "guess", (ALICE,))
    assert alice.of(CallAnswered)
    assert not [sent for sent in wire.log if sent.line == "401 INVITE"]


def test_a_lost_challenge_is_sent_again_for_the_retransmission() -> None:
    _, alice, bob = called("alice", "s3cret", wire=Wire(lose={1}))
    assert alice.of(CallAnswered)
    assert len(bob.of(IncomingCall)) == 1


def test_what_begins_no_call_is_not_asked() -> None:
    ua = UserAgent(BOB, entropy=Tokens("b"), guard=guarded())
    request = parse(
        b"OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        b"To: <sip:bob@192.0.2.2>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(request, Request)
    ua.receive(bytes(request), udp(ALICE), 1.0)
    ((data, _),) = ua.messages_to_send()
    assert data.startswith(b"SIP/2.0 200")
    assert b"Authenticate" not in data


def test_a_flood_without_passwords_leaves_nothing_behind() -> None:
    ua = UserAgent(BOB, settings=UaSettings(max_refused_invites=100), entropy=Tokens("b"), guard=guarded())
    for number in range(1_000):
        ua.receive(
            b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\n"
            b"From: <sip:a@x>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\n"
            b"Contact: <sip:a@192.0.2.1>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (number, number),
            udp(Address(f"10.0.{number // 250}.{number % 250}", 5060)),
            1.0,
        )
    answers = ua.messages_to_send()
    assert len(answers) == 1_000
    assert all(data.startswith(b"SIP/2.0 401") for data, _ in answers)
    assert ua.idle
    assert ua.next_event() is None


def guess(wire: Wire, alice: Agent) -> list[int]:
    """One more call; how it ended."""
    before = len(alice.of(CallRejected))
    alice.do(Invite(TARGET, OFFER))
    wire.run(2)
    return [event.status for event in alice.of(CallRejected)[before:]]


def test_after_some_guesses_a_host_is_not_answered_for_a_while() -> None:
    wire, alice, bob = called("alice", "guess")
    for _ in range(MAX_GUESSES):
        guess(wire, alice)
    honest = wire.add("c", ALICE, UaSettings(accounts=(Account("alice", "s3cret", frozenset({BOB.host})),)))
    assert guess(wire, honest) == []  # with the right password, from the same host
    assert bob.ua.counters.dropped_by_reason["guessing"]
    assert not bob.of(IncomingCall)
    wire.run(BAN_S)
    assert guess(wire, honest) == []
    assert honest.of(CallAnswered)


def test_guesses_from_forged_sources_shut_nobody_out() -> None:
    """Not even with a challenge that the attacker got at an address of their own."""
    wire, alice, bob = called("alice", "s3cret")
    attacker = Address("203.0.113.66", 5060)
    invite = (
        b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\n"
        b"From: <sip:a@x>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: f%d\r\nCSeq: 1 INVITE\r\n%s"
        b"Contact: <sip:a@192.0.2.1>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    bob.ua.receive(invite % (0, 0, b""), udp(attacker), wire.now)
    ((data, _),) = bob.ua.messages_to_send()
    challenge = parse(data)
    assert isinstance(challenge, Response)
    nonce = (challenge.headers.get("WWW-Authenticate") or "").partition('nonce="')[2].partition('"')[0]
    assert nonce
    given = (
        f'Authorization: Digest username="alice", realm="offhook", nonce="{nonce}", uri="sip:bob@192.0.2.2", '
        f'response="{"0" * 32}", algorithm=MD5, qop=auth, nc=00000001, cnonce="x"\r\n'
    ).encode()
    for number in range(1, 2 * MAX_GUESSES):
        bob.ua.receive(invite % (number, number, given), udp(ALICE), wire.now)
    bob.pump()
    wire.run(1)
    assert len(bob.of(CallRefused)) == 2 * MAX_GUESSES - 1
    assert guess(wire, alice) == []
    assert len(bob.of(IncomingCall)) == 2
