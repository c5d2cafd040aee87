"""Something that the bot says while its words are still being made."""

import asyncio
from collections.abc import AsyncIterable, Generator
from contextlib import suppress
from typing import Protocol

from offhook.pipeline.events import Playback


class SpeaksUtterances(Protocol):
    """What an utterance is said on: a Session."""

    def append(self, utterance: int, text: str) -> None:
        """More text."""

    def finish(self, utterance: int) -> None:
        """No more text."""

    def cancel(self, utterance: int) -> None:
        """Withdraw it."""

    def said(self, utterance: int) -> "asyncio.Future[Playback]":
        """What became of it."""


class Utterance:
    """An utterance that grows: `append` text as it comes, `finish` when there is no more, `await` what became of it.

    Whole clauses are spoken as soon as they are there. After an interruption what is appended is ignored.
    """

    def __init__(self, session: SpeaksUtterances, utterance_id: int) -> None:
        self.id = utterance_id
        self._session = session
        self._said = session.said(utterance_id)

    @property
    def over(self) -> bool:
        """Whether it has been said to its end, or given up."""
        return self._said.done()

    def append(self, text: str) -> None:
        """More text."""
        self._session.append(self.id, text)

    def finish(self) -> None:
        """There is no more text: it is over when all of it has been said."""
        self._session.finish(self.id)

    def cancel(self) -> None:
        """Be silent at once."""
        self._session.cancel(self.id)

    async def complete(self) -> Playback:
        """Finish it and wait until it is over; who stops waiting withdraws it."""
        self.finish()
        try:
            return await self
        finally:
            self.cancel()

    async def follow(self, text: AsyncIterable[str]) -> Playback:
        """Append what `text` yields until it ends or the utterance is over, then wait for that."""
        feeding = asyncio.ensure_future(self._feed(text))
        try:
            await asyncio.wait((feeding, self._said), return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()  # whatever the source raised
                await asyncio.wait((self._said,))
            return self._said.result()
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await feeding
            self.cancel()

    def __await__(self) -> Generator[object, None, Playback]:
        """What of it reached the caller, once it is over."""
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
