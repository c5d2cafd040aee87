"""Endpointing by silence: a turn ends after a fixed pause, or as soon as a recogniser that ends turns finds it over."""

from dataclasses import dataclass

from offhook.pipeline.events import TurnSoFar, Verdict


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """An EndpointPolicy: the turn is over after `question.silence_ms`, or `silence_ms` when nothing was asked.

    With `likely_ms`, it is likely over after that much silence, so a reply can be prepared. A recogniser that ends
    turns may find it over, or likely over, before that; the silence is the latest.
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
        if turn.recogniser == "over" or turn.silence_ms >= wanted_ms:
            return Verdict("over")
        if turn.recogniser == "likely":
            return Verdict("likely", wanted_ms)
        if self.likely_ms is None or self.likely_ms >= wanted_ms:
            return Verdict("wait", wanted_ms)
        if turn.silence_ms >= self.likely_ms:
            return Verdict("likely", wanted_ms)
        return Verdict("wait", self.likely_ms)
