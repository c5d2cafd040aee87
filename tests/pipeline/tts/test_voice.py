"""A voice for a line: normalised, resampled, encoded, cached, its words mapped to the text that was given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word
from offhook.pipeline.tts.pace import spread
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.tts.voice import MAX_WAIT_S, Voice
from offhook.telephony.resample import Resampler
from offhook.testing import run
from tests.signals import wav


class Engine:
    """Speaks 100 ms a word; `late` samples more are claimed for the last one."""

    def __init__(self, rate_hz: int = 8_000, *, places: bool = True, late: int = 0) -> None:
        self.capabilities = TtsCapabilities(rate_hz, word_positions=places)
        self.texts: list[str] = []
        self._late = late

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.texts.append(text)
        if "?" in text:
            raise EngineError("test", "speaking", "no answer")
        length, at, char = self.capabilities.rate_hz // 10, 0, 0
        for name in text.split(" "):
            word = Word(name, char, char + len(name), at, at + length + self._late)
            yield SpeechChunk(bytes(2 * length), (word,) if self.capabilities.word_positions else ())
            at, char = at + length, char + len(name) + 1


def voice(engine: Engine | RecordedEngine, cache_bytes: int = 1_000_000) -> Voice:
    return Voice("test", engine, ClipCache(cache_bytes), Resampler)


def encode(pcm: bytes) -> bytes:
    return pcm[::2]


async def test_one_byte_per_sample_and_words_in_place() -> None:
    clip = await voice(Engine()).clip("Good morning", "PCMU", encode, 8_000)
    assert len(clip.payload) == 1_600
    assert clip.words == (Word("Good", 0, 4, 0, 800), Word("morning", 5, 12, 800, 1_600))


async def test_words_count_in_the_text_that_was_given_not_in_the_one_that_was_spoken() -> None:
    engine = Engine()
    clip = await voice(engine).clip("Dr. Who", "PCMU", encode, 8_000)
    assert engine.texts == ["Doctor Who"]
    assert [word.text for word in clip.words] == ["Dr.", "Who"]


async def test_another_rate_is_converted_and_so_are_the_places() -> None:
    clip = await voice(Engine(16_000)).clip("Good morning", "PCMU", encode, 8_000)
    assert len(clip.payload) == 1_600
    assert [(word.start_sample, word.end_sample) for word in clip.words] == [(0, 800), (800, 1_600)]


async def test_no_word_ends_behind_the_audio() -> None:
    clip = await voice(Engine(late=90)).clip("Good morning", "PCMU", encode, 8_000)
    assert clip.words[-1].end_sample == len(clip.payload)


async def test_without_positions_the_pace_is_even() -> None:
    clip = await voice(Engine(places=False)).clip("Good day", "PCMU", encode, 8_000)
    assert clip.words == (Word("Good", 0, 4, 0, 800, True), Word("day", 5, 8, 1_000, 1_600, True))


async def test_a_clip_is_made_once_for_each_encoding() -> None:
    engine = Engine()
    one = voice(engine)
    both = await asyncio.gather(*(one.clip("Hello", "PCMU", encode, 8_000) for _ in range(2)))
    assert both == [await one.clip("Hello", "PCMU", encode, 8_000)] * 2
    await one.clip("Hello", "PCMA", encode, 8_000)
    assert len(engine.texts) == 2


async def test_a_failure_is_reported_and_not_cached() -> None:
    engine = Engine()
    one = voice(engine)
    for _ in range(2):
        with pytest.raises(EngineError):
            await one.clip("Why?", "PCMU", encode, 8_000)
    assert len(engine.texts) == 2


async def test_nothing_to_say() -> None:
    clip = await voice(RecordedEngine(wav(b"", 8_000))).clip("", "PCMU", encode, 8_000)
    assert (clip.payload, clip.words) == (b"", ())


class RatedEngine(Engine):
    """Speaks at any requested rate, and says which."""

    def __init__(self, rate_hz: int = 8_000) -> None:
        super().__init__(rate_hz)
        self.asked: list[int] = []

    def at_rate(self, rate_hz: int) -> Engine:
        self.asked.append(rate_hz)
        return Engine(rate_hz)


async def test_a_wideband_line_gets_the_full_bandwidth_and_counts_words_in_ticks() -> None:
    engine = RatedEngine()
    clip = await voice(engine).clip("Good morning", "LINEAR16", lambda pcm: pcm, 16_000)
    assert engine.asked == [16_000]
    assert len(clip.payload) == 4 * 1_600
    assert [(word.start_sample, word.end_sample) for word in clip.words] == [(0, 800), (800, 1_600)]


async def test_a_single_rate_voice_is_resampled_for_a_wideband_line() -> None:
    clip = await voice(Engine(8_000)).clip("Good morning", "LINEAR16", lambda pcm: pcm, 16_000)
    assert len(clip.payload) == 4 * 1_600
    assert clip.words[-1].end_sample == 1_600


class SlowEngine(Engine):
    """Speaks a word on command, and counts the words requested."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = asyncio.Semaphore(0)
        self.words = 0
        self.stopped = 0

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        try:
            async for chunk in super().synthesize(text):
                await self.allowed.acquire()
                self.words += 1
                yield chunk
        finally:
            self.stopped += 1


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_chunk_is_a_piece_as_soon_as_it_is_there() -> None:
    engine = SlowEngine()
    pieces = voice(engine).stream("Good morning to you", "PCMU", encode, 8_000)
    for count, name in enumerate(["Good", "morning"], 1):
        engine.allowed.release()
        piece = await anext(pieces)
        assert (engine.words, len(piece.payload), [word.text for word in piece.words]) == (count, 800, [name])
    await pieces.aclose()
    await settle()
    assert (engine.words, engine.stopped) == (2, 1)


