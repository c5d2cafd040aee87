"""The latency ledger of a session: what happens on its line and in its core, as `ResponseTimer` wants it."""

from collections.abc import Callable

from offhook.pipeline.clock import Clock
from offhook.pipeline.events import Answer
from offhook.pipeline.ports import Line, voiced_test
from offhook.pipeline.response_timer import ResponseTimer
from offhook.pipeline.trace import Mark, SessionEvent, TurnTrace, TurnTraced
from offhook.pipeline.turn.core import TurnCore


class TurnTiming:
    """Times each turn of a call, and reports its trace when it is complete."""

    def __init__(self, line: Line, core: TurnCore, clock: Clock, report: Callable[[SessionEvent], None]) -> None:
        self._line = line
        self._core = core
        self._clock = clock
        self._report = report
        self._timer = ResponseTimer(voiced_test(line))
        self._stop_listening: Callable[[], None] | None = None
        self.mark = self._timer.mark
        self.likely_over = self._timer.likely_over
        self.resumed = self._timer.resumed

    def queued(self, line_tick: int, now: float) -> None:
        """Audio was queued, to be played from that line position on."""
        self._timer.queued(line_tick, now)
        if self._timer.awaits_sent and self._stop_listening is None:
            self._stop_listening = self._line.add_listener(sent=self._on_sent)  # not always: it costs for each packet

    def speech_over(self, now: float) -> None:
        """The endpointer has ended the turn that is recognised."""
        if self._core.turn_was_kept:
            self.end()  # the turn ended before its question was asked
        else:
            self._pass_on(self._timer.turn_over(self._core.speech_ended_at, now))

    def answered(self, answer: Answer, now: float) -> None:
        """The turn's answer is known: by its final, by keys or by a typed line."""
        if answer.typed and self._core.turn_was_kept:
            self.end()
        elif answer.typed or answer.digits:
            self._pass_on(self._timer.keyed(now))
        else:
            self.mark(Mark.TRANSCRIBED, now)

    def played(self) -> None:
        """The bot's utterance is over."""
        if self._timer.awaits_sent and not self._line.queued_ticks:
            self.end()

    def end(self) -> None:
        """No answer to the turn follows, or it is cut."""
        self._pass_on(self._timer.end())

    def _on_sent(self, payload: bytes, ordinal: int, at_s: float) -> None:
        line_tick = ordinal + len(payload) // self._line.bytes_per_tick
        self._pass_on(self._timer.sent(payload, line_tick, self._line.played_ticks(), at_s))

    def _pass_on(self, trace: TurnTrace | None) -> None:
        if self._stop_listening is not None and not self._timer.awaits_sent:
            self._stop_listening()
            self._stop_listening = None
        if trace is not None:
            self._report(TurnTraced(trace, self._clock.now()))
