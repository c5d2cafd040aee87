"""The files of callers' messages."""

import os
import wave
from pathlib import Path

import pytest

from offhook.records.message import MAX_PER_CALL, save_message


def test_messages_of_a_call_are_numbered_and_their_owner_s(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    first, second = (save_message(folder, "c0ffee-1", bytes(16_000)) for _ in range(2))
    assert (first.name, second.name) == ("c0ffee-1-message-1.wav", "c0ffee-1-message-2.wav")
    assert first.stat().st_mode & 0o777 == 0o600
    with wave.open(str(first)) as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getnframes()) == (8_000, 1, 8_000)


@pytest.mark.parametrize("call_id", ["", "../x", "a/b", "a" * 65, "a.b"])
def test_no_id_leads_elsewhere(tmp_path: Path, call_id: str) -> None:
    with pytest.raises(ValueError, match="call's id"):
        save_message(tmp_path, call_id, b"")
    assert not list(tmp_path.iterdir())


def test_no_call_has_any_number_of_messages(tmp_path: Path) -> None:
    for number in range(1, MAX_PER_CALL + 1):
        os.close(os.open(tmp_path / f"a-message-{number}.wav", os.O_CREAT, 0o600))
    with pytest.raises(FileExistsError, match="99 messages"):
        save_message(tmp_path, "a", b"")
