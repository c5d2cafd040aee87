"""Who answered a call that the bot has placed, and whether the bot has answered one, as `Call` sees it."""

from typing import Protocol

from offhook.pipeline.answering.verdict import AnsweredBy


class WhoAnswers(Protocol):
    """Knows, or finds out."""

    @property
    def by(self) -> AnsweredBy | None:
        """Who answered, as far as it is known."""

    async def verdict(self, within_s: float) -> AnsweredBy | None:
        """Wait until it is known."""

    async def beep(self, within_s: float) -> bool:
        """Wait until a voicemail records."""


class StillUnanswered(Protocol):
    """A call that came in, and whose dialog began before its answer."""

    @property
    def is_answered(self) -> bool:
        """Whether the answer has been sent by now."""

    async def answer(self) -> None:
        """Answer it, and wait until the far end has confirmed that."""

    def refuse_with(self, status: int) -> None:
        """The status for a call that is not answered."""
