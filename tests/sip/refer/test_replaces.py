"""INVITE with Replaces (RFC 3891 §3), and REFER with Replaces in its Refer-To (RFC 5589 §7.1)."""

from dataclasses import replace

import pytest

from offhook.sip.commands import Answer, Bye, Invite
from offhook.sip.errors import LocalError
from offhook.sip.events import CallAnswered, CallEnded, IncomingCall
from offhook.sip.refer.commands import Refer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.refer.replaces import Replaces
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, TARGET, Phone, Wire, inside, invite, reply, to_tag

CAROL = "sip:carol@192.0.2.3"


def up(phone: Phone, *, answered: bool = True) -> tuple[str, str]:
    phone.send(invite())
    handle = phone.of(IncomingCall)[0].call
    if not answered:
        return handle, ""
    phone.do(Answer(handle, ANSWER))
    tag = to_tag(phone.responses()[0])
    phone.send(inside("ACK", tag, 1))
    return handle, tag


def takeover(*values: str) -> bytes:
    lines = tuple(f"Replaces: {value}" for value in values)
    contact = "Contact: <sip:carol@192.0.2.3>"
    return bytes(
        replace(
            invite(call_id="call-2", branch="z9hG4bKtake", sender="<sip:carol@example.com>;tag=c"),
            extra=(contact, *lines),
        )
    )


def test_the_call_to_be_replaced_is_named() -> None:
    phone = Phone()
    handle, tag = up(phone)
    phone.send(takeover(f"call-1;to-tag={tag};from-tag=alice"))
    assert phone.of(IncomingCall)[1].replaces == handle
    assert phone.of(IncomingCall)[0].replaces == ""
    assert not phone.of(CallEnded)  # the owner decides


def test_what_is_not_there_is_not_replaced() -> None:
    phone = Phone()
    _, tag = up(phone)
    for value in (
        f"call-1;to-tag={tag};from-tag=bob",
        f"call-9;to-tag={tag};from-tag=alice",
        "call-1;to-tag=alice;from-tag=x",
    ):
        phone.now += 64
        assert (
            phone.send(takeover(value).replace(b"z9hG4bKtake", b"z9hG4bK" + str(phone.now).encode()))[0].status == 481
        )
    assert len(phone.of(IncomingCall)) == 1


def test_an_answered_call_is_not_replaced_by_who_wants_an_early_one() -> None:
    phone = Phone()
    _, tag = up(phone)
    assert phone.send(takeover(f"call-1;to-tag={tag};from-tag=alice;early-only"))[0].status == 486


def test_a_call_that_is_over_is_declined() -> None:
    phone = Phone()
    handle, tag = up(phone)
    phone.do(Bye(handle))
    phone.send(reply(phone.requests()[0], 200))
    assert phone.send(takeover(f"call-1;to-tag={tag};from-tag=alice"))[0].status == 603


@pytest.mark.parametrize("values", [("x",), ("call-1;to-tag=a;from-tag=b", "call-2;to-tag=a;from-tag=b")])
def test_malformed_ones_are_refused(values: tuple[str, ...]) -> None:
    phone = Phone()
    assert phone.send(takeover(*values))[0].status == 400


def test_a_ringing_call_cannot_be_taken() -> None:
    phone = Phone()
    up(phone, answered=False)
    tag = next(iter(phone.ua._core.dialogs))[1]
    assert phone.send(takeover(f"call-1;to-tag={tag};from-tag=alice"))[0].status == 481


def test_a_refer_names_the_other_call_as_its_far_end_knows_it() -> None:
    wire = Wire()
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)
    first = alice.do(Invite(TARGET, OFFER))
    wire.run(0.1)
    incoming = bob.of(IncomingCall)[0].call
    bob.do(Answer(incoming, ANSWER))
    second = bob.do(Invite(f"sip:agent@{ALICE}", OFFER))
    wire.run(0.1)
    with pytest.raises(LocalError, match="not answered"):
        bob.do(Refer(incoming, "", replaces=second))
    agent = alice.of(IncomingCall)[0].call
    alice.do(Answer(agent, ANSWER))
    wire.run(0.1)
    assert bob.of(CallAnswered)
    bob.do(Refer(incoming, "", replaces=second))
    wire.run(0.1)
    (asked,) = alice.of(ReferReceived)
    assert asked.call == first
    value = asked.target.get("Replaces")
    assert value is not None
    # Alice's user agent is the agent's, too: the dialog that is named is one of hers.
    assert alice.ua._core.dialogs[Replaces.parse(value).dialog_id].call == agent
    assert asked.target.uri == f"sip:offhook@{ALICE}"
