"""MP3s that several calls play at a time, such as the music of those who wait: in memory once, and decoded once."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from offhook.mp3_sound import Mp3

_DECODERS = ThreadPoolExecutor(2, "mp3")
"""Threads of their own: sounds that take long hold up other sounds alone."""


class SharedMp3:
    """One sound, for as long as somebody plays it. What of it nobody has taken is not decoded."""

    def __init__(self, data: bytes, rate_hz: int) -> None:
        self._data = data
        self._rate_hz = rate_hz
        self._mp3: Mp3 | None = None
        self._seconds: list[bytes] = []
        self._decoding: asyncio.Task[None] | None = None

    async def second(self, number: int) -> bytes:
        """16-bit mono PCM, the first one is 0; empty at the end. Raises ValueError, as Mp3 does."""
        while number >= len(self._seconds):
            if self._decoding is None:
                self._decoding = asyncio.get_running_loop().create_task(self._decode())
                self._decoding.add_done_callback(_taken)
            await asyncio.shield(self._decoding)  # who leaves breaks it off for nobody else
        return self._seconds[number]

    async def _decode(self) -> None:
        try:
            pcm = await asyncio.get_running_loop().run_in_executor(_DECODERS, self._next)
        finally:
            self._decoding = None
        self._seconds.append(pcm)

    def _next(self) -> bytes:
        if self._mp3 is None:
            self._mp3 = Mp3(self._data, self._rate_hz)
            self._data = b""
        return self._mp3.second()


_playing: WeakValueDictionary[tuple[bytes, int], SharedMp3] = WeakValueDictionary()


async def shared_mp3(data: bytes, rate_hz: int) -> SharedMp3:
    """That which others play already, or a new one."""
    key = await asyncio.get_running_loop().run_in_executor(_DECODERS, _digest, data), rate_hz
    sound = _playing.get(key)
    if sound is None:
        sound = _playing[key] = SharedMp3(data, rate_hz)
    return sound


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _taken(task: asyncio.Task[None]) -> None:
    """Its error is of those who wait for it, if there still are any."""
    if not task.cancelled():
        task.exception()
