"""Speech that is being synthesised, for any number of readers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from offhook.pipeline.tts.clip import Clip

Pieces = AsyncGenerator[Clip, None]

Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task."""


class Synthesis:
    """The pieces so far. `on_complete` gets all of them; after an error it is not called.

    `stop` it when nobody wants it any more.
    """

    def __init__(self, pieces: Pieces, start: Start, on_complete: Callable[[list[Clip]], None] | None = None) -> None:
        self.pieces: list[Clip] = []
        self.error: Exception | None = None
        self._over = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = start(self._fill(pieces, on_complete))

    async def read(self) -> Pieces:
        """The pieces so far, and then the rest as they come. Raises what went wrong, after the pieces before it."""
        taken = 0
        while True:
            while taken < len(self.pieces):
                taken += 1
                yield self.pieces[taken - 1]
            if self._over:
                break
            await self._changed.wait()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End it. Idempotent."""
        task, self._task = self._task, None  # its CancelledError refers to us
        if task is not None:
            task.cancel()

    async def _fill(self, pieces: Pieces, on_complete: Callable[[list[Clip]], None] | None) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    self.pieces.append(piece)
                    self._wake()
            if on_complete is not None:
                on_complete(self.pieces)
        except Exception as error:  # noqa: BLE001  # the readers raise it
            self.error = error
        finally:
            self._over = True
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
