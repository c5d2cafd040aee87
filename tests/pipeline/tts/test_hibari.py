"""The default voice for English, with its real model in a real child process."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts import hibari, hibari_voices
from offhook.pipeline.tts.hibari import HibariEngine
from tests.pipeline.tts.spoken import AUDIBLE, check_words, speak

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not hibari_voices.hibari_voices(), reason="hibari-tts is not installed"),
]

PROMPT = "Welcome to the example bank. You owe twelve dollars — is that O.K., Zoë? One of the agents will help."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[HibariEngine]:
    engine = HibariEngine()
    await engine.start()
    yield engine
    await engine.close()


async def test_words_cover_the_text_in_order(engine: HibariEngine) -> None:
    samples, words = await speak(engine, PROMPT)
    check_words(PROMPT, samples, words)
    assert engine.capabilities.word_positions


async def test_words_are_where_the_sound_says_so(engine: HibariEngine) -> None:
    """A pause is between the words that it is between: the places are not those of an even pace."""
    text = "Yes; well, no. Certainly."
    samples, words = await speak(engine, text)
    check_words(text, samples, words)
    loud = np.abs(samples) > AUDIBLE
    for word, following in pairwise(words):
        silence = samples[word.end_sample : following.start_sample]
        if following.start_sample - word.end_sample > 0.12 * 8_000:
            assert np.abs(silence[400:-400]).max(initial=0) < 4 * AUDIBLE
    assert words[3].start_sample - words[2].end_sample > 0.2 * 8_000, "the pause between the sentences"
    assert loud[words[2].start_sample : words[2].end_sample].mean() > 0.3


async def test_numbers_that_nobody_wrote_out_are_one_word(engine: HibariEngine) -> None:
    text = "It is 2431 dollars."
    samples, words = await speak(engine, text)
    check_words(text, samples, words)
    assert words[2].end_sample - words[2].start_sample > words[3].end_sample - words[3].start_sample


async def test_it_is_loud_and_not_clipped_and_within_the_phone_band(engine: HibariEngine) -> None:
    samples, _ = await speak(engine, PROMPT)
    assert 0.3 < np.abs(samples).max() / 32_768 <= 0.86
    assert samples.std() / 32_768 > 0.05
    power = np.abs(np.fft.rfft(samples / 32_768)) ** 2
    assert power[int(len(power) * 3_700 / 4_000) :].sum() < 1e-3 * power.sum()


async def test_it_speaks_at_16_khz_too(engine: HibariEngine) -> None:
    narrow, _ = await speak(engine, "Six sisters.")
    wide, words = await speak(engine.at_rate(16_000), "Six sisters.")
    assert len(wide) == pytest.approx(2 * len(narrow), rel=0.03)
    check_words("Six sisters.", wide, words)
    power = np.abs(np.fft.rfft(wide.astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(wide), 1 / 16_000)
    assert power[hertz > 4_500].sum() > 0.001 * power.sum()


@pytest.mark.alone
async def test_the_first_sentence_is_there_at_once(engine: HibariEngine) -> None:
    took = []
    for number in range(9):
        began = time.monotonic()
        chunks = engine.synthesize(f"Good morning, number {number}, how may I help you today? " + "And so on. " * 20)
        first = await anext(chunks)
        took.append(time.monotonic() - began)
        await chunks.aclose()  # type: ignore[attr-defined]
        assert first.words[0].text == "Good"
    assert sorted(took)[4] < 0.12, "25 ms on a core of its own"


@pytest.mark.parametrize("text", ["", "  \n", "—", "..."])
async def test_nothing_to_say(engine: HibariEngine, text: str) -> None:
    samples, words = await speak(engine, text)
    assert (len(samples), words) == (0, [])


@pytest.mark.parametrize(
    "text", ["😀 yes", "nul\0nul", "<b>bold</b> &amp; [[h]]", "\ud800 no", "日本 yes", "[a b](c d) e"]
)
async def test_odd_characters_do_no_harm(engine: HibariEngine, text: str) -> None:
    samples, words = await speak(engine, text)
    assert len(samples) > 0
    assert all(text[word.char_start : word.char_end] == word.text for word in words)
    assert (await speak(engine, "yes"))[1][0].text == "yes"


async def test_a_long_clause_is_spoken_to_its_end(engine: HibariEngine) -> None:
    text = " ".join(["incomprehensibilities"] * 11)  # more phonemes than one run takes
    samples, words = await speak(engine, text)
    check_words(text, samples, words)
    seconds = [(word.end_sample - word.start_sample) / 8_000 for word in words]
    assert min(seconds) > 0.4 * max(seconds)


async def test_many_sentences_at_once_are_all_spoken(engine: HibariEngine) -> None:
    texts = [f"This is sentence number {number}, one of many." for number in range(40)]
    spoken = await asyncio.gather(*(speak(engine, text) for text in texts))
    assert all(len(words) == len(text.split()) for text, (_, words) in zip(texts, spoken, strict=True))


async def test_the_pace_is_a_setting() -> None:
    lengths = []
    for speed in (0.7, 1.4):
        engine = HibariEngine(speed=speed)
        await engine.start()
        samples, words = await speak(engine, PROMPT)
        check_words(PROMPT, samples, words)
        lengths.append(len(samples))
        await engine.close()
    assert lengths[1] < 0.65 * lengths[0]


async def test_a_voice_that_does_not_exist_or_is_not_here_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    hibari_voices.hibari_voices.cache_clear()
    try:
        with pytest.raises(EngineError, match=r"no voice 'klingon'.*heart"):
            await HibariEngine("klingon").start()
        with pytest.raises(EngineError, match=r"'emma' has not been downloaded.*hibari --voice emma"):
            await HibariEngine(voices={"en-GB": "emma"}).start()
    finally:
        monkeypatch.undo()
        hibari_voices.hibari_voices.cache_clear()


async def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hibari, "hibari_version", lambda: "9.0")
    with pytest.raises(EngineError, match=r"0\.2\.1, and 9\.0 is installed"):
        await HibariEngine().start()


@pytest.mark.alone
async def test_another_model_speaks_without_places_of_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its graph may be another one, so nothing is asked of it."""
    heart = hibari_voices.hibari_voices()["heart"]
    (tmp_path / "bf_emma.int8.onnx").write_bytes(heart.path.read_bytes() + b"\x1a\x00")  # an empty producer_version
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    hibari_voices.hibari_voices.cache_clear()
    engine = HibariEngine("emma")
    try:
        assert dict(engine.voices) == {"heart": "en-us", "emma": "en-gb"}
        assert not engine.capabilities.word_positions
        assert engine.with_voice("heart").capabilities.word_positions
        assert not engine.in_language("en-GB").capabilities.word_positions
        await engine.start()
        samples, words = await speak(engine, PROMPT)
        assert len(samples) > 8_000
        assert words == []
        assert (await speak(engine.with_voice("heart"), "yes"))[1][0].text == "yes"
    finally:
        await engine.close()
        monkeypatch.undo()
        hibari_voices.hibari_voices.cache_clear()
