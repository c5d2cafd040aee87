import asyncio

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.cache import ENTRY_BYTES, WORD_BYTES, Clip, ClipCache
from offhook.pipeline.tts.engine import Word

KEY = ("espeak/en", "Hello", "PCMU")


class Maker:
    """Makes clips when it is let, and counts."""

    def __init__(self, size: int = 100, *, ready: bool = True, fails: bool = False) -> None:
        self.calls = 0
        self.cancelled = 0
        self.ready = asyncio.Event()
        self.fails = fails
        self.size = size
        if ready:
            self.ready.set()

    async def __call__(self) -> Clip:
        self.calls += 1
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise EngineError("espeak", "no speech", "it is mute")
        return Clip(bytes(self.size))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_was_made_is_kept() -> None:
    cache, make = ClipCache(10_000), Maker()
    first = await cache.get(KEY, make)
    assert await cache.get(KEY, make) is first
    assert (make.calls, cache.hits, cache.misses, len(cache)) == (1, 1, 1, 1)


async def test_other_text_voice_or_encoding_is_another_clip() -> None:
    cache, make = ClipCache(10_000), Maker()
    for key in (KEY, ("espeak/de", *KEY[1:]), (KEY[0], "Bye", KEY[2]), (*KEY[:2], "PCMA")):
        await cache.get(key, make)
    assert make.calls == 4


async def test_the_longest_unused_goes_first() -> None:
    cache, make = ClipCache(2 * (ENTRY_BYTES + 100)), Maker()
    await cache.get(("a",), make)
    await cache.get(("b",), make)
    await cache.get(("a",), make)
    await cache.get(("c",), make)  # b goes
    assert make.calls == 3
    await cache.get(("a",), make)
    assert make.calls == 3
    await cache.get(("b",), make)
    assert make.calls == 4
    assert cache.size_bytes == 2 * (ENTRY_BYTES + 100)


async def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    cache, small, large = ClipCache(ENTRY_BYTES + 200), Maker(), Maker(size=201)
    await cache.get(KEY, small)
    assert len((await cache.get(("large",), large)).payload) == 201
    assert (len(cache), cache.size_bytes) == (1, ENTRY_BYTES + 100)
    await cache.get(("large",), large)
    assert large.calls == 2


def test_words_count() -> None:
    clip = Clip(bytes(8), (Word("Hi", 0, 2, 0, 8),))
    assert clip.size_bytes == ENTRY_BYTES + 8 + WORD_BYTES


async def test_two_who_ask_at_once_share_one_making() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    both = asyncio.gather(cache.get(KEY, make), cache.get(KEY, make))
    await settle()
    make.ready.set()
    one, other = await both
    assert one is other
    assert make.calls == 1


async def test_an_error_reaches_all_who_wait_and_is_forgotten() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False, fails=True)
    both = asyncio.gather(cache.get(KEY, make), cache.get(KEY, make), return_exceptions=True)
    await settle()
    make.ready.set()
    assert [type(result) for result in await both] == [EngineError, EngineError]
    with pytest.raises(EngineError, match="mute"):
        await cache.get(KEY, make)
    make.fails = False
    assert await cache.get(KEY, make) == Clip(bytes(100))
    assert make.calls == 3


async def test_one_who_leaves_does_not_disturb_the_others() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    leaves = asyncio.create_task(cache.get(KEY, make))
    stays = asyncio.create_task(cache.get(KEY, make))
    await settle()
    leaves.cancel()
    await settle()
    make.ready.set()
    assert await stays == Clip(bytes(100))
    assert leaves.cancelled()
    assert make.cancelled == 0


async def test_when_the_last_one_leaves_the_making_stops() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    leaves = asyncio.create_task(cache.get(KEY, make))
    await settle()
    leaves.cancel()
    await settle()
    assert make.cancelled == 1
    make.ready.set()
    assert await cache.get(KEY, make) == Clip(bytes(100))
    assert make.calls == 2
