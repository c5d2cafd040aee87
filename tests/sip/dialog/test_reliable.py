"""Provisional responses that are acknowledged, both ways: RFC 3262."""

import pytest

from offhook.sip.commands import Answer, Bye, Cancel, Invite, Reject, Ring
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRejected,
    EarlyMediaConfirmed,
    EndCause,
    IncomingCall,
)
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.policy import DialogPolicy, Use
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import (
    ALICE,
    ANSWER,
    BOB,
    OFFER,
    TARGET,
    Agent,
    Message,
    Phone,
    Wire,
    inside,
    invite,
    reply,
    to_tag,
    udp,
)

REQUIRES = ("Contact: <sip:alice@192.0.2.1:5060>", "Require: 100rel")
SUPPORTS = ("Contact: <sip:alice@192.0.2.1:5060>", "Supported: 100rel")


def settings(use: Use) -> UaSettings:
    return UaSettings(policy=DialogPolicy(reliable_provisionals=use))


def called(extra: tuple[str, ...] = REQUIRES, body: bytes = OFFER, use: Use = Use.SUPPORTED) -> tuple[Phone, str]:
    phone = Phone(settings(use))
    phone.send(invite(body, extra=extra))
    (event,) = phone.of(IncomingCall)
    return phone, event.call


def ring(phone: Phone, call: str, status: int = 180, sdp: bytes | None = None) -> Response:
    phone.do(Ring(call, status, sdp))
    (response,) = phone.responses()
    return response


def prack(response: Response, number: int = 2, **changes: object) -> Message:
    rack = f"RAck: {response.headers.get('RSeq')} 1 INVITE"
    return inside("PRACK", to_tag(response), number, extra=(rack,), **changes)


def pair(wire: Wire) -> tuple[Agent, Agent, str, str]:
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)
    call = alice.do(Invite(TARGET, OFFER))
    wire.run(0.1)
    return alice, bob, call, bob.of(IncomingCall)[0].call


# --- as callee


def test_ringing_is_repeated_until_it_is_acknowledged() -> None:
    phone, call = called()
    first = ring(phone, call)
    assert first.status == 180
    assert first.headers.get("Require") == "100rel"
    assert 1 <= int(first.headers.get("RSeq") or 0) < 2**31 + 1
    assert [at for at, _ in phone.run(4)] == [0.5, 1.5, 3.5]  # T1 doubling
    (response,) = phone.send(prack(first))
    assert response.status == 200
    assert phone.run(30) == []
    phone.do(Answer(call, ANSWER))
    assert [response.status for response in phone.responses()] == [200]


@pytest.mark.parametrize(
    ("extra", "use", "sdp", "reliable"),
    [
        (REQUIRES, Use.SUPPORTED, None, True),
        (SUPPORTS, Use.SUPPORTED, None, False),
        (SUPPORTS, Use.SUPPORTED, ANSWER, True),
        (SUPPORTS, Use.REQUIRED, None, True),
        (SUPPORTS, Use.OFF, ANSWER, False),
        (SUPPORTS[:1], Use.SUPPORTED, ANSWER, False),
    ],
)
def test_when_ringing_is_reliable(extra: tuple[str, ...], use: Use, sdp: bytes | None, reliable: bool) -> None:
    phone, call = called(extra, use=use)
    assert ("RSeq" in ring(phone, call, 183, sdp).headers) is reliable


def test_the_policy_refuses() -> None:
    phone = Phone(settings(Use.OFF))
    (response,) = phone.send(invite(extra=REQUIRES))
    assert (response.status, response.headers.get("Unsupported")) == (420, "100rel")
    phone = Phone(settings(Use.REQUIRED))
    (response,) = phone.send(invite())
    assert (response.status, response.headers.get("Require")) == (421, "100rel")


def test_an_answer_waits_until_early_media_is_acknowledged() -> None:
    phone, call = called()
    early = ring(phone, call, 183, ANSWER)
    phone.do(Answer(call, ANSWER))
    assert phone.responses() == []
    phone.run(2)
    assert [response.status for response in phone.send(prack(early))] == [200, 200]
    phone.send(inside("ACK", to_tag(early), 1))
    assert len(phone.of(CallConfirmed)) == 1


