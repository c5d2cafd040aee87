from pathlib import Path

import pytest

from offhook.engines.factory import EngineContext
from offhook.engines.model_path import resolve_model
from offhook.engines.registry import make_asr
from offhook.settings.config import AsrConfig, Config
from offhook.usererror import UserError

CONTEXT = EngineContext("asr", "whisper")
FILES = ("model.bin", "vocabulary.json|vocabulary.txt")


def test_a_folder_with_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny").mkdir()
    for name in ("model.bin", "vocabulary.txt"):
        (tmp_path / "tiny" / name).touch()
    assert resolve_model(str(tmp_path / "tiny"), CONTEXT, FILES) == tmp_path / "tiny"
    monkeypatch.chdir(tmp_path)
    assert resolve_model("tiny", CONTEXT, FILES) == tmp_path / "tiny"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_model("~/tiny", CONTEXT, FILES) == tmp_path / "tiny"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        resolve_model(str(tmp_path / "none"), CONTEXT, FILES)
    assert f"there is no folder {tmp_path / 'none'}" in str(caught.value)
    with pytest.raises(UserError) as caught:
        resolve_model(str(tmp_path), CONTEXT, FILES)
    assert "it has no model.bin, vocabulary.json or vocabulary.txt" in str(caught.value)


def test_a_model_must_be_named() -> None:
    with pytest.raises(UserError, match="whisper needs `model`"):
        make_asr(Config(asr=AsrConfig(engine="whisper")))


def test_a_missing_model_is_found_before_the_start() -> None:
    config = Config(asr=AsrConfig(engine="whisper", options={"whisper": {"model": "/nowhere"}}))
    with pytest.raises(UserError, match="the model of whisper cannot be used"):
        make_asr(config)
