"""The latency ledger: from the caller's last sound until the bot's answer is audible to them. Pure."""

from collections.abc import Callable

from offhook.pipeline.trace import Mark, TurnTrace

MAX_SILENT_S = 1.0
"""How long after the answer's first packet it may take to become audible and to arrive; then the trace does without."""


class ResponseTimer:
    """Traces one turn at a time, the latest, until its answer is audible. `is_voiced(payload)`: it is not silence."""

    def __init__(self, is_voiced: Callable[[bytes], bool]) -> None:
        self.awaits_sent = False
        """Whether `sent` is wanted: an answer is queued and is not audible yet."""
        self._is_voiced = is_voiced
        self._trace: TurnTrace | None = None
        self._answer_at = 0  # line position where the answer begins
        self._voiced_at: int | None = None  # and where its first voiced packet ends
        self._early: dict[Mark, float] = {}  # before the turn's end: they count if it was the end

    def likely_over(self, now: float) -> None:
        """The caller's turn is probably over; a reply may be prepared."""
        self._early = {Mark.LIKELY_ENDED: now}

    def resumed(self) -> None:
        """It was not; what was prepared is void."""
        self._early.clear()

    def turn_over(self, speech_ended_at: float, now: float) -> TurnTrace | None:
        """The caller's turn is over; their last sound was at `speech_ended_at`. Returns the trace before, see `end`."""
        early = self._early
        before = self._begin(min(now, speech_ended_at))
        for mark, at in early.items():
            if at >= speech_ended_at:
                self.mark(mark, at)
        self.mark(Mark.TURN_ENDED, now)
        return before

    def keyed(self, now: float) -> TurnTrace | None:
        """The caller answered by keys or a typed line: the turn ended with the last key, or with Enter."""
        return self._begin(now)

    def mark(self, mark: Mark, now: float) -> None:
        """Something happened on the way to the answer."""
        trace = self._trace
        if trace is not None and Mark.SENT not in trace.marks:
            trace.mark(mark, now)
        elif self._early:
            self._early.setdefault(mark, now)

    def queued(self, line_tick: int, now: float) -> None:
        """Audio was queued, to be played from that line position on."""
        if self._trace is not None and Mark.SYNTHESISED not in self._trace.marks:
            self._trace.mark(Mark.SYNTHESISED, now)
            self._answer_at = line_tick
            self.awaits_sent = True

    def sent(self, payload: bytes, line_tick: int, played_ticks: int, at_s: float) -> TurnTrace | None:
        """The line has sent `payload`, up to that position, and `played_ticks` have arrived. Returns the trace once it
        is complete."""
        trace = self._trace
        # Audio queued before the answer may be reported later.
        if trace is None or not self.awaits_sent or line_tick <= self._answer_at:
            return None
        trace.mark(Mark.SENT, at_s)
        if self._voiced_at is None and self._is_voiced(payload):
            trace.mark(Mark.VOICED, at_s)
            self._voiced_at = line_tick
        if self._voiced_at is not None and played_ticks >= self._voiced_at:
            trace.mark(Mark.PLAYED, at_s)
            return self.end()
        return self.end() if at_s - trace.marks[Mark.SENT] > MAX_SILENT_S else None

    def end(self) -> TurnTrace | None:
        """The answer is over or cut, or none follows. Returns the trace of one that has begun to leave."""
        trace, self._trace, self._voiced_at = self._trace, None, None
        self.awaits_sent = False
        return trace if trace is not None and trace.complete else None

    def _begin(self, speech_ended_at: float) -> TurnTrace | None:
        before, self._early = self.end(), {}
        self._trace = trace = TurnTrace()
        trace.mark(Mark.SPEECH_ENDED, speech_ended_at)
        return before
