"""REFER both ways, between two user agents on a wire and against hand-made messages."""

from dataclasses import replace

import pytest

from offhook.sip.commands import Answer, Bye, Invite
from offhook.sip.errors import LocalError
from offhook.sip.events import CallConfirmed, CallEnded, Event, IncomingCall
from offhook.sip.message.message import Request
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferReceived, ReferRefused
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
)

AGENT = "sip:+15551234567@192.0.2.9"


def call(wire: Wire) -> tuple[Agent, str, Agent, str]:
    """Alice has called Bob."""
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)
    handle = alice.do(Invite(TARGET, OFFER))
    wire.run(0.1)
    incoming = bob.of(IncomingCall)[0].call
    bob.do(Answer(incoming, ANSWER))
    wire.run(0.1)
    assert bob.of(CallConfirmed)
    return alice, handle, bob, incoming


def sent(wire: Wire, line: str) -> str:
    return next(each.data.decode() for each in wire.log if each.line == line)


def test_progress_is_reported_to_the_end() -> None:
    wire = Wire()
    alice, handle, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT, target_headers=(("User-to-User", "41;encoding=hex"),)))
    wire.run(0.1)
    (asked,) = alice.of(ReferReceived)
    assert asked.target.uri == AGENT
    assert asked.target.get("user-to-user") == "41;encoding=hex"
    assert asked.referred_by.startswith("<sip:bob@")
    alice.do(AcceptRefer(handle))
    wire.run(0.1)
    alice.do(NotifyRefer(handle, 180))
    wire.run(0.1)
    alice.do(NotifyRefer(handle, 200))
    wire.run(0.1)
    assert bob.of(ReferAccepted) == [ReferAccepted(incoming, notifies=True)]
    assert [(each.status, each.is_last) for each in bob.of(ReferProgress)] == [(100, False), (180, False), (200, True)]
    assert wire.lines(ALICE)[-3:] == ["NOTIFY"] * 3
    assert "message/sipfrag" in sent(wire, "NOTIFY")
    bob.do(Bye(incoming))
    wire.run(40)
    assert alice.ua.idle and bob.ua.idle


@pytest.mark.parametrize("lost", range(5, 12))
def test_one_lost_message_loses_no_progress(lost: int) -> None:
    wire = Wire([lost])
    alice, handle, bob, incoming = call(wire)

    def accept(event: Event) -> None:
        if isinstance(event, ReferReceived):
            alice.do(AcceptRefer(handle))

    alice.handler = accept
    wire.run(2)
    bob.do(Refer(incoming, AGENT))
    wire.run(5)
    alice.do(NotifyRefer(handle, 486, "Busy Here"))
    wire.run(5)
    assert bob.of(ReferProgress)[-1] == ReferProgress(incoming, 486, "Busy Here", is_last=True)


def test_a_refused_refer_leaves_the_call() -> None:
    wire = Wire()
    alice, handle, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT))
    wire.run(0.1)
    alice.do(RejectRefer(handle, 603))
    wire.run(0.1)
    assert bob.of(ReferRefused) == [ReferRefused(incoming, 603, "Decline")]
    bob.do(Refer(incoming, AGENT))
    wire.run(0.1)
    assert len(alice.of(ReferReceived)) == 2


def test_no_subscription_is_made_where_none_is_wanted() -> None:
    wire = Wire()
    alice, handle, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT, subscribe=False))
    wire.run(0.1)
    alice.do(AcceptRefer(handle))
    alice.do(NotifyRefer(handle, 200))
    wire.run(1)
    assert bob.of(ReferAccepted) == [ReferAccepted(incoming, notifies=False)]
    assert "NOTIFY" not in wire.lines()


def test_one_refer_at_a_time() -> None:
    wire = Wire()
    _, _, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT))
    with pytest.raises(LocalError, match="already"):
        bob.do(Refer(incoming, AGENT))
    with pytest.raises(LocalError, match="already"):
        wire.run(0.1)
        bob.do(Refer(incoming, AGENT))


@pytest.mark.parametrize("target", ["", "agent", "sip:", "sip:a@b\r\nX: y", "mailto:a@b c"])
def test_targets_that_cannot_be_written_change_nothing(target: str) -> None:
    wire = Wire()
    _, _, bob, incoming = call(wire)
    before = len(wire.log)
    with pytest.raises(LocalError):
        bob.do(Refer(incoming, target))
    assert len(wire.log) == before
    bob.do(Refer(incoming, AGENT))


def test_a_pending_refer_is_declined_when_the_call_ends() -> None:
    wire = Wire()
    alice, handle, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT))
    wire.run(0.1)
    alice.do(Bye(handle))
    wire.run(40)
    assert "603 REFER" in wire.lines(ALICE)
    assert alice.ua.idle and bob.ua.idle


