"""The latency of one turn: its parts sum to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.trace import STAGES, Mark, TurnTrace

moments = st.floats(0, 1e5, allow_nan=False)


MIDDLE = [mark for mark in Mark if mark not in (Mark.SPEECH_ENDED, Mark.SENT, Mark.VOICED, Mark.PLAYED)]


@given(st.lists(st.tuples(st.sampled_from(MIDDLE), moments)), moments, st.lists(moments, min_size=1, max_size=3))
def test_the_stages_sum_to_the_whole(marks: list[tuple[Mark, float]], ended: float, last: list[float]) -> None:
    """Marks in any order, some missing or repeated, with arbitrary clock readings."""
    trace = TurnTrace()
    trace.mark(Mark.SPEECH_ENDED, ended)
    for mark, now in marks:
        trace.mark(mark, now)
    for mark, now in zip((Mark.SENT, Mark.VOICED, Mark.PLAYED), last, strict=False):
        trace.mark(mark, now)
    assert trace.complete
    assert all(stage_ms >= 0 for stage_ms in trace.ledger_ms().values())
    assert sum(trace.stages_ms().values()) == pytest.approx(trace.response_ms, abs=1e-6)
    assert sum(trace.ledger_ms().values()) == pytest.approx(trace.total_ms, abs=1e-6)
    assert max(trace.marks_ms().values()) == pytest.approx(trace.total_ms, abs=1e-6)


def test_a_whole_turn() -> None:
    trace = TurnTrace()
    for now, mark in enumerate(Mark):
        assert trace.complete is (mark in (Mark.VOICED, Mark.PLAYED))
        trace.mark(mark, 100.0 + now)
    assert list(trace.ledger_ms()) == list(STAGES.values())
    assert trace.response_ms == pytest.approx(8_000)
    assert trace.total_ms == pytest.approx(10_000)


def test_a_reply_may_be_prepared_before_the_turn_is_over() -> None:
    trace = TurnTrace()
    for now, mark in (
        (1.0, Mark.SPEECH_ENDED),
        (1.5, Mark.TURN_ENDED),
        (1.2, Mark.LIKELY_ENDED),
        (1.4, Mark.FIRST_TOKEN),
        (1.6, Mark.SENT),
    ):
        trace.mark(mark, now)
    assert trace.stages_ms() == pytest.approx({"likely": 200, "model": 200, "endpoint": 100, "line": 100})


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
