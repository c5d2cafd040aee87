"""Caches synthesised prompts, and shares those in progress so that each is synthesised once."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from offhook.pipeline.tts.clip import Clip, joined
from offhook.pipeline.tts.synthesis import Pieces, Synthesis

CacheKey = tuple[str, ...]
"""Everything that a clip depends on: the engine and its voice, the text, the encoding and its rate."""

Join = Callable[[list[Clip]], Clip]


@dataclass(slots=True)
class _Shared:
    """A clip in progress, and how many wait for it."""

    synthesis: Synthesis
    users: int = 0


class ClipCache:
    """The most recently used clips, up to `max_bytes` together. For one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._clips: OrderedDict[CacheKey, Clip] = OrderedDict()
        self._in_progress: dict[CacheKey, _Shared] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def size_bytes(self) -> int:
        """The size of the cached clips."""
        return self._bytes

    async def stream(self, key: CacheKey, make: Callable[[], Pieces], join: Join = joined) -> Pieces:
        """The clip cached for `key`, in one piece, otherwise the pieces of `make()` as they come.

        Other requests for the same key meanwhile get the pieces so far, and then the rest. After the last piece, the
        `join` of all is cached, if it may be kept. An error in `make()` is raised to all who iterate, after the earlier
        pieces, and nothing is cached. Closing one iterator does not affect the others; when the last one closes,
        `make()` is cancelled.
        """
        clip = self._clips.get(key)
        if clip is not None:
            self._clips.move_to_end(key)
            self.hits += 1
            yield clip
            return
        shared = self._shared(key, make, join)
        shared.users += 1
        try:
            async with aclosing(shared.synthesis.read()) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            shared.users -= 1
            if not shared.users:
                shared.synthesis.stop()
                self._forget(key, shared)

    def _shared(self, key: CacheKey, make: Callable[[], Pieces], join: Join) -> _Shared:
        shared = self._in_progress.get(key)
        if shared is not None and shared.synthesis.error is None:
            self.hits += 1
            return shared
        self.misses += 1
        start = asyncio.get_running_loop().create_task
        synthesis = Synthesis(make(), start, lambda pieces: self._complete(key, join(pieces)))
        shared = self._in_progress[key] = _Shared(synthesis)
        return shared

    def _complete(self, key: CacheKey, clip: Clip) -> None:
        self._in_progress.pop(key, None)
        self._keep(key, clip)

    def _forget(self, key: CacheKey, shared: _Shared) -> None:
        if self._in_progress.get(key) is shared:
            del self._in_progress[key]

    def _keep(self, key: CacheKey, clip: Clip) -> None:
        if clip.size_bytes > self._max_bytes or not clip.keep:
            return
        if (old := self._clips.pop(key, None)) is not None:
            self._bytes -= old.size_bytes
        self._clips[key] = clip
        self._bytes += clip.size_bytes
        while self._bytes > self._max_bytes:
            _, dropped = self._clips.popitem(last=False)
            self._bytes -= dropped.size_bytes
