"""Prompts that were spoken before, ready to send; and of those being spoken, each only once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from offhook.pipeline.tts.engine import Word

CacheKey = tuple[str, ...]
"""All that makes a clip what it is: the engine and its voice, the text, the encoding."""

ENTRY_BYTES = 600
WORD_BYTES = 200
"""What an entry and each of its words cost beside the payload, roughly."""


@dataclass(frozen=True, slots=True)
class Clip:
    """An utterance as `payload` in a line's encoding; its words count in ticks of 1/8000 s."""

    payload: bytes
    words: tuple[Word, ...] = ()

    @property
    def size_bytes(self) -> int:
        """About what it occupies."""
        return ENTRY_BYTES + len(self.payload) + WORD_BYTES * len(self.words)


class _Flight:
    """A clip being made, and how many wait for it."""

    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[Clip]) -> None:
        self.task = task
        self.waiters = 0


class ClipCache:
    """The clips used last, up to `max_bytes` together. For one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._clips: OrderedDict[CacheKey, Clip] = OrderedDict()
        self._flights: dict[CacheKey, _Flight] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def size_bytes(self) -> int:
        """What the clips kept occupy."""
        return self._bytes

    async def get(self, key: CacheKey, make: Callable[[], Awaitable[Clip]]) -> Clip:
        """The clip kept for `key`, else the one that `make()` makes; callers that ask meanwhile get the same.

        Raises what `make` raises, to all who wait; errors are not kept. Cancelling one caller leaves the others
        alone; when the last one is cancelled, so is the making.
        """
        clip = self._clips.get(key)
        if clip is not None:
            self._clips.move_to_end(key)
            self.hits += 1
            return clip
        flight = self._flights.get(key)
        if flight is None:
            self.misses += 1
            flight = self._flights[key] = _Flight(asyncio.get_running_loop().create_task(self._make(key, make)))
        else:
            self.hits += 1
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    async def _make(self, key: CacheKey, make: Callable[[], Awaitable[Clip]]) -> Clip:
        clip = await make()
        self._keep(key, clip)
        return clip

    def _keep(self, key: CacheKey, clip: Clip) -> None:
        if clip.size_bytes > self._max_bytes:
            return
        if (old := self._clips.pop(key, None)) is not None:
            self._bytes -= old.size_bytes
        self._clips[key] = clip
        self._bytes += clip.size_bytes
        while self._bytes > self._max_bytes:
            _, dropped = self._clips.popitem(last=False)
            self._bytes -= dropped.size_bytes
