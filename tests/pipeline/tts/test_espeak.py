import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import pytest_asyncio

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsEngine, Word
from offhook.pipeline.tts.espeak import MAX_TEXT_CHARS, EspeakEngine
from offhook.pipeline.tts.espeak_voices import read_voices

PROMPT = "Welcome to the example bank. You owe $12.50 — is that O.K., Zoë? One of the agents will help."
TRAIN = "Guten Morgen, Zug"
AUDIBLE = 200


# The tests share a child; the one that kills it gets another.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[EspeakEngine]:
    engine = EspeakEngine()
    await engine.start()
    yield engine
    await engine.close()


def spoken(engine: TtsEngine, text: str) -> AsyncGenerator[SpeechChunk, None]:
    return cast(AsyncGenerator[SpeechChunk, None], engine.synthesize(text))


async def speak(engine: TtsEngine, text: str) -> tuple[np.ndarray, list[Word]]:
    pcm = b""
    words: list[Word] = []
    async for chunk in engine.synthesize(text):
        pcm += chunk.pcm
        words += chunk.words
    return np.frombuffer(pcm, "<i2"), words


async def test_words_cover_the_text_in_order(engine: EspeakEngine) -> None:
    samples, words = await speak(engine, PROMPT)
    assert [word.text for word in words] == [word for word in PROMPT.split() if word != "—"]
    assert all(PROMPT[word.char_start : word.char_end] == word.text for word in words)
    at = 0
    for word in words:
        assert at <= word.start_sample < word.end_sample <= len(samples)
        assert np.abs(samples[word.start_sample : word.end_sample]).max() > AUDIBLE
        at = word.end_sample


async def test_between_sentences_there_is_a_pause_that_no_word_contains(engine: EspeakEngine) -> None:
    samples, words = await speak(engine, "This is the first. This is two.")
    first, second = words[3], words[4]
    assert first.text == "first."
    assert 250 * 8 <= second.start_sample - first.end_sample <= 320 * 8
    assert np.abs(samples[first.end_sample + 80 : second.start_sample]).max() < AUDIBLE


async def test_silence_around_an_utterance_is_cut(engine: EspeakEngine) -> None:
    for text in ("Yes.", "Please hold the line", "Hello there. Sss"):
        samples, words = await speak(engine, text)
        sounds = np.flatnonzero(np.abs(samples) > AUDIBLE)
        assert sounds[0] <= 10 * 8
        assert 55 * 8 <= len(samples) - sounds[-1] <= 65 * 8
        assert words[0].start_sample <= sounds[0]


async def test_it_is_loud_and_not_clipped_and_within_the_phone_band(engine: EspeakEngine) -> None:
    samples, _ = await speak(engine, PROMPT)
    assert 0.3 < np.abs(samples).max() / 32_768 <= 0.86
    assert samples.std() / 32_768 > 0.05
    spectrum = np.abs(np.fft.rfft(samples / 32_768)) ** 2
    above = int(len(spectrum) * 3_700 / 4_000)
    assert spectrum[above:].sum() < 1e-4 * spectrum.sum()


async def test_the_first_sentence_is_there_at_once(engine: EspeakEngine) -> None:
    began = time.monotonic()
    async with aclosing(spoken(engine, "Good morning, how may I help? " * 20)) as chunks:
        first = await anext(chunks)
    assert time.monotonic() - began < 1.5
    assert first.words[0].text == "Good"


async def test_an_iterator_that_is_closed_frees_the_child(engine: EspeakEngine) -> None:
    async with aclosing(spoken(engine, "Many sentences, one by one. " * 100)) as chunks:
        await anext(chunks)
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    assert workers[0]["streams"] == 0


@pytest.mark.parametrize("text", ["", "  \n", "—", "..."])
async def test_nothing_to_say(engine: EspeakEngine, text: str) -> None:
    samples, words = await speak(engine, text)
    assert (len(samples), words) == (0, [])


@pytest.mark.parametrize("text", ["😀 yes", "nul\0nul", "<b>bold</b> &amp; [[h]]", "\ud800 no", "日本 yes"])
async def test_odd_characters_do_no_harm(engine: EspeakEngine, text: str) -> None:
    samples, words = await speak(engine, text)
    assert len(samples) > 0
    assert all(text[word.char_start : word.char_end] == word.text for word in words)
    assert (await speak(engine, "yes"))[1][0].text == "yes"


async def test_the_rate_of_speech_is_respected(engine: EspeakEngine) -> None:
    normal, _ = await speak(engine, PROMPT)
    fast = EspeakEngine(rate_wpm=300)
    await fast.start()
    try:
        hurried, _ = await speak(fast, PROMPT)
    finally:
        await fast.close()
    assert len(hurried) < 0.75 * len(normal)


