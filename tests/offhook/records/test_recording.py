import os
import stat
import threading
import time
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from offhook.records.recording import MAX_WAITING_BYTES, RecordingWriter, StereoRecorder
from offhook.usererror import UserError
from tests.offhook.records.processes import child, line_of, run


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordingWriter]:
    one = RecordingWriter(tmp_path / "recordings")
    yield one
    assert one.close()


def pcm(value: int, samples: int = 160) -> bytes:
    return np.full(samples, value, "<i2").tobytes()


def frames(path: Path) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (2, 2, 8_000)
        read = file.readframes(file.getnframes())
        assert len(read) == 4 * file.getnframes()
        return np.frombuffer(read, "<i2").reshape(-1, 2)


def test_the_caller_is_left_and_the_bot_is_right(writer: RecordingWriter) -> None:
    recorder = writer.record()
    recorder.caller(pcm(1), 0)
    recorder.caller(pcm(2), 160)
    recorder.bot(pcm(3), 240)
    result = recorder.close().result(5)
    assert result.path is not None
    assert not result.truncated
    assert result.seconds == 0.05
    heard = frames(result.path)
    assert heard[:, 0].tolist() == [1] * 160 + [2] * 160 + [0] * 80
    assert heard[:, 1].tolist() == [0] * 240 + [3] * 160


def test_many_calls_at_once(writer: RecordingWriter) -> None:
    recorders = [writer.record() for _ in range(30)]
    for n in range(50):
        for value, recorder in enumerate(recorders, 1):
            recorder.caller(pcm(value), n * 160)
            recorder.bot(pcm(-value), n * 160)
    for value, recorder in enumerate(recorders, 1):
        result = recorder.close().result(5)
        assert result.path is not None
        assert frames(result.path).tolist() == [[value, -value]] * 8_000


def test_the_file_plays_while_the_call_goes_on(writer: RecordingWriter) -> None:
    recorder = writer.record()
    recorder.caller(pcm(7, 800), 0)
    deadline = time.monotonic() + 20
    # The header is brought up to date after the data: before, the file is a shorter one, but never a broken one.
    while not recorder.path.exists() or len(frames(recorder.path)) < 800:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert frames(recorder.path).tolist() == [[7, 0]] * 800


def test_files_are_ours_alone_and_named_by_a_uuid(writer: RecordingWriter, tmp_path: Path) -> None:
    name = str(uuid.uuid4())
    recorder = writer.record(name)
    recorder.caller(pcm(1), 0)
    result = recorder.close().result(5)
    assert result.path == tmp_path / "recordings" / f"{name}.wav"
    assert stat.S_IMODE(os.stat(result.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(result.path.parent).st_mode) == 0o700
    assert len(frames(result.path)) == 160


def test_silence_alone_leaves_no_file(writer: RecordingWriter) -> None:
    result = writer.record().close().result(5)
    assert (result.path, result.truncated, result.seconds) == (None, False, 0.0)


@pytest.mark.parametrize("name", ["../../x", "a" * 31, "A" * 32, "x\x00y", "", "a" * 32 + "\n", "/" + "a" * 31])
def test_no_other_name_is_taken(writer: RecordingWriter, name: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        writer.record(name)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_there_is_never_overwritten(writer: RecordingWriter, tmp_path: Path, kind: str) -> None:
    name = uuid.uuid4().hex
    place, other = tmp_path / "recordings" / f"{name}.wav", tmp_path / "other"
    other.write_bytes(b"precious")
    if kind == "file":
        place.write_bytes(b"precious")
    else:
        place.symlink_to(other)
    recorder = writer.record(name)
    recorder.caller(pcm(1), 0)
    result = recorder.close().result(5)
    assert result.truncated
    assert result.path is None
    assert other.read_bytes() == b"precious"
    assert place.read_bytes() == b"precious"


def test_a_full_disk_truncates_and_nothing_more(tmp_path: Path) -> None:
    output, errors = run("fill_the_disk_under_a_recording", str(tmp_path))
    assert output == ["truncated: File too large", "complete", "closed"]
    short, long = sorted(len(frames(path)) for path in tmp_path.iterdir())
    assert short == 160
    assert long == (20_000 - 44) // 4
    assert len(errors) == 1


def test_a_directory_that_is_gone_is_made_again(tmp_path: Path, writer: RecordingWriter) -> None:
    recorder = writer.record()
    (tmp_path / "recordings").rename(tmp_path / "elsewhere")
    recorder.caller(pcm(1), 0)
    result = recorder.close().result(5)
    assert not result.truncated
    assert result.path is not None and result.path.exists()
    assert stat.S_IMODE(os.stat(tmp_path / "recordings").st_mode) == 0o700


def test_a_directory_that_cannot_be_made_again_costs_the_recording_only(
    tmp_path: Path, writer: RecordingWriter
) -> None:
    recorder = writer.record()
    (tmp_path / "recordings").rename(tmp_path / "elsewhere")
    (tmp_path / "recordings").write_text("a file is in its place")
    recorder.caller(pcm(1), 0)
    result = recorder.close().result(5)
    assert (result.path, result.truncated) == (None, True)
    assert result.reason == "File exists"


def test_a_kill_leaves_a_file_that_plays(tmp_path: Path) -> None:
    with child("record_a_call", str(tmp_path)) as process:
        while int(line_of(process)) < 3 * 8_000:
            pass
        process.kill()
        process.wait()
        assert process.stdout is not None
        last = int((process.stdout.read().split() or [str(3 * 8_000)])[-1])
    (path,) = tmp_path.iterdir()
    heard = frames(path)
    assert last - 2 * 8_000 < len(heard) <= last + 11 * 160
    assert (heard == 0x1000).all()


def test_a_disk_that_is_too_slow_costs_audio_not_memory(tmp_path: Path) -> None:
    recorder = StereoRecorder(tmp_path / "x.wav", threading.Event())  # nobody writes: a disk that hangs
    for n in range(MAX_WAITING_BYTES // 320 + 100):
        recorder.caller(pcm(1), n * 160)
    runs, _ = recorder.collect()
    assert sum(len(run.pcm) for run in runs) <= MAX_WAITING_BYTES
    assert recorder.truncated


def test_after_the_end_nothing_is_taken(writer: RecordingWriter) -> None:
    recorder = writer.record()
    recorder.caller(pcm(1), 0)
    first = recorder.close()
    recorder.caller(pcm(2), 160)
    assert recorder.close() is first
    assert first.result(5).seconds == 0.02


def test_closing_the_writer_completes_what_is_open(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    recorder = writer.record()
    recorder.bot(pcm(1), 0)
    assert writer.close()
    assert writer.close()
    assert len(frames(recorder.path)) == 160
    assert recorder.close().done()
    with pytest.raises(RuntimeError):
        writer.record()


def test_an_impossible_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="recordings' directory"):
        RecordingWriter(tmp_path / "file" / "below")