def test_early_media_that_has_arrived_is_reported() -> None:
    phone, call = called()
    ringing = ring(phone, call)
    phone.send(prack(ringing))
    assert phone.of(EarlyMediaConfirmed) == []  # there was no media in it
    early = ring(phone, call, 183, ANSWER)
    phone.send(prack(early, 3))
    phone.send(prack(early, 3))
    assert phone.of(EarlyMediaConfirmed) == [EarlyMediaConfirmed(call)]


@pytest.mark.parametrize("confirmed", ["PRACK", "ACK", ""])
def test_who_has_confirmed_something_lately_is_proven(confirmed: str) -> None:
    """A datagram's source can be anybody's: only what has the tag of our response shows who receives that."""
    phone, call = called()
    early = ring(phone, call, 183, ANSWER)
    if confirmed:
        phone.send(prack(early))
    if confirmed == "ACK":
        phone.do(Answer(call, ANSWER))
        phone.send(inside("ACK", to_tag(early), 1))
    assert [event.proven for event in phone.of(IncomingCall)] == [False]
    phone.send(invite(extra=REQUIRES, call_id="another", branch="z9hG4bKanother"))
    assert phone.of(IncomingCall)[-1].proven is bool(confirmed)


def test_an_answer_does_not_wait_for_ringing_alone() -> None:
    phone, call = called()
    ringing = ring(phone, call)
    phone.do(Answer(call, ANSWER))
    assert [response.status for response in phone.responses()] == [200]
    # RFC 3262 §3: what is not repeated any more may still be acknowledged.
    assert [response.status for response in phone.send(prack(ringing))] == [200]


def test_one_after_the_other_and_in_order() -> None:
    phone, call = called()
    first = ring(phone, call)
    phone.do(Ring(call, 183, ANSWER))
    assert phone.responses() == []
    done, second = phone.send(prack(first))
    assert (done.status, second.status) == (200, 183)
    assert int(second.headers.get("RSeq") or 0) == int(first.headers.get("RSeq") or 0) + 1
    assert [response.status for response in phone.send(prack(second, 3))] == [200]


@pytest.mark.parametrize("rack", ["1 1 INVITE", "{} 2 INVITE", "{} 1 UPDATE"])
def test_a_prack_of_nothing(rack: str) -> None:
    phone, call = called()
    first = ring(phone, call)
    wrong = inside("PRACK", to_tag(first), 2, extra=("RAck: " + rack.format(first.headers.get("RSeq")),))
    assert [response.status for response in phone.send(wrong)] == [481]
    # It was not that one: it still waits.
    assert phone.run(4)
    assert [response.status for response in phone.send(prack(first, 3))] == [200]
    assert [response.status for response in phone.send(prack(first, 4))] == [481]


@pytest.mark.parametrize("rack", ["", "x", "1 1", "1 1 INVITE 1", f"{2**32} 1 INVITE", "1 -1 INVITE"])
def test_a_malformed_rack(rack: str) -> None:
    phone, call = called()
    first = ring(phone, call)
    wrong = inside("PRACK", to_tag(first), 2, extra=(f"RAck: {rack}",) if rack else ())
    assert [response.status for response in phone.send(wrong)] == [400]
    assert phone.ua.dump()["transactions"]


def test_a_prack_outside_of_any_call() -> None:
    assert [response.status for response in Phone().send(Message("PRACK", extra=("RAck: 1 1 INVITE",)))] == [481]


def test_a_repeated_prack_gets_the_same_answer() -> None:
    phone, call = called()
    first = ring(phone, call)
    assert [response.status for _ in range(2) for response in phone.send(prack(first))] == [200, 200]


