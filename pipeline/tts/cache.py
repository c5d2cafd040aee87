"""Caches synthesised prompts, and shares those in progress so that each is synthesised once."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing

from offhook.pipeline.tts.clip import Clip, joined

CacheKey = tuple[str, ...]
"""Everything that a clip depends on: the engine and its voice, the text, the encoding and its rate."""

Pieces = AsyncGenerator[Clip, None]
Join = Callable[[list[Clip]], Clip]


class _Synthesis:
    """A clip in progress: the pieces so far, and the number of users waiting for it."""

    __slots__ = ("changed", "pieces", "task", "users")

    def __init__(self, make: Callable[["_Synthesis"], Coroutine[None, None, None]]) -> None:
        self.users = 0
        self.pieces: list[Clip] = []
        self.changed = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(make(self))
        self.task.add_done_callback(self._over)

    def add(self, piece: Clip) -> None:
        """The next piece has arrived."""
        self.pieces.append(piece)
        self._wake()

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # raised by the remaining users; without any, it can be ignored
        self._wake()

    def _wake(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class ClipCache:
    """The most recently used clips, up to `max_bytes` together. For one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._clips: OrderedDict[CacheKey, Clip] = OrderedDict()
        self._syntheses: dict[CacheKey, _Synthesis] = {}
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
        synthesis = self._synthesis(key, make, join)
        synthesis.users += 1
        taken = 0
        try:
            while True:
                while taken < len(synthesis.pieces):
                    taken += 1
                    yield synthesis.pieces[taken - 1]
                if synthesis.task.done():
                    synthesis.task.result()
                    return
                await synthesis.changed.wait()
        finally:
            synthesis.users -= 1
            if not synthesis.users:
                synthesis.task.cancel()
                self._forget(key, synthesis)

    def _synthesis(self, key: CacheKey, make: Callable[[], Pieces], join: Join) -> _Synthesis:
        synthesis = self._syntheses.get(key)
        if synthesis is not None:
            self.hits += 1
            return synthesis
        self.misses += 1
        synthesis = self._syntheses[key] = _Synthesis(lambda synthesis: self._make(key, synthesis, make, join))
        return synthesis

    async def _make(self, key: CacheKey, synthesis: _Synthesis, make: Callable[[], Pieces], join: Join) -> None:
        try:
            async with aclosing(make()) as pieces:
                async for piece in pieces:
                    synthesis.add(piece)
            self._keep(key, join(synthesis.pieces))
        finally:
            self._forget(key, synthesis)

    def _forget(self, key: CacheKey, synthesis: _Synthesis) -> None:
        if self._syntheses.get(key) is synthesis:
            del self._syntheses[key]

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
