"""Two user agents back to back over a wire that loses datagrams, in virtual time."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Cancel, Invite, Reinvite, Reject, Ring
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRejected,
    EndCause,
    Event,
    IncomingCall,
)
from offhook.sip.message.reason import EndReason
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, TARGET, Agent, Wire, udp


def pair(wire: Wire, *, ring: bool = False, answer: bool = True) -> tuple[Agent, Agent]:
    """Alice, who calls, and Bob, who answers at once."""
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)

    def handle(event: Event) -> None:
        if isinstance(event, IncomingCall):
            if ring:
                bob.do(Ring(event.call))
            if answer:
                bob.do(Answer(event.call, ANSWER))

    bob.handler = handle
    return alice, bob


def dial(alice: Agent) -> str:
    return alice.do(Invite(TARGET, OFFER))


def incoming(bob: Agent) -> str:
    (event,) = bob.of(IncomingCall)
    return event.call


def established(wire: Wire) -> tuple[Agent, Agent, str, str]:
    alice, bob = pair(wire)
    call = dial(alice)
    wire.run(1)
    assert len(bob.of(CallConfirmed)) == 1
    return alice, bob, call, incoming(bob)


def live_calls(agent: Agent) -> list[str]:
    calls = agent.ua.dump()["calls"]
    assert isinstance(calls, list)
    return [each["state"] for each in calls]


def test_a_call_from_its_invite_to_its_end() -> None:
    wire = Wire()
    alice, bob = pair(wire, ring=True)
    call = dial(alice)
    wire.run(2)
    assert wire.lines() == ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK"]
    assert alice.events == [CallProgress(call, 180, "Ringing", None), CallAnswered(call, ANSWER)]
    (event,) = bob.of(IncomingCall)
    assert (event.sdp, event.source, event.request_uri) == (OFFER, ALICE, TARGET)
    assert bob.events[1:] == [CallConfirmed(event.call, None)]
    alice.do(Bye(call))
    wire.run(40)
    assert wire.lines()[5:] == ["BYE", "200 BYE"]
    assert alice.events[-1] == CallEnded(call, EndCause.LOCAL_BYE)
    assert bob.events[-1] == CallEnded(event.call, EndCause.REMOTE_BYE)
    assert alice.ua.idle
    assert bob.ua.idle
    assert alice.ua.get_timer() is None
    assert bob.ua.get_timer() is None


def test_the_callee_hangs_up() -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    bob.do(Bye(theirs))
    wire.run(40)
    assert bob.events[-1] == CallEnded(theirs, EndCause.LOCAL_BYE)
    assert alice.events[-1] == CallEnded(call, EndCause.REMOTE_BYE)
    assert alice.ua.idle
    assert bob.ua.idle


@pytest.mark.parametrize("position", range(8))
@pytest.mark.parametrize("ring", [False, True])
def test_one_lost_packet_makes_no_difference(position: int, ring: bool) -> None:
    wire = Wire(lose=[position])
    alice, bob = pair(wire, ring=ring)
    call = dial(alice)
    wire.run(10)
    assert alice.of(CallAnswered) == [CallAnswered(call, ANSWER)]
    assert len(bob.of(IncomingCall)) == 1
    assert len(bob.of(CallConfirmed)) == 1
    assert live_calls(alice) == live_calls(bob) == ["confirmed"]
    alice.do(Bye(call))
    wire.run(70)
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.LOCAL_BYE)]
    assert bob.of(CallEnded) == [CallEnded(incoming(bob), EndCause.REMOTE_BYE)]
    assert alice.ua.idle
    assert bob.ua.idle


@pytest.mark.parametrize("seed", range(12))
def test_runs_of_lost_packets_leave_both_sides_agreed(seed: int) -> None:
    wire = Wire(lose=[n for n in range(60) if (n * 7 + seed * 5) % 12 < 5])
    alice, bob = pair(wire, ring=True)
    dial(alice)
    wire.run(31)
    assert len(alice.of(CallAnswered)) == 1
    assert len(bob.of(IncomingCall)) == len(bob.of(CallConfirmed)) == 1
    bob.do(Bye(incoming(bob)))
    wire.run(100)
    assert len(alice.of(CallEnded)) == len(bob.of(CallEnded)) == 1
    assert alice.ua.idle
    assert bob.ua.idle


def test_an_invite_that_nobody_answers() -> None:
    wire = Wire()
    alice = wire.add("alice", ALICE)
    call = dial(alice)
    wire.run(100)
    assert wire.times("INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert alice.events == [CallEnded(call, EndCause.TIMEOUT)]
    assert alice.ua.idle


def test_a_2xx_is_repeated_for_64_t1_and_then_hung_up() -> None:
    wire = Wire()
    alice, bob = pair(wire)
    wire.drop = lambda sent: sent.line == "ACK"
    call = dial(alice)
    wire.run(100)
    first, *others = wire.times("200 INVITE")
    spacing = [round(at - first, 3) for at in others]
    assert spacing == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert len(wire.times("ACK")) == len(others) + 1
    assert bob.of(CallEnded) == [CallEnded(incoming(bob), EndCause.ACK_TIMEOUT)]
    assert wire.times("BYE", BOB) == [round(first + 32, 3)]
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.REMOTE_BYE, (EndReason("SIP", 408, "no ACK"),))]
    assert bob.ua.idle


def test_bye_before_the_ack_waits_for_it() -> None:
    wire = Wire(lose=[3])
    alice, bob = pair(wire)
    call = dial(alice)
    wire.run(0.2)
    assert wire.lines() == ["INVITE", "100 INVITE", "200 INVITE", "ACK"]
    bob.do(Bye(incoming(bob)))
    assert bob.events[-1] == CallEnded(incoming(bob), EndCause.LOCAL_BYE)
    assert "BYE" not in wire.lines()
    wire.run(1)
    assert wire.lines()[4:] == ["200 INVITE", "ACK", "BYE", "200 BYE"]
    assert alice.events[-1] == CallEnded(call, EndCause.REMOTE_BYE)
    with pytest.raises(LocalError, match="no call"):
        bob.do(Bye(incoming(bob)))


def test_bye_is_repeated_and_given_up() -> None:
    wire = Wire()
    alice, _, call, _ = established(wire)
    wire.drop = lambda sent: True
    alice.do(Bye(call))
    wire.run(40)
    assert len(wire.times("BYE")) == 11
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.LOCAL_BYE)]
    assert alice.ua.idle


def test_byes_that_cross() -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    alice.do(Bye(call))
    bob.do(Bye(theirs))
    wire.run(70)
    assert len(alice.of(CallEnded)) == len(bob.of(CallEnded)) == 1
    assert alice.ua.idle
    assert bob.ua.idle


def test_rejection_with_headers() -> None:
    wire = Wire()
    alice, bob = pair(wire, answer=False)
    call = dial(alice)
    wire.run(0.1)
    bob.do(Reject(incoming(bob), 486, headers=(("Retry-After", "30"),)))
    wire.run(60)
    assert alice.events == [CallRejected(call, 486, "Busy Here", retry_after_s=30)]
    assert bob.of(CallEnded) == []
    assert wire.lines() == ["INVITE", "100 INVITE", "486 INVITE", "ACK"]
    assert b"Retry-After: 30\r\n" in wire.log[2].data
    assert alice.ua.idle
    assert bob.ua.idle


def test_cancel_while_ringing() -> None:
    wire = Wire()
    alice, bob = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(1)
    alice.do(Cancel(call))
    wire.run(60)
    assert wire.lines()[3:] == ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    assert alice.events[-1] == CallRejected(call, 487, "Request Terminated")
    assert bob.events[-1] == CallCancelled(incoming(bob))
    assert alice.ua.idle
    assert bob.ua.idle


@pytest.mark.parametrize("position", range(3, 8))
def test_cancel_with_a_lost_packet(position: int) -> None:
    wire = Wire(lose=[position])
    alice, bob = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(1)
    alice.do(Cancel(call))
    wire.run(70)
    assert alice.events[-1] == CallRejected(call, 487, "Request Terminated")
    assert bob.of(CallCancelled) == [CallCancelled(incoming(bob))]
    assert alice.ua.idle
    assert bob.ua.idle


def test_cancel_waits_for_a_provisional_response() -> None:
    wire = Wire(lose=[0, 1])
    alice, bob = pair(wire, answer=False)
    call = dial(alice)
    alice.do(Cancel(call))
    wire.run(1)
    assert wire.lines() == ["INVITE", "INVITE"]
    wire.run(60)
    assert wire.lines()[2:] == ["INVITE", "100 INVITE", "CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    assert alice.events == [CallRejected(call, 487, "Request Terminated")]
    assert bob.of(CallCancelled) == [CallCancelled(incoming(bob))]


def test_cancel_that_meets_the_answer_hangs_up() -> None:
    wire = Wire()
    alice, bob = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(1)
    bob.do(Answer(incoming(bob), ANSWER))
    alice.do(Cancel(call))
    wire.run(70)
    assert wire.lines()[3:] == ["200 INVITE", "CANCEL", "ACK", "BYE", "200 CANCEL", "200 BYE"]
    assert alice.events[-1] == CallEnded(call, EndCause.LOCAL_BYE)
    assert bob.of(CallCancelled) == []
    assert bob.events[-1] == CallEnded(incoming(bob), EndCause.REMOTE_BYE)
    assert alice.ua.idle
    assert bob.ua.idle


def test_cancel_that_nobody_hears_gives_up() -> None:
    wire = Wire()
    alice, _ = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(1)
    wire.drop = lambda sent: True
    alice.do(Cancel(call))
    wire.run(31.9)
    assert alice.of(CallEnded) == []
    wire.run(0.2)
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.TIMEOUT)]
    wire.run(400)
    assert alice.ua.idle


def test_a_call_that_rings_too_long_is_taken_back() -> None:
    wire = Wire()
    alice, bob = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(170)
    assert len(wire.times("180 INVITE")) == 3
    wire.run(20)
    assert len(alice.events) == 4
    assert alice.events[-1] in (
        CallRejected(call, 480, "Temporarily Unavailable"),
        CallRejected(call, 487, "Request Terminated"),
    )
    wire.run(60)
    assert bob.ua.idle
    assert alice.ua.idle


def test_commands_out_of_order_are_misuse() -> None:
    wire = Wire()
    alice, bob = pair(wire, answer=False)
    call = dial(alice)
    wire.run(0.1)
    theirs = incoming(bob)
    with pytest.raises(LocalError):
        bob.do(Bye(theirs))
    with pytest.raises(LocalError):
        bob.do(Reinvite(theirs, OFFER))
    with pytest.raises(LocalError):
        bob.do(Reject(theirs, 200))
    with pytest.raises(LocalError):
        bob.do(Reject(theirs, 486, headers=(("X", "a\r\nEvil: 1"),)))
    with pytest.raises(LocalError):
        alice.do(Answer(call, ANSWER))
    bob.do(Answer(theirs, ANSWER))
    with pytest.raises(LocalError):
        bob.do(Answer(theirs, ANSWER))
    wire.run(1)
    with pytest.raises(LocalError):
        alice.do(Cancel(call))
    with pytest.raises(LocalError):
        bob.do(AnswerReinvite(theirs, ANSWER))
    alice.do(Reinvite(call, OFFER))
    with pytest.raises(LocalError):
        alice.do(Reinvite(call, OFFER))
    with pytest.raises(LocalError):
        alice.do(Bye("nobody"))


@pytest.mark.parametrize("target", ["", "bob", "sip:bob@example.com", "sip:b>ob@192.0.2.2", "sip:a@192.0.2.2\r\nX: y"])
def test_targets_that_cannot_be_called(target: str) -> None:
    alice = Wire().add("alice", ALICE)
    with pytest.raises(LocalError):
        alice.do(Invite(target, OFFER))


def test_a_destination_saves_the_look_up() -> None:
    wire = Wire()
    alice, bob = pair(wire)
    alice.do(
        Invite("sip:bob@example.com", OFFER, destination=BOB, from_uri="sip:me@example.org", headers=(("X-Id", "7"),))
    )
    wire.run(1)
    (event,) = bob.of(IncomingCall)
    assert event.from_uri == "sip:me@example.org"
    assert event.headers.get("X-Id") == "7"
    assert len(alice.of(CallAnswered)) == 1


def test_a_transport_error_ends_a_call_that_is_being_made() -> None:
    wire = Wire()
    alice = wire.add("alice", ALICE)
    call = dial(alice)
    alice.ua.transport_failed(udp(BOB, ALICE), wire.now)
    alice.pump()
    assert alice.events == [CallEnded(call, EndCause.TRANSPORT)]
    assert alice.ua.idle


def test_advertised_address() -> None:
    wire = Wire()
    public = ALICE
    bob = wire.add("bob", BOB, UaSettings(advertised=public, contact_user="me"))
    bob.do(Invite("sip:x@192.0.2.9", OFFER))
    data = wire.log[0].data
    assert b"Contact: <sip:me@192.0.2.1:5060>\r\n" in data
    assert data.splitlines()[1].startswith(b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK")


def test_a_thousand_calls_at_once() -> None:
    wire = Wire()
    alice, bob = pair(wire)
    bob_calls = 300
    for _ in range(bob_calls):
        dial(alice)
    wire.run(1)
    assert len(alice.of(CallAnswered)) == len(bob.of(CallConfirmed)) == bob_calls
    for event in alice.of(CallAnswered):
        call = event.call
        alice.do(Bye(call))
    wire.run(60)
    assert len(bob.of(CallEnded)) == bob_calls
    assert alice.ua.idle
    assert bob.ua.idle


def test_who_hangs_up_or_gives_up_says_why() -> None:
    """RFC 3326."""
    why = (EndReason("Q.850", 16, "bot"), EndReason("SIP", 200, 'it is "over"'))
    wire = Wire()
    alice, bob, call, _ = established(wire)
    alice.do(Bye(call, why))
    wire.run(1)
    assert [event.reasons for event in bob.of(CallEnded)] == [why]

    wire = Wire()
    alice, bob = pair(wire, ring=True, answer=False)
    call = dial(alice)
    wire.run(1)
    alice.do(Cancel(call, why[:1]))
    wire.run(1)
    assert [event.reasons for event in bob.of(CallCancelled)] == [why[:1]]
    assert any(b'Reason: Q.850;cause=16;text="bot"\r\n' in sent.data for sent in wire.log)


def test_a_reason_that_cannot_be_written_changes_nothing() -> None:
    wire = Wire()
    alice, bob, call, _ = established(wire)
    with pytest.raises(LocalError, match="Reason"):
        alice.do(Bye(call, (EndReason("Q.850", 16, "a\r\nb"),)))
    wire.run(1)
    assert not bob.of(CallEnded)
