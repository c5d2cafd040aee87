"""Endpointing by silence: a fixed pause ends the turn, that of the question or else a general one."""

from dataclasses import dataclass

from offhook.pipeline.events import TurnSoFar, Verdict


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """An EndpointPolicy: the turn is over after `question.silence_ms`, or `silence_ms` when nothing was asked.

    With `likely_ms`, it is likely over after so much of that silence: somebody may prepare a reply.
    """

    silence_ms: int = 500
    likely_ms: int | None = None

    def __post_init__(self) -> None:
        if self.silence_ms < 0:
            raise ValueError(f"a silence of {self.silence_ms} ms")
        if self.likely_ms is not None and self.likely_ms < 0:
            raise ValueError(f"a silence of {self.likely_ms} ms")

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """See EndpointPolicy."""
        wanted_ms = self.silence_ms if turn.question is None else max(0, turn.question.silence_ms)
        if turn.silence_ms >= wanted_ms:
            return Verdict("over")
        if self.likely_ms is None or self.likely_ms >= wanted_ms:
            return Verdict("wait", wanted_ms)
        if turn.silence_ms >= self.likely_ms:
            return Verdict("likely", wanted_ms)
        return Verdict("wait", self.likely_ms)
