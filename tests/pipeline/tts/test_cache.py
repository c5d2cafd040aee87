import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.clip import ENTRY_BYTES, WORD_BYTES, Clip, joined
from offhook.pipeline.tts.engine import Word

KEY = ("espeak/en", "Hello", "PCMU", "8000")
WHOLE = Clip(bytes(100), 100, (Word("Hel", 0, 3, 0, 60), Word("lo", 3, 5, 50, 100)))


class Maker:
    """Makes clips in two pieces, the second on command, and counts."""

    def __init__(self, size: int = 100, *, ready: bool = True, fails: bool = False) -> None:
        self.calls = 0
        self.cancelled = 0
        self.ready = asyncio.Event()
        self.fails = fails
        self.size = size
        if ready:
            self.ready.set()

    async def __call__(self) -> AsyncGenerator[Clip, None]:
        self.calls += 1
        yield Clip(bytes(60), 60, (Word("Hel", 0, 3, 0, 60),))
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise EngineError("espeak", "no speech", "it is mute")
        yield Clip(bytes(self.size - 60), self.size - 60, (Word("lo", 3, 5, -10, self.size - 60),))


async def get(cache: ClipCache, key: tuple[str, ...], make: Maker) -> Clip:
    return joined([piece async for piece in cache.stream(key, make)])


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_was_made_is_kept() -> None:
    cache, make = ClipCache(10_000), Maker()
    first = await get(cache, KEY, make)
    assert await get(cache, KEY, make) == first == WHOLE
    assert (make.calls, cache.hits, cache.misses, len(cache)) == (1, 1, 1, 1)


async def test_other_text_voice_or_encoding_is_another_clip() -> None:
    cache, make = ClipCache(10_000), Maker()
    for key in (
        KEY,
        ("espeak/de", *KEY[1:]),
        (KEY[0], "Bye", *KEY[2:]),
        (*KEY[:2], "PCMA", KEY[3]),
        (*KEY[:3], "16000"),
    ):
        await get(cache, key, make)
    assert make.calls == 5


async def test_the_longest_unused_goes_first() -> None:
    cache, make = ClipCache(2 * (ENTRY_BYTES + 2 * WORD_BYTES + 100)), Maker()
    await get(cache, ("a",), make)
    await get(cache, ("b",), make)
    await get(cache, ("a",), make)
    await get(cache, ("c",), make)  # b goes
    assert make.calls == 3
    await get(cache, ("a",), make)
    assert make.calls == 3
    await get(cache, ("b",), make)
    assert make.calls == 4
    assert cache.size_bytes == 2 * (ENTRY_BYTES + 2 * WORD_BYTES + 100)


async def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    cache, small, large = ClipCache(ENTRY_BYTES + 2 * WORD_BYTES + 200), Maker(), Maker(size=201)
    await get(cache, KEY, small)
    assert len((await get(cache, ("large",), large)).payload) == 201
    assert (len(cache), cache.size_bytes) == (1, ENTRY_BYTES + 2 * WORD_BYTES + 100)
    await get(cache, ("large",), large)
    assert large.calls == 2


def test_words_count() -> None:
    clip = Clip(bytes(8), 8, (Word("Hi", 0, 2, 0, 8),))
    assert clip.size_bytes == ENTRY_BYTES + 8 + WORD_BYTES


async def test_two_who_ask_at_once_share_one_making() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    both = asyncio.gather(get(cache, KEY, make), get(cache, KEY, make))
    await settle()
    make.ready.set()
    assert list(await both) == [WHOLE, WHOLE]
    assert make.calls == 1


async def test_an_error_reaches_all_who_wait_and_is_forgotten() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False, fails=True)
    both = asyncio.gather(get(cache, KEY, make), get(cache, KEY, make), return_exceptions=True)
    await settle()
    make.ready.set()
    assert [type(result) for result in await both] == [EngineError, EngineError]
    with pytest.raises(EngineError, match="mute"):
        await get(cache, KEY, make)
    make.fails = False
    assert await get(cache, KEY, make) == WHOLE
    assert make.calls == 3


async def test_one_who_leaves_does_not_disturb_the_others() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    leaves = asyncio.create_task(get(cache, KEY, make))
    stays = asyncio.create_task(get(cache, KEY, make))
    await settle()
    leaves.cancel()
    await settle()
    make.ready.set()
    assert await stays == WHOLE
    assert leaves.cancelled()
    assert make.cancelled == 0


async def test_when_the_last_one_leaves_the_making_stops() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    leaves = asyncio.create_task(get(cache, KEY, make))
    await settle()
    leaves.cancel()
    await settle()
    assert make.cancelled == 1
    make.ready.set()
    assert await get(cache, KEY, make) == WHOLE
    assert make.calls == 2


async def test_a_later_request_gets_the_pieces_so_far_and_then_the_rest() -> None:
    cache, make = ClipCache(10_000), Maker(ready=False)
    async with aclosing(cache.stream(KEY, make)) as first, aclosing(cache.stream(KEY, make)) as second:
        assert (await anext(first)).ticks == (await anext(second)).ticks == 60
        assert len(cache) == 0
        await first.aclose()
        make.ready.set()
        assert [piece.ticks async for piece in second] == [40]
    assert (make.calls, make.cancelled, len(cache)) == (1, 0, 1)
    assert [piece async for piece in cache.stream(KEY, make)] == [WHOLE]


async def test_a_failure_comes_behind_the_pieces_before_it() -> None:
    cache, make = ClipCache(10_000), Maker(fails=True)
    stream = cache.stream(KEY, make)
    assert (await anext(stream)).ticks == 60
    with pytest.raises(EngineError, match="mute"):
        await anext(stream)
    assert len(cache) == 0


async def test_what_is_kept_can_be_joined_in_another_way() -> None:
    cache = ClipCache(10_000)
    first = [
        piece async for piece in cache.stream(KEY, Maker(), lambda pieces: Clip(b"all", sum(p.ticks for p in pieces)))
    ]
    assert len(first) == 2
    assert [piece async for piece in cache.stream(KEY, Maker())] == [Clip(b"all", 100)]


def test_the_rest_of_a_clip() -> None:
    clip = Clip(bytes(range(20)), 10, (Word("a", 0, 1, 0, 4), Word("b", 2, 3, 4, 10)))
    assert clip.after(0) is clip
    assert clip.after(4) == Clip(bytes(range(8, 20)), 6, (Word("b", 2, 3, 0, 6),))
    assert clip.after(5).words == (Word("b", 2, 3, -1, 5),)
    assert clip.after(10) == clip.after(99) == Clip(b"", 0)
    assert joined([Clip(clip.payload[:8], 4, clip.words[:1]), clip.after(4)]) == clip
