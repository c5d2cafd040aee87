"""Times the bot's answer to a turn, from the caller's last sound to the first packet of what is said to it. Pure."""

from offhook.pipeline.trace import Mark, TurnTrace


class ResponseTimer:
    """One trace at a time: that of the last turn, until its answer has left."""

    def __init__(self) -> None:
        self._trace: TurnTrace | None = None
        self._answer_at = 0  # the line's sample with which the answer begins

    def turn_over(self, speech_ended_at: float, now: float) -> None:
        """The caller's turn is over; their last sound was at `speech_ended_at`."""
        self._trace = TurnTrace()
        self._trace.mark(Mark.SPEECH_ENDED, min(now, speech_ended_at))
        self._trace.mark(Mark.TURN_ENDED, now)

    def keyed(self, now: float) -> None:
        """Keys were the answer: the last one was the end of the turn."""
        self._trace = TurnTrace()
        self._trace.mark(Mark.SPEECH_ENDED, now)

    def transcribed(self, now: float) -> None:
        """The words are known."""
        self._mark(Mark.TRANSCRIBED, now)

    def answered(self, now: float) -> None:
        """There is something to say to it."""
        self._mark(Mark.ANSWERED, now)

    def queued(self, line_tick: int, now: float) -> None:
        """Audio was queued, to be played from that sample of the line on."""
        if self._trace is not None and Mark.SYNTHESISED not in self._trace.marks:
            self._trace.mark(Mark.SYNTHESISED, now)
            self._answer_at = line_tick

    def sent(self, line_tick: int, at_s: float) -> TurnTrace | None:
        """The line has sent all before that sample: the trace, when the answer has begun to leave."""
        trace = self._trace
        # What was queued before the answer is reported a little later.
        if trace is None or Mark.SYNTHESISED not in trace.marks or line_tick <= self._answer_at:
            return None
        trace.mark(Mark.SENT, at_s)
        self._trace = None
        return trace if trace.complete else None

    def forget(self) -> None:
        """Nothing is said to this turn, or what is said is no answer to it."""
        self._trace = None

    def _mark(self, mark: Mark, now: float) -> None:
        if self._trace is not None:
            self._trace.mark(mark, now)