def test_an_offer_in_a_prack_is_refused_and_acknowledges() -> None:
    phone, call = called()
    early = ring(phone, call, 183, ANSWER)
    assert [response.status for response in phone.send(prack(early, body=OFFER))] == [488]
    assert phone.run(20) == []
    phone.do(Answer(call, ANSWER))
    assert [response.status for response in phone.responses()] == [200]


def test_without_any_prack_the_call_is_refused() -> None:
    phone, call = called()
    ring(phone, call)
    sent = [message for _, message in phone.run(33) if isinstance(message, Response)]
    assert sent[-1].status == 504
    assert [event.cause for event in phone.of(CallEnded)] == [EndCause.TIMEOUT]
    phone.run(100)
    assert phone.ua.idle


def test_no_reliable_ringing_without_an_offer() -> None:
    """RFC 3262 §5: it would have to carry ours."""
    phone, call = called(body=b"")
    phone.do(Ring(call))
    assert phone.responses() == []
    with pytest.raises(LocalError, match="no offer"):
        phone.do(Ring(call, 183, ANSWER))
    phone.do(Answer(call, OFFER))
    assert [response.status for response in phone.responses()] == [200]


def test_ringing_goes_on_with_numbers_of_its_own() -> None:
    phone, call = called()
    first = ring(phone, call)
    phone.send(prack(first))
    again = [message for _, message in phone.run(60.1) if isinstance(message, Response)]
    assert [typed.rseq(message) for message in again] == [(typed.rseq(first) or 0) + 1]


@pytest.mark.parametrize("early", [None, ANSWER])
def test_a_cancel_while_a_prack_is_waited_for(early: bytes | None) -> None:
    wire = Wire()
    alice, bob, call, theirs = pair(wire)
    wire.drop = lambda sent: sent.line == "PRACK"
    bob.do(Ring(theirs, 183, early))
    if early is not None:
        bob.do(Answer(theirs, ANSWER))
    wire.run(1)
    alice.do(Cancel(call))
    wire.run(1)
    assert [event.status for event in alice.of(CallRejected)] == [487]
    assert len(bob.of(CallCancelled)) == 1
    wire.run(100)
    assert alice.ua.idle and bob.ua.idle


def test_hanging_up_while_the_answer_waits() -> None:
    phone, call = called()
    ring(phone, call, 183, ANSWER)
    phone.do(Answer(call, ANSWER))
    phone.do(Bye(call))
    assert [response.status for response in phone.responses()] == [480]
    assert [event.cause for event in phone.of(CallEnded)] == [EndCause.LOCAL_BYE]


# --- as caller


def test_back_to_back_with_losses() -> None:
    for lost in range(2, 9):
        wire = Wire({lost})
        alice, bob, call, theirs = pair(wire)
        if not bob.of(IncomingCall):
            continue
        bob.do(Ring(theirs, 183, ANSWER))
        bob.do(Answer(theirs, ANSWER))
        wire.run(10)
        assert [event.status for event in alice.of(CallProgress)] == [183]
        assert len(alice.of(CallAnswered)) == 1
        assert len(bob.of(CallConfirmed)) == 1
        bob.do(Bye(theirs))
        wire.run(100)
        assert [event.cause for event in alice.of(CallEnded)] == [EndCause.REMOTE_BYE]
        assert alice.ua.idle and bob.ua.idle
        assert call


def test_requests_in_the_confirmed_dialog_count_on_from_the_prack() -> None:
    wire = Wire()
    alice, bob, call, theirs = pair(wire)
    bob.do(Ring(theirs, 183, ANSWER))
    bob.do(Answer(theirs, ANSWER))
    wire.run(1)
    alice.do(Bye(call))
    wire.run(1)
    assert wire.lines(ALICE) == ["INVITE", "PRACK", "ACK", "BYE"]
    assert [event.cause for event in bob.of(CallEnded)] == [EndCause.REMOTE_BYE]


def dialled() -> tuple[Phone, str, Request]:
    phone = Phone()
    call = phone.do(Invite("sip:alice@192.0.2.1", OFFER))
    (request,) = phone.requests()
    return phone, call, request


