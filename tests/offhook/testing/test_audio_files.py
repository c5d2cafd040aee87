"""WAV files of what callers say and hear."""

from pathlib import Path

import pytest

from offhook.testing.audio_files import read_speech, save
from offhook.usererror import UserError


def test_what_was_heard_is_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    save(path, bytes(1_600))
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_speech(path) == bytes(1_600)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        save(tmp_path / "none" / "heard.wav", b"")