def test_teams_sends_a_bye_right_after_its_202() -> None:
    wire = Wire()
    alice, handle, bob, incoming = call(wire)
    bob.do(Refer(incoming, AGENT))
    wire.run(0.1)
    alice.do(AcceptRefer(handle))
    alice.do(Bye(handle))
    wire.run(0.1)
    kinds = [type(each) for each in bob.events if isinstance(each, ReferAccepted | CallEnded)]
    assert kinds == [ReferAccepted, CallEnded]


def test_nothing_comes_of_a_lost_peer() -> None:
    wire = Wire()
    _, _, bob, incoming = call(wire)
    wire.drop = lambda datagram: datagram.source == ALICE
    bob.do(Refer(incoming, AGENT))
    wire.run(40)
    assert bob.of(ReferRefused) == [ReferRefused(incoming, 408, "Request Timeout")]


# Against hand-made messages.


def answered(phone: Phone) -> tuple[str, str]:
    """A call that is up: its handle, and our tag."""
    phone.send(invite())
    handle = phone.of(IncomingCall)[0].call
    phone.do(Answer(handle, ANSWER))
    (ok,) = phone.responses()
    tag = to_tag(ok)
    phone.send(inside("ACK", tag, 1))
    return handle, tag


def refer_sent(phone: Phone, handle: str) -> Request:
    phone.do(Refer(handle, AGENT))
    return phone.requests()[0]


def notify(
    tag: str, cseq: int, *, event: str = "refer", state: str = "active", body: bytes = b"SIP/2.0 200 OK"
) -> Message:
    lines = (f"Event: {event}", f"Subscription-State: {state}")
    return replace(inside("NOTIFY", tag, cseq), extra=lines, body=body, content_type="message/sipfrag;version=2.0")


def test_a_notify_may_overtake_the_202() -> None:
    phone = Phone()
    handle, tag = answered(phone)
    refer = refer_sent(phone, handle)
    assert [each.status for each in phone.send(notify(tag, 2))] == [200]
    phone.send(reply(refer, 202))
    assert [type(each) for each in phone.events][-1] is ReferProgress
    assert phone.of(ReferProgress) == [ReferProgress(handle, 200, "OK", is_last=True)]


def test_a_subscription_that_ends_without_a_status_is_reported() -> None:
    phone = Phone()
    handle, tag = answered(phone)
    phone.send(reply(refer_sent(phone, handle), 202))
    phone.send(notify(tag, 2, state="terminated;reason=timeout", body=b""))
    assert phone.of(ReferProgress) == [ReferProgress(handle, 100, "no status", is_last=True)]


@pytest.mark.parametrize(
    ("event", "status"),
    [("refer", 200), ("refer;id={n}", 200), ("REFER;ID={n}", 200), ("refer;id=77", 481), ("presence", 489), ("", 489)],
)
def test_only_the_refers_own_event_counts(event: str, status: int) -> None:
    phone = Phone()
    handle, tag = answered(phone)
    refer = refer_sent(phone, handle)
    number = (refer.headers.get("CSeq") or "").split()[0]
    phone.send(reply(refer, 202))
    assert [each.status for each in phone.send(notify(tag, 2, event=event.format(n=number)))] == [status]


def test_a_notify_after_the_last_one_has_no_subscription() -> None:
    phone = Phone()
    handle, tag = answered(phone)
    phone.send(reply(refer_sent(phone, handle), 202))
    phone.send(notify(tag, 2))
    assert [each.status for each in phone.send(notify(tag, 3))] == [481]
    assert len(phone.of(ReferProgress)) == 1


def test_strangers_refer_nobody() -> None:
    phone = Phone()
    refer = replace(Message("REFER"), extra=("Contact: <sip:a@192.0.2.1>", f"Refer-To: <{AGENT}>"))
    assert [each.status for each in phone.send(refer)] == [403]
    assert [each.status for each in phone.send(Message("NOTIFY", branch="z9hG4bKn", extra=("Event: refer",)))] == [481]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 400),
        (("Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"), 400),
        (("Refer-To: sip:a@b, sip:c@d",), 400),
        (("Refer-To: <sip:a@b;method=BYE>",), 400),
    ],
)
def test_a_refer_without_one_target_is_refused(lines: tuple[str, ...], status: int) -> None:
    phone = Phone()
    _, tag = answered(phone)
    refer = replace(inside("REFER", tag, 2), extra=lines)
    assert [each.status for each in phone.send(refer)] == [status]
    assert not phone.of(ReferReceived)
    # The next one is judged anew.
    phone.send(replace(inside("REFER", tag, 3), extra=(f"Refer-To: <{AGENT}>",)))
    assert len(phone.of(ReferReceived)) == 1
