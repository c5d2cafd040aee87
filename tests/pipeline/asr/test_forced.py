"""A turn whose final is forced: nothing is lost, nothing is doubled, every stream ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.asr.forced import ForcibleTurn
from offhook.pipeline.errors import EngineError

LIMIT = 100


class Stream:
    """Its transcript is its audio."""

    def __init__(self, *, fails: bool = False, is_final: bool = True) -> None:
        self.audio = b""
        self.finishing = asyncio.Event()
        self.may_end = asyncio.Event()
        self.cancelled = self.ended = False
        self._fails, self._is_final = fails, is_final

    def feed(self, pcm: bytes) -> None:
        assert not self.finishing.is_set()
        self.audio += pcm

    async def finish(self) -> Transcript:
        self.finishing.set()
        await self.may_end.wait()
        self.ended = True
        if self._fails:
            raise EngineError("test", "finishing", "it fails")
        return Transcript(self.audio.decode(), is_final=self._is_final)

    def cancel(self) -> None:
        self.cancelled = True


class Talk:
    """A turn, its streams, and what it has reported."""

    def __init__(self, max_bytes: int = LIMIT, **first: bool) -> None:
        self.streams: list[Stream] = []
        self.forced: list[str | None] = []
        self._first = first
        self.turn = ForcibleTurn(self._open, self._run, max_bytes)

    def _open(self) -> Stream:
        self.streams.append(Stream(**(self._first if not self.streams else {})))
        return self.streams[-1]

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.ensure_future(work)

    def report(self, transcript: Transcript | None) -> None:
        self.forced.append(None if transcript is None else transcript.text)

    async def force(self) -> None:
        """Force the final, and let it come."""
        self.turn.force(self.report)
        self.streams[-1].may_end.set()
        await settled()


async def settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def finished(turn: ForcibleTurn, stream: Stream | None = None) -> str:
    if stream is not None:
        stream.may_end.set()
    async with asyncio.timeout(2):
        return (await turn.finish()).text


class Chain(Stream):
    """It wants to know whether anybody waits."""

    concludes = 0

    async def force(self) -> Transcript:
        return await self.finish()

    def concluded(self) -> None:
        self.concludes += 1


async def test_a_stream_learns_that_the_turn_is_over() -> None:
    stream = Chain()
    turn = ForcibleTurn(lambda: stream, asyncio.ensure_future, LIMIT)
    turn.feed(b"ab")
    turn.force(lambda _: None)
    await settled()
    before = stream.concludes
    assert await finished(turn, stream) == "ab"
    assert (before, stream.concludes) == (0, 1)


async def test_the_forced_final_is_that_of_the_turn() -> None:
    talk = Talk()
    talk.turn.feed(b"one ")
    await talk.force()
    talk.turn.feed(b"(silence)")
    assert talk.forced == ["one "]
    assert await finished(talk.turn) == "one "
    assert len(talk.streams) == 1


async def test_a_caller_who_goes_on_is_recognised_as_a_whole() -> None:
    talk = Talk()
    talk.turn.feed(b"one ")
    await talk.force()
    talk.turn.feed(b"two ")
    talk.turn.void()
    talk.turn.feed(b"three")
    await talk.force()
    assert talk.forced == ["one ", "one two three"]
    assert await finished(talk.turn) == "one two three"
    assert [stream.ended or stream.cancelled for stream in talk.streams] == [True, True]


async def test_a_final_that_comes_too_late_is_dropped() -> None:
    talk = Talk()
    talk.turn.feed(b"one ")
    talk.turn.force(talk.report)
    await settled()
    talk.turn.void()
    talk.streams[0].may_end.set()
    talk.turn.feed(b"two")
    await settled()
    assert talk.forced == [] and talk.streams[0].cancelled
    assert await finished(talk.turn, talk.streams[1]) == "one two"


async def test_a_stream_is_cancelled_even_if_its_final_was_never_awaited() -> None:
    talk = Talk()
    talk.turn.force(lambda _transcript: talk.forced.append(""))
    talk.turn.void()
    await settled()
    assert talk.streams[0].cancelled and not talk.forced
    talk.turn.cancel()
    assert talk.streams[1].cancelled


async def test_the_turn_ends_while_its_final_is_on_the_way() -> None:
    talk = Talk()
    talk.turn.feed(b"one")
    talk.turn.force(talk.report)
    await settled()
    ending = asyncio.ensure_future(finished(talk.turn))
    await settled()
    talk.streams[0].may_end.set()
    assert await ending == "one"
    assert len(talk.streams) == 1


async def test_a_failure_is_no_final_and_the_end_tries_again() -> None:
    talk = Talk(fails=True)
    talk.turn.feed(b"one ")
    await talk.force()
    talk.turn.feed(b"two")
    assert talk.forced == [None]
    ending = asyncio.ensure_future(finished(talk.turn))
    await settled()
    talk.streams[1].may_end.set()
    assert await ending == "one two"


async def test_a_partial_in_place_of_the_final_forces_nothing() -> None:
    talk = Talk(is_final=False)
    talk.turn.feed(b"one")
    await talk.force()
    assert talk.forced == [None]
    assert await finished(talk.turn) == "one"


@pytest.mark.parametrize("max_bytes", [0, 5])
async def test_a_turn_that_is_too_long_is_not_forced(max_bytes: int) -> None:
    talk = Talk(max_bytes)
    talk.turn.feed(b"one two three")
    await talk.force()
    assert talk.forced == [None]
    talk.turn.void()
    talk.turn.feed(b" four")
    assert await finished(talk.turn, talk.streams[0]) == "one two three four"
    assert len(talk.streams) == 1


async def test_a_cancelled_turn_cancels_its_stream() -> None:
    talk = Talk()
    talk.turn.force(lambda _transcript: None)
    await settled()
    talk.turn.cancel()
    talk.turn.cancel()
    assert talk.streams[0].cancelled
