"""Voices of Piper and Kokoro in the folder of models: found by name or by language, and named when they are missing."""

import json
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from offhook.engines.engine_set import make_voice
from offhook.engines.factory import EngineContext
from offhook.engines.registry import make_tts
from offhook.engines.voice_models import kokoro_files
from offhook.models.add import Wanted, add
from offhook.models.store import ModelStore
from offhook.pipeline.tts.piper import PiperEngine
from offhook.settings.config import Config, DialogConfig, ModelsConfig, TtsConfig
from offhook.telephony.codec.g711 import PCMU
from offhook.usererror import UserError
from tests.pipeline.tts.test_piper import FOLDER, VOICE, with_piper


def voice(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(b"\x08\x08")
    values = {
        "espeak": {"voice": "x"},
        "language": {"code": name.partition("-")[0]},
        "speaker_id_map": {"a": 0, "b": 1},
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(values), "utf-8")


def config(here: Path, language: str = "en", **options: object) -> Config:
    return Config(
        models=ModelsConfig(dir=here / "models"),
        dialog=DialogConfig(language=language),
        tts=TtsConfig(engine="piper", options={"piper": options}),
    )


def problem(here: Path, language: str = "en", **options: object) -> tuple[str, str, str]:
    with pytest.raises(UserError) as caught:
        make_tts(config(here, language, **options))
    (found,) = caught.value.problems
    assert found.where == "[tts.piper]"
    return found.what, found.why, found.todo


def test_a_voice_is_found_by_the_language(tmp_path: Path) -> None:
    models = tmp_path / "models"
    what, why, todo = problem(tmp_path, "de")
    assert what == "piper has no voice for 'de'"
    assert why == f"there is none in {models}"
    assert todo == "offhook models add de_DE-thorsten-medium"
    voice(models / "thorsten", "de_DE-thorsten-medium")
    voice(models / "lessac", "en_US-lessac-medium")
    engine = make_tts(config(tmp_path, "de"))
    assert isinstance(engine, PiperEngine)
    assert set(engine.capabilities.languages) == {"de", "de-de", "en", "en-us"}
    voice(models / "ryan", "en_US-ryan-medium")
    what, why, todo = problem(tmp_path)
    assert what == "piper needs `voice`"
    assert why == "several speak 'en': en_US-lessac-medium, en_US-ryan-medium"
    assert todo == '`voice = "en_US-lessac-medium"` below `[tts.piper]`'
    make_tts(config(tmp_path, voice="en_US-ryan-medium:b"))
    voice(tmp_path / "own", "en_GB-own")
    make_tts(config(tmp_path, voice="en_GB-own", folder=tmp_path / "own"))


def test_a_voice_of_the_list_that_is_not_here_is_named_with_what_to_type(tmp_path: Path) -> None:
    todo = "offhook models add en_US-amy-medium"
    assert problem(tmp_path, voice="en_US-amy-medium")[::2] == ("the voice 'en_US-amy-medium' is not here", todo)
    voice(tmp_path / "models" / "ryan", "en_US-ryan-medium")
    assert problem(tmp_path, voices={"en-GB": "en_US-amy-medium"})[2] == todo


@with_piper
async def test_a_voice_that_was_added_speaks(tmp_path: Path) -> None:
    add(ModelStore(tmp_path / "models"), Wanted(str(FOLDER / f"{VOICE}.onnx")), lambda done, total: None)
    tts, spoken = make_voice(config(tmp_path))
    await tts.start()
    clip = await spoken.clip("Good morning.", "PCMU", PCMU.encode, 8_000)
    await tts.close()
    assert 0.4 < clip.ticks / 8_000 < 2.5
    assert np.abs(np.frombuffer(PCMU.decode(clip.payload), "<i2")).max() > 5_000
    assert [word.text for word in clip.words] == ["Good", "morning."]
    assert not any(word.is_estimated for word in clip.words)


def styles(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("af_heart.npy", b"")
    return path


def test_the_files_of_kokoro(tmp_path: Path) -> None:
    context = EngineContext("tts", "kokoro", models_dir=tmp_path / "models")
    with pytest.raises(UserError) as caught:
        kokoro_files(None, None, context)
    assert caught.value.problems[0].todo == "offhook models add kokoro-v1.0.int8"
    folder = tmp_path / "models" / "kokoro-v1.0.int8"
    folder.mkdir(parents=True)
    model = folder / "kokoro-v1.0.int8.onnx"
    model.write_bytes(b"")
    names = styles(folder / "voices-v1.0.bin")
    for given in (None, "kokoro-v1.0.int8", str(folder), str(model)):
        assert kokoro_files(given, None, context) == (model, names)
    other = styles(tmp_path / "mine.bin")
    assert kokoro_files(None, other, context) == (model, other)
    (folder / "kokoro-v1.0.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="has several"):
        kokoro_files(None, None, context)


@pytest.mark.skipif(find_spec("kokoro_onnx") is None, reason="kokoro-onnx is not installed")
def test_kokoro_is_made_from_the_folder_of_models(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "kokoro-v1.0.int8"
    folder.mkdir(parents=True)
    (folder / "kokoro-v1.0.int8.onnx").write_bytes(b"")
    styles(folder / "voices-v1.0.bin")
    engine = make_tts(config(tmp_path).model_copy(update={"tts": TtsConfig(engine="kokoro")}))
    assert set(engine.capabilities.languages) == {"en-us", "en"}
