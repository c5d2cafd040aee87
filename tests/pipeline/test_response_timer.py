"""The latency ledger of one turn, as the session drives it."""

import pytest

from offhook.pipeline.response_timer import MAX_SILENT_S, ResponseTimer
from offhook.pipeline.trace import Mark

VOICE, SILENCE = b"v" * 160, b"s" * 160


def timer() -> ResponseTimer:
    return ResponseTimer(lambda payload: payload != SILENCE)


def answered(found: ResponseTimer) -> None:
    found.turn_over(1.0, 1.5)
    found.mark(Mark.TRANSCRIBED, 1.6)
    found.mark(Mark.ANSWERED, 1.7)
    found.queued(0, 1.8)


def test_it_ends_when_the_first_voiced_packet_has_arrived() -> None:
    found = timer()
    answered(found)
    assert found.sent(SILENCE, 160, 0, 1.9) is None
    assert found.sent(VOICE, 320, 0, 1.92) is None
    assert found.sent(VOICE, 480, 319, 1.94) is None
    trace = found.sent(VOICE, 640, 400, 1.96)
    assert trace is not None
    assert (trace.marks[Mark.SENT], trace.marks[Mark.VOICED], trace.marks[Mark.PLAYED]) == (1.9, 1.92, 1.96)
    assert found.sent(VOICE, 800, 800, 1.98) is None


def test_an_answer_that_stays_silent_is_traced_without() -> None:
    found = timer()
    answered(found)
    assert found.sent(SILENCE, 160, 160, 2.0) is None
    trace = found.sent(SILENCE, 320, 320, 2.001 + MAX_SILENT_S)
    assert trace is not None
    assert Mark.VOICED not in trace.marks


def test_the_next_turn_ends_the_trace_of_an_answer_that_had_begun() -> None:
    found = timer()
    answered(found)
    found.sent(SILENCE, 160, 0, 1.9)
    trace = found.turn_over(3.0, 3.5)
    assert trace is not None
    assert trace.response_ms == pytest.approx(900)
    assert found.end() is None


def test_what_was_prepared_counts_if_the_turn_was_over() -> None:
    found = timer()
    found.likely_over(1.2)
    found.mark(Mark.FIRST_TOKEN, 1.3)
    found.resumed()
    found.likely_over(3.2)
    found.mark(Mark.FIRST_TOKEN, 3.4)
    found.turn_over(3.0, 3.5)
    found.queued(0, 3.6)
    trace = found.sent(VOICE, 160, 160, 3.7)
    assert trace is not None
    assert (trace.marks[Mark.LIKELY_ENDED], trace.marks[Mark.FIRST_TOKEN]) == (3.2, 3.4)


def test_what_was_prepared_for_words_before_does_not_count() -> None:
    found = timer()
    found.likely_over(1.2)
    found.turn_over(3.0, 3.5)
    found.queued(0, 3.6)
    trace = found.sent(VOICE, 160, 160, 3.7)
    assert trace is not None
    assert Mark.LIKELY_ENDED not in trace.marks
