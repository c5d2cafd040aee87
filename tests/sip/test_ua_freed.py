"""A call that is over is freed at once: the garbage collector may be a long time coming."""

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from offhook.sip.commands import AnswerReinvite, Bye, Reinvite
from offhook.sip.dialog.invite_usage import InviteUsage
from offhook.sip.transaction.server import ServerTransaction
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, Wire
from tests.sip.test_ua_calls import established, incoming

FORGOTTEN_S = 40.0
"""Longer than any transaction lives (64 · T1, RFC 3261 §17)."""


def alive() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, InviteUsage | ServerTransaction))


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[Counter[str]]:
    """What other tests have left behind, in a cache for instance."""
    gc.collect()
    gc.disable()
    yield alive()
    gc.enable()


@pytest.mark.parametrize("reinvite", [False, True])
def test_nothing_of_a_call_is_left(uncollected: Counter[str], reinvite: bool) -> None:
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    if reinvite:
        bob.do(Reinvite(theirs, OFFER))
        wire.run(1)
        alice.do(AnswerReinvite(call, ANSWER))
        wire.run(1)
    assert alive() - uncollected
    alice.do(Bye(call))
    wire.run(FORGOTTEN_S)
    assert not alive() - uncollected
    assert incoming(bob) == theirs
    assert {alice.address, bob.address} == {ALICE, BOB}


def test_what_waits_for_copies_of_answered_requests_keeps_neither_the_call_nor_what_was_parsed(
    uncollected: Counter[str],
) -> None:
    wire = Wire()
    alice, _, call, _ = established(wire)
    alice.do(Bye(call))
    wire.run(1)
    left = alive() - uncollected
    assert left["ServerTransaction"] == 2
    assert not left["UasInviteUsage"]
    assert not [one for one in servers() if one.request.headers.parsed]


def servers() -> list[ServerTransaction]:
    return [one for one in gc.get_objects() if isinstance(one, ServerTransaction) and one.wire is not None]