async def test_a_text_has_a_limit(engine: EspeakEngine) -> None:
    with pytest.raises(EngineError, match="longer than"):
        await speak(engine, "a" * (MAX_TEXT_CHARS + 1))


async def test_a_killed_child_fails_the_utterance_and_the_next_one_works(engine: EspeakEngine) -> None:
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    pid = int(workers[0]["pid"])
    os.kill(pid, signal.SIGSTOP)
    chunks = engine.synthesize(PROMPT)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineError):
        async for _ in chunks:
            pass
    assert len((await speak(engine, "yes"))[1]) == 1


async def test_an_unknown_voice_is_refused() -> None:
    engine = EspeakEngine(voice="klingonese")
    with pytest.raises(EngineError, match="none called 'klingonese'"):
        await engine.start()


async def test_an_impossible_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="words a minute"):
        EspeakEngine(rate_wpm=10)


async def test_it_speaks_at_16_khz_with_what_8_khz_cannot_carry(engine: EspeakEngine) -> None:
    wide = engine.at_rate(16_000)
    assert (wide.capabilities.rate_hz, engine.capabilities.rate_hz) == (16_000, 8_000)
    narrow_samples, narrow_words = await speak(engine, "Six sisters.")
    samples, words = await speak(wide, "Six sisters.")
    assert abs(len(samples) - 2 * len(narrow_samples)) < 320
    assert [word.text for word in words] == [word.text for word in narrow_words]
    assert all(abs(w.start_sample - 2 * n.start_sample) < 320 for w, n in zip(words, narrow_words, strict=True))
    power = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 16_000)
    assert power[hertz > 4_500].sum() > 0.005 * power.sum()
    with pytest.raises(ValueError, match="11025 Hz"):
        engine.at_rate(11_025)


def pitch_hz(samples: np.ndarray) -> float:
    """Of the loudest 100 ms."""
    loudest = max(range(0, len(samples) - 800, 400), key=lambda at: np.square(samples[at : at + 800] / 1e3).sum())
    voice = samples[loudest : loudest + 800].astype(float)
    likeness = np.correlate(voice, voice, "full")[799:]
    return 8_000 / (int(np.argmax(likeness[20:160])) + 20)


async def test_it_speaks_several_languages(engine: EspeakEngine) -> None:
    assert {"en", "en-us", "de", "fr"} <= set(engine.capabilities.languages)
    english, _ = await speak(engine, TRAIN)
    german, words = await speak(engine.in_language("de"), TRAIN)
    wide, _ = await speak(engine.in_language("DE").at_rate(16_000), TRAIN)
    again, _ = await speak(engine, TRAIN)
    assert [word.text for word in words] == TRAIN.split()
    assert len(german) < 0.95 * len(english)
    assert len(wide) == pytest.approx(2 * len(german), rel=0.02)
    assert len(again) == pytest.approx(len(english), rel=0.02), "the configured voice is not lost"


async def test_each_text_keeps_the_rate_of_speech() -> None:
    fast = EspeakEngine(rate_wpm=300)
    await fast.start()
    try:
        before, _ = await speak(fast, "This is a test of the rate of speech.")
        await speak(fast.in_language("de"), "Das ist etwas anderes.")
        after, _ = await speak(fast, "This is a test of the rate of speech.")
    finally:
        await fast.close()
    assert len(after) == pytest.approx(len(before), rel=0.02)


async def test_a_voice_that_does_not_exist_is_found_at_the_start() -> None:
    other = EspeakEngine(voices={"de": "klingonese"})
    with pytest.raises(EngineError, match="none called 'klingonese'"):
        await other.start()
    await other.close()


async def test_a_language_may_have_a_voice_of_its_own(engine: EspeakEngine) -> None:
    other = EspeakEngine(voices={"de": "de+f3"})
    await other.start()
    try:
        hers, _ = await speak(other.in_language("de"), "Guten Morgen")
        his, _ = await speak(engine.in_language("de"), "Guten Morgen")
        assert pitch_hz(hers) > 1.3 * pitch_hz(his)
    finally:
        await other.close()


async def test_every_language_has_a_voice_with_a_dictionary(tmp_path: Path) -> None:
    (tmp_path / "lang" / "gmw").mkdir(parents=True)
    (tmp_path / "de_dict").touch()
    (tmp_path / "en_dict").touch()
    voices = {
        "de": "name German\nlanguage de\n",
        "en": "language en-gb 2\nlanguage en 2\n",
        "en-US": "language en-us 2\nlanguage en 3\n",
        "xx": "language xx\n",
        "odd": "language klingon\ndictionary en\n",
    }
    for name, text in voices.items():
        (tmp_path / "lang" / "gmw" / name).write_text(text)
    assert read_voices(tmp_path) == {"de": "de", "en": "en", "en-gb": "en", "en-us": "en-US"}
