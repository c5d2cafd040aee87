"""Polly's engine: formats, voices, word times. What all voices have in common is in test_voices."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

import pytest
from botocore.loaders import Loader

from offhook.engines.factory import EngineContext
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.adapt import adapt
from offhook.pipeline.tts.engine import NamedVoicesTtsEngine, TtsEngine
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.amazon_polly import MAX_CHARACTERS
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, text_in
from offhook.vendors.amazon_languages import TRANSCRIBED, VOICES, transcribed, voice_for
from offhook.vendors.amazon_tts import Mark, make, place, read_marks
from offhook.vendors.errors import VendorRefusedError
from tests.pipeline.chain.scripted import TTS_LIMITS, ScriptedTts
from tests.vendors.amazon import voice_of
from tests.vendors.hosted import spoken

TEXT = "Für dich: zwei Anrufe, $12.50 – und mehr!"
SAMPLES = 8 * MS_PER_CHARACTER
DECODERS: dict[str, Callable[[bytes], bytes]] = {"PCMU": PCMU.decode, "PCMA": PCMA.decode, "LINEAR16": bytes}


@pytest.mark.parametrize(
    ("encoding", "rate_hz", "form"),
    [("PCMU", 8_000, "mulaw"), ("PCMA", 8_000, "alaw"), ("LINEAR16", 16_000, "pcm"), ("LINEAR16", 8_000, "pcm")],
)
async def test_lines(encoding: str, rate_hz: int, form: str) -> None:
    async with AmazonServer() as server:
        engine = voice_of(server).for_line(encoding, rate_hz)
        audio, _ = await spoken(engine.synthesize("Good morning."))
        assert text_in(DECODERS[encoding](audio), rate_hz) == "Good morning."
        request = next(each for each in server.requests if each["OutputFormat"] != "json")
        assert (request["OutputFormat"], request["SampleRate"]) == (form, str(rate_hz))
        assert (engine.capabilities.encoding, engine.capabilities.rate_hz) == (encoding, rate_hz)
        await engine.close()


async def test_words_have_their_places() -> None:
    """Polly counts bytes of UTF-8, and leaves punctuation out."""
    async with AmazonServer() as server:
        engine = voice_of(server, language="de")
        _, words = await spoken(engine.synthesize(TEXT))
        await engine.close()
        assert [word.text for word in words] == [each for each in TEXT.split() if each != "–"]
        for word in words:
            assert TEXT[word.char_start : word.char_end] == word.text
            assert word.start_sample == pytest.approx(word.char_start * SAMPLES, abs=SAMPLES)
        assert words[-1].end_sample == len(TEXT) * SAMPLES
        assert engine.dump()["characters"] == 2 * len(TEXT)


@pytest.mark.parametrize("options", [{"word_times": False}, {"model": "generative"}])
async def test_without_word_times(options: dict[str, Any]) -> None:
    async with AmazonServer() as server:
        engine = voice_of(server, **options)
        audio, words = await spoken(engine.synthesize("Good morning."))
        await engine.close()
        assert (text_in(PCMU.decode(audio), 8_000), words) == ("Good morning.", [])
        assert not engine.capabilities.word_positions
        assert len(server.requests) == 1
        assert engine.dump()["characters"] == len("Good morning.")


async def test_marks_that_do_not_come() -> None:
    """The speech goes on, and its words are spread evenly."""
    async with AmazonServer() as server:
        engine = voice_of(server)
        ask = engine._ask

        async def refuse(text: str, output: Mapping[str, object]) -> AsyncGenerator[bytes]:
            if "SpeechMarkTypes" in output:
                raise EngineError("amazon", "asking", "no")
            async for piece in ask(text, output):
                yield piece

        engine._ask = refuse  # type: ignore[method-assign]
        audio, words = await spoken(engine.synthesize("Good morning."))
        await engine.close()
        assert text_in(PCMU.decode(audio), 8_000) == "Good morning."
        assert [word.text for word in words] == ["Good", "morning."]
        assert words[1].start_sample == 5 * SAMPLES


def test_marks_that_cannot_be_read() -> None:
    lines = b'{"time":0,"type":"sentence","start":0}\nrubbish\n{"time":100,"type":"word","start":0}\n[]\n{}'
    assert list(read_marks("Good", lines)) == [Mark(0, 0.1)]
    assert place("Good", [Mark(99, 0.1)], 8_000, 100) == ()
    assert place("", [], 8_000, 100) == ()


async def test_a_text_that_is_dropped_is_not_made_any_further() -> None:
    async with AmazonServer(realtime_factor=1.0) as server:
        engine = voice_of(server)
        async with aclosing(cast(Any, engine.synthesize("A long text that nobody wants to hear."))) as chunks:
            await anext(chunks)
        audio, _ = await asyncio.wait_for(spoken(engine.synthesize("Hm.")), 2)
        assert text_in(PCMU.decode(audio), 8_000) == "Hm."
        await engine.close()


async def test_voices_and_languages() -> None:
    async with AmazonServer() as server:
        engine = voice_of(server, voice="Matthew", voices={"de": "Daniel"}, lexicons=["names"])
        assert isinstance(engine, NamedVoicesTtsEngine)
        for other in (engine, engine.in_language("de-CH"), engine.in_language("fr"), engine.with_voice("Kajal")):
            await spoken(other.synthesize("x"))
        await spoken(engine.in_language("hi").synthesize("x"))
        await engine.close()
        asked = [(each["VoiceId"], each.get("LanguageCode")) for each in server.requests if "SampleRate" in each]
        assert asked == [
            *(("Matthew", None), ("Daniel", None), ("Lea", None)),
            *(("Kajal", "en-IN"), ("Kajal", "hi-IN")),
        ]
        assert server.requests[0]["LexiconNames"] == ["names"]
        with pytest.raises(KeyError):
            engine.with_voice("Nobody")
        custom = make({**server.credentials, "voice": "Mine"}, EngineContext("tts", "amazon"))
        assert custom.voices["Mine"] == "en"


async def test_texts_that_are_too_long_and_voices_that_are_none() -> None:
    async with AmazonServer() as server:
        engine = voice_of(server)
        with pytest.raises(VendorRefusedError, match="TextLengthExceededException Maximum text length"):
            await spoken(engine.synthesize("x" * (MAX_CHARACTERS + 1)))
        await engine.close()
        engine = voice_of(server, voice="nobody")
        with pytest.raises(VendorRefusedError, match="is not a voice") as raised:
            await engine.start()
        assert "[tts.amazon]" in raised.value.hint
        await engine.close()


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_in_a_chain(law: str) -> None:
    async with AmazonServer() as server:
        members = [
            Member("amazon", adapt("amazon", voice_of(server), DECODERS), "tts", TTS_LIMITS),
            Member[TtsEngine]("second", ScriptedTts("second"), "tts", TTS_LIMITS),
        ]
        chain = ChainTts(members, Resampler).for_line(law, 8_000)
        chunks = [chunk async for chunk in chain.synthesize("You have three calls.")]
        assert {chunk.engine for chunk in chunks} == {"amazon"}
        assert {each.get("OutputFormat") for each in server.requests} == {"json", "mulaw" if law == "PCMU" else "alaw"}
        await chain.close()


def test_the_tables_are_amazons() -> None:
    """Against the description of Polly in Amazon's own library."""
    shapes = Loader().load_service_model("polly", "service-2")["shapes"]
    assert set(VOICES) <= set(shapes["VoiceId"]["enum"])
    assert {"pcm", "mulaw", "alaw", "json"} <= set(shapes["OutputFormat"]["enum"])
    tags = {{"zh-CN": "cmn-CN"}.get(tag, tag) for tag in VOICES.values()}
    assert tags <= set(shapes["LanguageCode"]["enum"])


def test_languages() -> None:
    assert [transcribed(tag) for tag in ("en", "en-gb", "de-AT", "es", "nb", "zh", "tlh")] == [
        *("en-US", "en-GB", "de-DE", "es-US", "no-NO", "zh-CN"),
        "tlh",
    ]
    assert all(transcribed(tag) == tag for tag in TRANSCRIBED)
    assert [voice_for(tag) for tag in ("en", "en-GB", "de-LI", "no", "xx")] == ["Joanna", "Amy", "Vicki", "Ida", None]
