"""The latency of one turn: its parts sum to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.trace import STAGES, Mark, TurnTrace

moments = st.floats(0, 1e5, allow_nan=False)


@given(st.lists(st.tuples(st.sampled_from([m for m in Mark if m is not Mark.SPEECH_ENDED]), moments)), moments, moments)
def test_the_stages_sum_to_the_whole(marks: list[tuple[Mark, float]], ended: float, sent: float) -> None:
    """Marks in the order of a turn, some missing or repeated, with arbitrary clock readings."""
    trace = TurnTrace()
    trace.mark(Mark.SPEECH_ENDED, ended)
    order = list(Mark)
    for mark, now in sorted(marks, key=lambda one: order.index(one[0])):
        if mark is not Mark.SENT:
            trace.mark(mark, now)
    trace.mark(Mark.SENT, sent)
    assert trace.complete
    stages = trace.stages_ms()
    assert all(stage_ms >= 0 for stage_ms in stages.values())
    assert sum(stages.values()) == pytest.approx(trace.response_ms, abs=1e-6)


def test_a_whole_turn() -> None:
    trace = TurnTrace()
    for now, mark in enumerate(Mark):
        assert not trace.complete
        trace.mark(mark, 100.0 + now)
    assert list(trace.stages_ms()) == list(STAGES.values())
    assert trace.response_ms == pytest.approx(5_000)


def test_a_key_has_no_recogniser() -> None:
    trace = TurnTrace()
    for now, mark in ((1.0, Mark.SPEECH_ENDED), (1.1, Mark.ANSWERED), (1.3, Mark.SYNTHESISED), (1.4, Mark.SENT)):
        trace.mark(mark, now)
    assert trace.stages_ms() == pytest.approx({"dialog": 100, "voice": 200, "line": 100})


def test_the_first_of_each_kind_counts() -> None:
    trace = TurnTrace()
    trace.mark(Mark.SPEECH_ENDED, 1.0)
    trace.mark(Mark.SENT, 2.0)
    trace.mark(Mark.SENT, 9.0)
    assert trace.response_ms == pytest.approx(1_000)
