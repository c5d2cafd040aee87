"""Who answered a call that the bot has placed, as `Call` sees it."""

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
