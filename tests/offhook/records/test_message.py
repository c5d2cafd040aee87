"""The files of callers' messages."""

import os
import resource
import signal
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


def test_of_a_message_for_which_there_is_no_room_nothing_is_left(tmp_path: Path) -> None:
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_message(tmp_path, "a", bytes(16_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())
