"""Commands are values: all of them are executed, and all of them can cross to another process."""

import pickle
from typing import get_args

import pytest

from offhook.sip.commands import (
    Answer,
    AnswerReinvite,
    Bye,
    Cancel,
    Command,
    CommandFailed,
    Invite,
    MoveRegistration,
    Ping,
    QueryRegistration,
    Register,
    Reinvite,
    Reject,
    RejectReinvite,
    Ring,
    SendKey,
    Unregister,
    Update,
)
from offhook.sip.errors import LocalError
from offhook.sip.net.address import Address
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from tests.sip.dialog.harness import ALICE, OFFER, TARGET, Wire

COMMANDS: list[Command] = [
    Ring("a"),
    Answer("a", OFFER),
    Reject("a", 486, (("Retry-After", "5"),)),
    Bye("a"),
    Invite(TARGET, OFFER, destination=Address("192.0.2.2", 5060), headers=(("X-Id", "7"),), call="a"),
    Cancel("a"),
    Reinvite("a", OFFER),
    Update("a", OFFER),
    AnswerReinvite("a", OFFER),
    RejectReinvite("a", 488),
    SendKey("a", "5"),
    Refer("a", "sip:agent@example.com", replaces="b", target_headers=(("User-to-User", "41"),)),
    AcceptRefer("a"),
    RejectRefer("a", 603),
    NotifyRefer("a", 486, "Busy Here"),
    Register("a", "sip:192.0.2.2", "sip:bot@example.com", "bot"),
    MoveRegistration("a", ALICE),
    Unregister("a"),
    QueryRegistration("a", "sip:192.0.2.2", "sip:bot@example.com"),
    Ping("a", "sip:192.0.2.2"),
]

BEGINNING = (Invite, Register, QueryRegistration, Ping)


def test_none_is_missing_here() -> None:
    assert {type(command) for command in COMMANDS} == set(get_args(Command))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_value_arrives_in_another_process(command: Command) -> None:
    assert pickle.loads(pickle.dumps(command)) == command
    failed = CommandFailed(command, "the call is over")
    assert pickle.loads(pickle.dumps(failed)) == failed
    assert failed.call == "a"


@pytest.mark.parametrize("command", [command for command in COMMANDS if not isinstance(command, BEGINNING)])
def test_a_dead_handle_is_a_local_error_and_changes_nothing(command: Command) -> None:
    alice = Wire().add("alice", ALICE)
    with pytest.raises(LocalError, match=r"no (call|account) a"):
        alice.do(command)
    assert alice.ua.idle and not alice.events


def test_a_handle_serves_one_call() -> None:
    alice = Wire().add("alice", ALICE)
    invite = Invite(TARGET, OFFER)
    assert alice.do(invite) == invite.call
    with pytest.raises(LocalError, match="handle of its own"):
        alice.do(invite)
    assert Invite(TARGET, OFFER).call != invite.call
