"""Sounds of files: what a process keeps of them."""

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offhook import sound_file
from offhook.encryption.keys import read_keys
from offhook.pipeline.tts.recording import Recording
from offhook.records.message import save_message
from offhook.sound_file import load_sound
from offhook.testing.wav_file import wav
from offhook.usererror import UserError
from tests.offhook.encryption.keyfile import key_file

SECOND = wav(bytes(16_000))
KEPT_BYTES = 16_000 + 32_000


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> OrderedDict[object, Recording]:
    empty: OrderedDict[object, Recording] = OrderedDict()
    monkeypatch.setattr(sound_file, "_kept", empty)
    return empty


def written(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.wav" for number in range(count)]
    for path in paths:
        path.write_bytes(SECOND)
    return paths


def test_what_one_call_plays_is_not_kept(tmp_path: Path, kept: OrderedDict[object, Recording]) -> None:
    (path,) = written(tmp_path, 1)
    assert load_sound(path, keep=False).seconds == 1.0
    assert not kept
    assert load_sound(path, keep=False) is not load_sound(path)
    assert load_sound(path, keep=False) is load_sound(path)


def test_so_many_bytes_are_kept(
    tmp_path: Path, kept: OrderedDict[object, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_file, "MAX_KEPT_BYTES", 3 * KEPT_BYTES + KEPT_BYTES // 2)
    paths = written(tmp_path, 5)
    found = [load_sound(path) for path in paths]
    assert list(kept.values()) == found[2:]
    assert load_sound(paths[0]) is not found[0]


def test_threads_load_side_by_side(
    tmp_path: Path, kept: OrderedDict[object, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_file, "MAX_KEPT", 3)
    paths = written(tmp_path, 10)
    with ThreadPoolExecutor(8) as threads:
        assert all(each.seconds == 1.0 for each in threads.map(load_sound, paths * 20))
    assert len(kept) == 3


def test_a_message_that_is_encrypted(tmp_path: Path, kept: OrderedDict[object, Recording]) -> None:
    keys = key_file(tmp_path)
    path = save_message(tmp_path, "c1", bytes(16_000), read_keys(keys)[0])
    assert load_sound(path, keep=False, key_file=keys).seconds == 1.0
    with pytest.raises(UserError, match="it is encrypted, and there is no `key_file`"):
        load_sound(path, keep=False)
