"""A fixed silence ends the turn: that of the question, or else a general one."""

from dataclasses import dataclass

from offhook.pipeline.events import Question


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """An EndpointPolicy: `question.silence_ms`, or `silence_ms` when nothing was asked."""

    silence_ms: int = 500

    def __post_init__(self) -> None:
        if self.silence_ms < 0:
            raise ValueError(f"a silence of {self.silence_ms} ms")

    def wait_ms(self, question: Question | None, spoken_ms: int, partial: str) -> int:
        """Milliseconds of silence that end the turn."""
        return self.silence_ms if question is None else max(0, question.silence_ms)
