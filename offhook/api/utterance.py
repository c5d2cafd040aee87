"""Something that the bot says while its text is still being generated."""

import asyncio
from collections.abc import AsyncIterable, Generator
from contextlib import suppress
from typing import Protocol

from offhook.pipeline.events import Playback


class SpeaksUtterances(Protocol):
    """What an utterance needs of a Session."""

    def append(self, utterance: int, text: str) -> None:
        """More text."""

    def finish(self, utterance: int) -> None:
        """No more text."""

    def flush(self, utterance: int) -> None:
        """Speak the text so far."""

    def played(self, utterance: int) -> Playback:
        """What was played of it so far."""
        ...

    def cancel(self, utterance: int) -> None:
        """Stop at once."""

    def said(self, utterance: int) -> "asyncio.Future[Playback]":
        """What was played of it."""


class Utterance:
    """An utterance that grows: `append` text as it arrives, `finish` it, `await` what was played of it.

    Each clause is spoken as soon as it is complete. After an interruption further text is ignored.
    """

    def __init__(self, session: SpeaksUtterances, utterance_id: int) -> None:
        self.id = utterance_id
        self._session = session
        self._said = session.said(utterance_id)

    @property
    def over(self) -> bool:
        """Whether it has been played to its end, or given up."""
        return self._said.done()

    def append(self, text: str) -> None:
        """More text."""
        self._session.append(self.id, text)

    def flush(self) -> None:
        """Speak the text so far, though it ends no clause: the rest is late."""
        self._session.flush(self.id)

    @property
    def played(self) -> Playback:
        """What was played of it so far; once the caller has interrupted it, up to there."""
        return self._said.result() if self._said.done() else self._session.played(self.id)

    def finish(self) -> None:
        """No more text: it is over when all of it has been played."""
        self._session.finish(self.id)

    def cancel(self) -> None:
        """Stop speaking at once."""
        self._session.cancel(self.id)

    async def complete(self) -> Playback:
        """Finish it and wait for its end; cancelling the wait stops it."""
        self.finish()
        try:
            return await self
        finally:
            self.cancel()

    async def follow(self, text: AsyncIterable[str]) -> Playback:
        """Append what `text` yields, then wait for the end. Stops reading `text` when the utterance is over."""
        feeding = asyncio.ensure_future(self._feed(text))
        try:
            await asyncio.wait((feeding, self._said), return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()  # anything may come from the source
                await asyncio.wait((self._said,))
            return self._said.result()
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await feeding
            self.cancel()

    def __await__(self) -> Generator[object, None, Playback]:
        """What was played of it, once it is over."""
        return asyncio.shield(self._said).__await__()

    async def _feed(self, text: AsyncIterable[str]) -> None:
        try:
            async for piece in text:
                self.append(piece)
        finally:
            close = getattr(text, "aclose", None)
            if close is not None:
                await close()
        self.finish()
