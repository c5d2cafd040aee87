"""Measures response latency: from the caller's last sound to the first packet of the bot's answer. Pure."""

from offhook.pipeline.trace import Mark, TurnTrace


class ResponseTimer:
    """Traces one turn at a time, the latest, until its answer has begun to leave."""

    def __init__(self) -> None:
        self.awaits_sent = False
        """Whether `sent` is wanted: an answer is queued and has not begun to leave. Checked for each packet."""
        self._trace: TurnTrace | None = None
        self._answer_at = 0  # line position where the answer begins

    def turn_over(self, speech_ended_at: float, now: float) -> None:
        """The caller's turn is over; their last sound was at `speech_ended_at`."""
        trace = self._begin(min(now, speech_ended_at))
        trace.mark(Mark.TURN_ENDED, now)

    def keyed(self, now: float) -> None:
        """The caller answered by keys or a typed line: the turn ended with the last key, or with Enter."""
        self._begin(now)

    def transcribed(self, now: float) -> None:
        """The transcript is there."""
        self._mark(Mark.TRANSCRIBED, now)

    def answered(self, now: float) -> None:
        """The dialog has its next prompt."""
        self._mark(Mark.ANSWERED, now)

    def queued(self, line_tick: int, now: float) -> None:
        """Audio was queued, to be played from that line position on."""
        if self._trace is not None and Mark.SYNTHESISED not in self._trace.marks:
            self._trace.mark(Mark.SYNTHESISED, now)
            self._answer_at = line_tick
            self.awaits_sent = True

    def sent(self, line_tick: int, at_s: float) -> TurnTrace | None:
        """The line has sent everything before that position. Returns the trace once the answer has begun to leave."""
        trace = self._trace
        # Audio queued before the answer may be reported later.
        if trace is None or not self.awaits_sent or line_tick <= self._answer_at:
            return None
        trace.mark(Mark.SENT, at_s)
        self.forget()
        return trace if trace.complete else None

    def forget(self) -> None:
        """Drop the trace: nothing will be said in answer to this turn."""
        self._trace = None
        self.awaits_sent = False

    def _begin(self, speech_ended_at: float) -> TurnTrace:
        self.forget()
        self._trace = trace = TurnTrace()
        trace.mark(Mark.SPEECH_ENDED, speech_ended_at)
        return trace

    def _mark(self, mark: Mark, now: float) -> None:
        if self._trace is not None:
            self._trace.mark(mark, now)
