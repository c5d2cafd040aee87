"""A voice's context: texts are spoken in their order, chunk by chunk."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from offhook.testing.vendors.server import VendorServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER

CHUNK_CHARACTERS = 5
"""300 ms of audio a message, unless it has a word."""

_CHARACTERS = re.compile(rf"(?s).{{1,{CHUNK_CHARACTERS}}}")
_WORD = re.compile(r"\s*\S+\s*")

Emit = Callable[[str, int], Awaitable[None]]
"""Sends the speech of some characters, which begin so many characters after the context's start."""

Report = Callable[[], Awaitable[None]]


class SpeakingContext:
    """Speaks `realtime_factor` times as fast as it will be heard; 0: at once. A chunk is some characters, or with
    `whole_words` a word.

    With the server's fault `slow` the first chunk is late, with `audio-after-cancel` `cancel` does nothing.
    """

    def __init__(
        self, server: VendorServer, emit: Emit, realtime_factor: float = 0.0, *, whole_words: bool = False
    ) -> None:
        self.spoken = 0
        self._server = server
        self._emit = emit
        self._realtime_factor = realtime_factor
        self._chunk = _WORD if whole_words else _CHARACTERS
        self._queue: asyncio.Queue[str | Report | None] = asyncio.Queue()
        self._task = server.spawn(self._run())

    def say(self, text: str) -> None:
        """Speak `text` after what was said before."""
        self._queue.put_nowait(text)

    def then(self, report: Report) -> None:
        """Call `report` once everything so far has been spoken."""
        self._queue.put_nowait(report)

    def end(self) -> None:
        """Nothing more will be said."""
        self._queue.put_nowait(None)

    def cancel(self) -> None:
        """Stop at once; nothing more is emitted or reported."""
        if self._server.fault != "audio-after-cancel":
            self._task.cancel()

    async def _run(self) -> None:
        with suppress(ConnectionClosed):
            while (item := await self._queue.get()) is not None:
                if callable(item):
                    await item()
                else:
                    await self._speak(item)

    async def _speak(self, text: str) -> None:
        for chunk in self._chunk.findall(text):
            if not self.spoken and self._server.fault == "slow":
                await asyncio.sleep(self._server.slow_s)
            await self._emit(chunk, self.spoken)
            self.spoken += len(chunk)
            if self._realtime_factor:
                await asyncio.sleep(len(chunk) * MS_PER_CHARACTER / 1000 / self._realtime_factor)
