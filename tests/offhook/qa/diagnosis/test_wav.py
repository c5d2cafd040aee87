"""The WAV files of a capture, while it is read."""

import tracemalloc
from pathlib import Path

import pytest

from offhook.qa.diagnosis.analysis import MediaStream
from offhook.qa.diagnosis.wav import WavFiles
from tests.offhook.qa.wire import Address


def test_many_short_streams_do_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.qa.diagnosis.wav.MAX_HELD_BYTES", 500_000)
    address: Address = ("192.0.2.1", 4_000)
    files, pcm = WavFiles(tmp_path, lambda _: True), bytes(range(250)) * 160
    tracemalloc.start()
    try:
        for number in range(100):
            take = files.open(MediaStream(address, address, 1, number, None))
            take(pcm)
            take(pcm[:100])
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 1_500_000, "of four million bytes"
    paths = files.close()
    assert len(paths) == 100 and all(path.read_bytes()[44:] == pcm + pcm[:100] for path in paths)
