"""Re-INVITEs between two user agents."""

import pytest

from offhook.sip.commands import AnswerReinvite, Reinvite, RejectReinvite
from offhook.sip.events import (
    CallConfirmed,
    CallEnded,
    EndCause,
    Event,
    ReinviteAnswered,
    ReinviteConfirmed,
    ReinviteReceived,
    ReinviteRejected,
)
from offhook.sip.message.reason import EndReason
from tests.sip.dialog.harness import ALICE, BOB, Wire
from tests.sip.test_ua_calls import established, live_calls


def test_reinvites_both_ways() -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    alice.do(Reinvite(call, b"new offer"))
    wire.run(0.1)
    assert bob.of(ReinviteReceived) == [ReinviteReceived(theirs, b"new offer")]
    bob.do(AnswerReinvite(theirs, b"new answer"))
    wire.run(1)
    assert alice.of(ReinviteAnswered) == [ReinviteAnswered(call, b"new answer")]
    assert bob.of(ReinviteConfirmed) == [ReinviteConfirmed(theirs, None)]
    bob.do(Reinvite(theirs, b"hold"))
    wire.run(0.1)
    alice.do(RejectReinvite(call, 488))
    wire.run(1)
    assert bob.of(ReinviteRejected) == [ReinviteRejected(theirs, 488, "Not Acceptable Here")]
    assert live_calls(alice) == live_calls(bob) == ["confirmed"]
    assert len(bob.of(CallConfirmed)) == 1


@pytest.mark.parametrize("lost", ["INVITE", "100 INVITE", "200 INVITE", "ACK"])
def test_a_reinvite_with_a_lost_packet(lost: str) -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    start = len(wire.log)
    wire.drop = lambda sent: sent.line == lost and lost not in [each.line for each in wire.log[start:]]
    alice.do(Reinvite(call, b"new offer"))
    wire.run(1)
    bob.do(AnswerReinvite(theirs, b"new answer"))
    wire.run(10)
    assert alice.of(ReinviteAnswered) == [ReinviteAnswered(call, b"new answer")]
    assert bob.of(ReinviteReceived) == [ReinviteReceived(theirs, b"new offer")]
    assert bob.of(ReinviteConfirmed) == [ReinviteConfirmed(theirs, None)]
    wire.run(60)
    assert live_calls(alice) == live_calls(bob) == ["confirmed"]


def test_a_reinvite_whose_2xx_is_never_acknowledged_ends_the_call() -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    wire.drop = lambda sent: sent.line == "ACK"
    alice.do(Reinvite(call, b"new offer"))
    wire.run(0.1)
    bob.do(AnswerReinvite(theirs, b"new answer"))
    wire.run(40)
    assert bob.of(CallEnded) == [CallEnded(theirs, EndCause.ACK_TIMEOUT)]
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.REMOTE_BYE, (EndReason("SIP", 408, "no ACK"),))]


def test_a_reinvite_that_nobody_answers_ends_the_call() -> None:
    wire = Wire()
    alice, _, call, _ = established(wire)
    wire.drop = lambda sent: True
    alice.do(Reinvite(call, b"new offer"))
    wire.run(33)
    assert alice.of(CallEnded) == [CallEnded(call, EndCause.TIMEOUT)]
    assert wire.lines()[-1] == "BYE"


def test_glare() -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)

    def alice_answers(event: Event) -> None:
        if isinstance(event, ReinviteReceived):
            alice.do(AnswerReinvite(call, b"alice answers"))

    def bob_answers(event: Event) -> None:
        if isinstance(event, ReinviteReceived):
            bob.do(AnswerReinvite(theirs, b"bob answers"))

    alice.handler, bob.handler = alice_answers, bob_answers
    start = len(wire.log)
    alice.do(Reinvite(call, b"alice offers"))
    bob.do(Reinvite(theirs, b"bob offers"))
    glared_at = wire.now
    wire.run(0.05)
    assert wire.lines()[start:].count("491 INVITE") == 2
    assert alice.of(ReinviteReceived) == bob.of(ReinviteReceived) == []
    wire.run(20)
    assert alice.of(ReinviteAnswered) == [ReinviteAnswered(call, b"bob answers")]
    assert bob.of(ReinviteAnswered) == [ReinviteAnswered(theirs, b"alice answers")]
    again = {
        source: [each.at - glared_at for each in wire.log[start:] if each.line == "INVITE" and each.source == source]
        for source in (ALICE, BOB)
    }
    assert 2.1 <= again[ALICE][1] <= 4.1
    assert 0.0 <= again[BOB][1] <= 2.1
    assert alice.of(CallEnded) == bob.of(CallEnded) == []
