"""Endpointing by silence: a turn ends after a fixed pause, or as soon as a recogniser that ends turns finds it over."""

from dataclasses import dataclass

from offhook.pipeline.events import Question, TurnSoFar, Verdict


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """An EndpointPolicy: the turn is over after `question.silence_ms`, or `silence_ms` when nothing was asked.

    It is likely over after `likely_ms`, so that a reply can be prepared; None: the question's, 0: never. A recogniser
    that ends turns may find it over, or likely over, before that; the silence is the latest.
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
        likely_ms = likely_after_ms(self.likely_ms, turn.question)
        if not 0 < likely_ms < wanted_ms:
            return Verdict("wait", wanted_ms)
        if turn.silence_ms >= likely_ms:
            return Verdict("likely", wanted_ms)
        return Verdict("wait", likely_ms)


def likely_after_ms(setting: int | None, question: Question | None) -> int:
    """The silence after which a turn is likely over, by a policy's setting or else by the question; 0: never."""
    if setting is None:
        return 0 if question is None else question.likely_ms or 0
    return setting
