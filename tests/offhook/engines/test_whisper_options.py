"""Which model the settings mean, before anything is started."""

import json
from pathlib import Path

import pytest

from offhook.engines.registry import make_asr
from offhook.settings.config import AsrConfig, Config
from offhook.usererror import UserError


def config(**options: object) -> Config:
    return Config(asr=AsrConfig(engine="whisper", options={"whisper": options}))


def folder_with(place: Path, *names: str) -> Path:
    place.mkdir()
    for name in names:
        (place / name).write_text(json.dumps(["a", "b"]))
    return place


def test_a_folder_with_all_files(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "tiny", "model.bin", "config.json", "tokenizer.json", "vocabulary.json")
    engine = make_asr(config(model=str(folder)))
    assert engine.capabilities.languages == ("en",)
    assert engine.capabilities.free_speech and not engine.capabilities.grammar


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "tiny", "model.bin", "config.json")
    with pytest.raises(UserError, match=r"lacks tokenizer\.json, vocabulary\.json or vocabulary\.txt"):
        make_asr(config(model=str(folder)))
    with pytest.raises(UserError, match="nowhere"):
        make_asr(config(model=str(tmp_path / "nowhere")))


def test_the_window_is_never_too_short_for_the_model() -> None:
    with pytest.raises(UserError, match="`window_s` cannot be that"):
        make_asr(config(model="any", window_s=8))
