"""Callers leave room for calls out, where that is limited."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook.observe.refusals import Reason, Refusal
from offhook.process.call_admission import CallAdmission
from offhook.process.placements import Placement, Placements
from offhook.process.source_shares import Capacity

WORKER = cast(Any, SimpleNamespace(drop=lambda call: None))
CALLER = cast(Any, SimpleNamespace(host="192.0.2.9", port=5060))


class Refused:
    """The log of refusals."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []

    def refused(self, refusal: Refusal, transport: str) -> None:
        self.reasons.append(refusal.reason)


@pytest.fixture
def placements() -> Placements:
    return Placements()


@pytest.fixture
def refused() -> Refused:
    return Refused()


@pytest.fixture
def admission(placements: Placements, refused: Refused) -> CallAdmission:
    workers = SimpleNamespace(choose=lambda ports=True: WORKER, capacity=lambda: Capacity(100, 100, 100))
    shares = SimpleNamespace(refusal=lambda *_, asks_only: None)
    made = CallAdmission(cast(Any, workers), placements, cast(Any, shares), cast(Any, refused), 0, lambda: 0.0)
    made.ready = True
    made.most_callers = 2
    return made


def test_callers_are_counted_and_calls_out_are_not(admission: CallAdmission, placements: Placements) -> None:
    placements.add("in", Placement(WORKER, None, host="192.0.2.9"))
    for name in ("leg", "out"):
        placements.add(name, Placement(WORKER, None))
    assert not isinstance(admission.choose_for_caller(), Refusal)
    assert admission.admit("INVITE", CALLER) is None
    placements.add("another", Placement(WORKER, None, host="192.0.2.9"))
    full = admission.choose_for_caller()
    assert isinstance(full, Refusal)
    assert (full.status, full.why) == (486, "2 callers are there, and other calls are kept for calls out")
    assert not isinstance(admission.choose(), Refusal), "that is what they are kept for"
    placements.remove("in")
    assert not isinstance(admission.choose_for_caller(), Refusal)


def test_the_caller_beyond_is_refused_before_any_work_and_counted(
    admission: CallAdmission, placements: Placements, refused: Refused
) -> None:
    for name in ("in", "another"):
        placements.add(name, Placement(WORKER, None, host="192.0.2.9"))
    answer = admission.admit("INVITE", CALLER)
    assert answer is not None and answer.status == 486
    assert refused.reasons == [Reason.MAX_CALLS]
    assert admission.admit("OPTIONS", CALLER) is not None
    assert refused.reasons == [Reason.MAX_CALLS]
    admission.most_callers = None
    assert admission.admit("INVITE", CALLER) is None