def reliable(request: Request, rseq: int, tag: str = "a", status: int = 180) -> bytes:
    extra = ("Contact: <sip:callee@192.0.2.1:5060>", "Require: 100rel", f"RSeq: {rseq}")
    return reply(request, status, tag=tag, extra=extra)


def give(phone: Phone, response: bytes) -> list[str | None]:
    """Returns the RAck of each PRACK that is sent."""
    return [sent.headers.get("RAck") for sent in give_all(phone, response)]


def give_all(phone: Phone, response: bytes) -> list[Request]:
    phone.ua.receive(response, udp(ALICE), phone.now)
    return phone.requests()


def test_order_and_repetitions() -> None:
    phone, _, request = dialled()
    assert give(phone, reliable(request, 7)) == ["7 1 INVITE"]
    assert give(phone, reliable(request, 7)) == []  # a repetition: the PRACK repeats itself
    assert give(phone, reliable(request, 9)) == []  # 8 is missing, and both will come again
    assert give(phone, reliable(request, 8)) == ["8 1 INVITE"]
    assert give(phone, reliable(request, 9, status=183)) == ["9 1 INVITE"]
    assert [event.status for event in phone.of(CallProgress)] == [180, 180, 183]
    assert give(phone, reliable(request, 1, tag="b")) == ["1 1 INVITE"]  # another phone counts for itself


def test_what_is_not_required_is_not_acknowledged() -> None:
    phone, _, request = dialled()
    assert give_all(phone, reply(request, 180, tag="a", extra=("RSeq: 7",))) == []
    assert len(phone.of(CallProgress)) == 1


def test_forks_beyond_the_limit_are_dropped() -> None:
    phone, _, request = dialled()
    acknowledged = [give(phone, reliable(request, 1, tag=f"fork{index}")) for index in range(30)]
    assert len([each for each in acknowledged if each]) == UaSettings().max_forks


def test_both_forks_that_answer_are_acknowledged_and_one_is_hung_up() -> None:
    phone, call, request = dialled()
    for tag in ("a", "b"):
        give(phone, reliable(request, 1, tag=tag))
    sent = [one for tag in ("a", "b") for one in give_all(phone, reply(request, 200, tag=tag, body=ANSWER))]
    assert [(one.headers.get("CSeq"), typed.to_tag(one)) for one in sent] == [
        ("1 ACK", "a"),
        ("1 ACK", "b"),
        ("3 BYE", "b"),
    ]
    assert len(phone.of(CallAnswered)) == 1
    phone.do(Bye(call))
    assert [one.headers.get("CSeq") for one in phone.requests()] == ["3 BYE"]


def test_an_invite_without_an_offer_does_not_ask_for_them() -> None:
    phone = Phone()
    phone.do(Invite("sip:alice@192.0.2.1", b""))
    (request,) = phone.requests()
    assert "100rel" not in (request.headers.get("Supported") or "")


def test_required_of_the_far_end() -> None:
    wire = Wire()
    alice, bob = wire.add("alice", ALICE, settings(Use.REQUIRED)), wire.add("bob", BOB)
    alice.do(Invite(TARGET, OFFER))
    wire.run(0.1)
    bob.do(Ring(bob.of(IncomingCall)[0].call))
    wire.run(1)
    assert "PRACK" in wire.lines(ALICE)
    bob.do(Reject(bob.of(IncomingCall)[0].call, 486))
    wire.run(100)
    assert alice.ua.idle and bob.ua.idle


def test_a_call_that_rings_and_is_never_answered_leaves_no_dialog() -> None:
    phone = Phone()
    call = phone.do(Invite(f"sip:x@{ALICE}", OFFER))
    (sent,) = phone.requests()
    phone.send(reply(sent, 183, extra=("Contact: <sip:callee@192.0.2.1:5060>", "Require: 100rel", "RSeq: 1")))
    phone.run(500)
    assert [type(event) for event in phone.of(CallEnded)] == [CallEnded]
    assert phone.of(CallEnded)[0].call == call
    assert phone.ua.idle
