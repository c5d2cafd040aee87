"""One voice made of several: which speaks what, and when each is started."""

import asyncio
from collections.abc import AsyncIterator
from copy import copy

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.by_language import ByLanguageTts
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsEngine


class Named:
    """A voice whose audio is its name, language and voice."""

    def __init__(self, name: str, languages: tuple[str, ...], voices: dict[str, str]) -> None:
        self.name, self.voices = name, voices
        self.capabilities = TtsCapabilities(8_000, word_positions=name == "a", languages=languages)
        self.log: list[str] = []
        self.said = name
        self.fails = 0

    async def start(self) -> None:
        self.log.append("start")
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise EngineError(self.name, "starting", "not today")

    async def close(self) -> None:
        self.log.append("close")

    def in_language(self, language: str) -> "Named":
        other = copy(self)
        other.said = f"{self.name} {language}"
        return other

    def with_voice(self, voice: str) -> "Named":
        self.voices[voice]
        other = copy(self)
        other.said = f"{self.name} by {voice}"
        return other

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        yield SpeechChunk(self.said.encode())


def two(language: str = "en") -> tuple[Named, Named, ByLanguageTts]:
    a = Named("a", ("en",), {"heart": "en-us"})
    b = Named("b", ("en", "en-gb", "de"), {"de": "de", "heart": "en"})
    return a, b, ByLanguageTts([a, b], language)


async def spoken(engine: TtsEngine) -> str:
    return b"".join([chunk.pcm async for chunk in engine.synthesize("x")]).decode()


async def test_each_language_is_spoken_by_the_first_that_knows_it() -> None:
    _, _, voice = two()
    assert voice.capabilities.languages == ("en", "en-gb", "de")
    assert await spoken(voice) == "a"
    assert await spoken(voice.in_language("en-GB")) == "a en"
    assert await spoken(voice.in_language("de")) == "b de"
    assert await spoken(voice.in_language("de").in_language("en")) == "a en"
    assert not voice.in_language("de").capabilities.word_positions and voice.capabilities.word_positions
    with pytest.raises(KeyError):
        voice.in_language("fr")
    await voice.close()


async def test_a_bot_in_another_language_has_the_other_voice() -> None:
    a, b, voice = two("de-CH")
    await voice.start()
    assert await spoken(voice) == "b"
    assert (a.log, b.log) == ([], ["start"])
    await voice.close()


async def test_a_voice_is_found_in_whichever_has_it() -> None:
    _, _, voice = two()
    assert voice.voices == {"de": "de", "heart": "en-us"}
    assert await spoken(voice.with_voice("heart")) == "a by heart"
    assert await spoken(voice.with_voice("de")) == "b by de"
    with pytest.raises(KeyError):
        voice.with_voice("klingon")
    await voice.close()


async def test_the_second_is_started_when_it_is_needed_and_once() -> None:
    a, b, voice = two()
    await voice.start()
    assert (a.log, b.log) == (["start"], [])
    german = voice.in_language("de")
    assert await asyncio.gather(*(spoken(german) for _ in range(5))) == ["b de"] * 5
    assert (a.log, b.log) == (["start"], ["start"])
    await voice.close()
    await voice.close()
    assert a.log[:2] == ["start", "close"]


async def test_a_start_that_failed_is_tried_again() -> None:
    _, b, voice = two()
    b.fails = 1
    with pytest.raises(EngineError, match="not today"):
        await spoken(voice.in_language("de"))
    assert await spoken(voice.in_language("de")) == "b de"
    await voice.close()


async def test_an_utterance_that_is_cancelled_leaves_the_start_to_the_others() -> None:
    _, b, voice = two()
    german = voice.in_language("de")
    first, second = (asyncio.create_task(spoken(german)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "b de"
    assert b.log == ["start"]
    await voice.close()