async def test_two_lines_share_one_synthesis_and_the_second_may_come_late() -> None:
    engine = SlowEngine()
    one = voice(engine)
    first = one.stream("Good morning", "PCMU", encode, 8_000)
    second = one.stream("Good morning", "PCMU", encode, 8_000)
    engine.allowed.release()
    assert await anext(first) == await anext(second)
    await first.aclose()
    engine.allowed.release()
    assert [piece.words[0].text async for piece in second] == ["morning"]
    assert (len(engine.texts), engine.stopped) == (1, 1)
    assert [piece.ticks async for piece in one.stream("Good morning", "PCMU", encode, 8_000)] == [1_600]
    assert len(engine.texts) == 1


async def test_only_corrected_estimates_are_cached() -> None:
    one = voice(Engine(places=False))
    streamed = await one.clip("Good old day", "PCMU", encode, 8_000)
    kept = await one.clip("Good old day", "PCMU", encode, 8_000)
    assert kept.words == spread("Good old day", 2_400)
    assert [word.text for word in streamed.words] == ["Good", "old", "day"]


async def test_an_iterator_that_cannot_be_closed_will_do() -> None:
    class Plain:
        def __aiter__(self) -> "Plain":
            return self

        async def __anext__(self) -> SpeechChunk:
            raise StopAsyncIteration

    class PlainEngine(Engine):
        def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
            return Plain()

    assert (await voice(PlainEngine()).clip("Hello", "PCMU", encode, 8_000)).payload == b""


class Multilingual(Engine):
    """Says in which language it was asked."""

    def __init__(self, *languages: str, language: str = "configured") -> None:
        super().__init__()
        self.capabilities = TtsCapabilities(8_000, word_positions=True, languages=languages)
        self.asked: list[tuple[str, str]] = []
        self._language = language

    def in_language(self, language: str) -> "Multilingual":
        other = Multilingual(*self.capabilities.languages, language=language)
        other.asked = self.asked
        return other

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.asked.append((self._language, text))
        async for chunk in super().synthesize(text):
            yield chunk


@pytest.mark.parametrize(
    ("language", "asked", "read"),
    [
        (None, "configured", "You owe five dollars on March fourth"),
        ("en", "configured", "You owe five dollars on March fourth"),
        ("EN-us", "configured", "You owe five dollars on March fourth"),
        ("en-GB", "configured", "You owe five dollars on the third of April"),
        ("de-CH", "de", "You owe 5 Dollar on drei viertel"),
        ("fr", "fr", "You owe cinq dollars on 3/4"),
        ("it", "configured", "You owe five dollars on March fourth"),
    ],
)
async def test_a_text_is_read_and_spoken_in_its_language(language: str | None, asked: str, read: str) -> None:
    engine = Multilingual("en", "de", "fr")
    speaking = Voice("test", engine, ClipCache(0), Resampler, language="en-us", serves="en")
    async with aclosing(speaking.stream("You owe $5 on 3/4", "PCMU", encode, 8_000, language)) as pieces:
        async for _ in pieces:
            pass
    assert engine.asked == [(asked, read)]


async def test_a_clip_is_cached_for_its_language() -> None:
    engine = Multilingual("en", "de")
    speaking = Voice("test", engine, ClipCache(1_000_000), Resampler, language="en-us", serves="en")
    for language in ("de", "en", "de-AT", None, "de", "en-GB"):
        async with aclosing(speaking.stream("Hallo", "PCMU", encode, 8_000, language)) as pieces:
            assert [piece.ticks async for piece in pieces]
    assert engine.asked == [("de", "Hallo"), ("configured", "Hallo"), ("de", "Hallo"), ("configured", "Hallo")]


async def test_the_configured_voice_serves_the_calls_language_whatever_its_name_says() -> None:
    engine = Multilingual("en", "de")
    speaking = Voice("test", engine, ClipCache(0), Resampler, language="de", serves="en")
    for language in (None, "en", "de"):
        async with aclosing(speaking.stream("$5", "PCMU", encode, 8_000, language)) as pieces:
            async for _ in pieces:
                pass
    assert engine.asked == 3 * [("configured", "5 Dollar")]


@pytest.mark.parametrize("spoken_chunks", [0, 1])
def test_an_engine_that_hangs_fails_in_time(spoken_chunks: int) -> None:
    class Hanging(Engine):
        stopped = False

        async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
            try:
                for _ in range(spoken_chunks):
                    yield SpeechChunk(bytes(1_600))
                await asyncio.sleep(3_600)
            finally:
                self.stopped = True

    async def speak() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(EngineTimeout, match="no audio for 10 s"):
            await voice(engine).clip("Good morning", "PCMU", encode, 8_000)
        return asyncio.get_running_loop().time() - began

    engine = Hanging()
    assert run(speak()) == pytest.approx(MAX_WAIT_S)
    assert engine.stopped
