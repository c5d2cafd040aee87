"""Recordings, messages, captures and event logs, encrypted: nothing of them is on the disk in the clear."""

import json
import os
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.encryption.chunks import MAX_CHUNK_BYTES
from offhook.encryption.keys import new_key, read_keys
from offhook.encryption.reader import Ending, open_kept
from offhook.flight.reader import read_log
from offhook.flight.rows import header_of
from offhook.flight.writer import EventLogWriter
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.gate import GateSettings
from offhook.records.capture import CaptureWriter
from offhook.records.encrypted import EncryptedFile
from offhook.records.kept_files import FILE_KINDS, files_of, older_than, remove
from offhook.records.message import messages_of, save_message
from offhook.records.recording import RecordingWriter
from offhook.records.wav import RATE_HZ, WINDOW_SAMPLES, StereoTimeline
from offhook.records.wav_file import PlainWav
from tests.offhook.encryption.keyfile import key_file
from tests.offhook.records.pcapfile import Datagram, read
from tests.offhook.records.processes import child, line_of, run

CALL = "a" * 32
HEADER = header_of(CALL, began=1.5, turn=TurnSettings(), gate=GateSettings(), policy=SilencePolicy(700))
US, THEM = ("192.0.2.1", 10_000), ("192.0.2.2", 20_000)


def tone(value: int, samples: int = 160) -> bytes:
    return np.full(samples, value, "<i2").tobytes()


def stereo(left: int, right: int, samples: int) -> bytes:
    return np.tile(np.array([left, right], "<i2"), samples).tobytes()


def content(path: Path, keys: Path) -> bytes:
    with open_kept(path, keys) as kept:
        assert kept.ending is Ending.ENDED
        return kept.file.read()


def frames(path: Path, keys: Path) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    with open_kept(path, keys) as kept, wave.open(kept.file, "rb") as audio:
        assert audio.getparams()[:3] == (2, 2, RATE_HZ)
        data = audio.readframes(audio.getnframes())
        assert len(data) == 4 * audio.getnframes()
        return np.frombuffer(data, "<i2").reshape(-1, 2)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_recording_is_as_in_the_clear(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    clear, locked = RecordingWriter(tmp_path / "clear"), RecordingWriter(tmp_path / "locked", read_keys(keys)[0])
    recorders = [each.record(CALL) for each in (clear, locked)]
    for recorder in recorders:
        for n in range(300):
            recorder.caller(tone(n), n * 160)
            recorder.bot(tone(-n), n * 160 + 40)
        recorder.bot(tone(5), 20 * RATE_HZ)
        recorder.caller(tone(7), 19 * RATE_HZ)
    results = [recorder.close().result(5) for recorder in recorders]
    assert clear.close() and locked.close()
    assert results[0].seconds == results[1].seconds == 20.02
    assert not results[1].truncated
    paths = [result.path for result in results if result.path is not None]
    assert content(paths[1], keys) == paths[0].read_bytes()


def test_nothing_is_on_the_disk_in_the_clear_while_the_call_goes_on(tmp_path: Path) -> None:
    keys, folder = key_file(tmp_path), tmp_path / "data"
    key = read_keys(keys)[0]
    recordings, captures = RecordingWriter(folder / "recordings", key), CaptureWriter(folder / "captures", key)
    events = EventLogWriter(folder / "events", key)
    recorder, capture, log = recordings.record(CALL), captures.capture(CALL), events.begin(CALL, HEADER)
    capture.keep()
    word = "my card number is"
    paths = [folder / name for name in (f"recordings/{CALL}.wav", f"captures/{CALL}.pcap", f"events/{CALL}.jsonl")]
    deadline = time.monotonic() + 20
    for n in range(1_000):
        recorder.caller(tone(0x1234), n * 160)
        capture.put(float(n), US, THEM, b"BYE sip:bot@example.com SIP/2.0")
        log.append("r", word)
        on_disk = all_bytes(folder)
        assert not any(each in on_disk for each in (tone(0x1234, 4), stereo(0x1234, 0, 2), b"BYE sip", word.encode()))
        assert b"RIFF" not in on_disk
        if all(path.exists() and path.stat().st_size > 1_000 for path in paths):
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    save_message(folder / "recordings", CALL, tone(0x1234), key)
    log.append("i", "close", [])
    recorder.close().result(5)
    assert recordings.close() and captures.close() and events.close()
    on_disk = all_bytes(folder)
    assert not any(each in on_disk for each in (tone(0x1234, 4), stereo(0x1234, 0, 2), b"BYE sip", word.encode()))
    assert stereo(0x1234, 0, 100) in content(paths[0], keys)
    assert b"BYE sip" in content(paths[1], keys)
    assert word.encode() in content(paths[2], keys)
    assert tone(0x1234) in content(folder / "recordings" / f"{CALL}-message-1.wav", keys)


def test_a_kill_leaves_what_is_up_to_some_seconds_old(tmp_path: Path) -> None:
    keys, folder = key_file(tmp_path), tmp_path / "recordings"
    with child("record_a_call", str(folder), str(keys)) as process:
        while int(line_of(process)) < 6 * RATE_HZ:
            pass
        process.kill()
        process.wait()
    (path,) = folder.iterdir()
    with open_kept(path, keys) as kept:
        assert kept.ending is Ending.CUT
    heard = frames(path, keys)
    assert len(heard) > 6 * RATE_HZ - WINDOW_SAMPLES - 2 * RATE_HZ
    assert (heard == 0x1000).all()


def test_a_full_disk_leaves_what_was_whole(tmp_path: Path) -> None:
    keys, folder = key_file(tmp_path), tmp_path / "recordings"
    output, errors = run("fill_the_disk_under_a_recording", str(folder), str(keys))
    assert output == ["truncated: File too large", "complete", "closed"]
    short, long = sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
    assert {len(frames(path, keys)) for path in (short, long)} == {160, 0}
    assert len(errors) == 1


def test_a_discarded_recording_is_begun_again(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    writer = RecordingWriter(tmp_path / "recordings", read_keys(keys)[0])
    recorder = writer.record(CALL)
    recorder.caller(tone(1, 4 * RATE_HZ), 0)
    deadline = time.monotonic() + 10
    while not recorder.path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    before = recorder.path.read_bytes()
    recorder.discard()
    recorder.caller(tone(2), 4 * RATE_HZ)
    recorder.close().result(5)
    assert writer.close()
    heard = frames(recorder.path, keys)
    assert (heard[: 4 * RATE_HZ] == 0).all() and heard[4 * RATE_HZ :, 0].tolist() == [2] * 160
    assert recorder.path.read_bytes()[24:56] != before[24:56]  # its salt: no key is used for two files


def test_a_discarded_recording_that_cannot_be_removed_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    closed: list[str] = []
    close = PlainWav.close

    def noted(file: PlainWav) -> None:
        if file.is_open:
            closed.append("closed")
        close(file)

    writer = RecordingWriter(tmp_path / "recordings")
    recorder = writer.record(CALL)
    recorder.caller(tone(1), 0)
    deadline = time.monotonic() + 10
    while not recorder.path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr(PlainWav, "close", noted)
    recorder.discard()
    recorder.close().result(5)
    assert writer.close()
    assert closed == ["closed"]


def test_messages_get_the_next_number(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    key = read_keys(keys)[0]
    paths = [save_message(tmp_path, "c1", tone(value), each) for value, each in ((1, key), (2, None), (3, key))]
    assert messages_of(tmp_path, "c1") == paths
    assert [content(path, keys)[44:] for path in (paths[0], paths[2])] == [tone(1), tone(3)]
    assert paths[1].read_bytes()[44:] == tone(2)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)


def test_a_capture_is_read_by_other_programs_once_it_is_decrypted(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    writer = CaptureWriter(tmp_path / "captures", read_keys(keys)[0])
    capture = writer.capture(CALL)
    capture.put(1.0, THEM, US, b"one")
    capture.keep()
    capture.close()
    assert writer.close()
    assert read(content(tmp_path / "captures" / f"{CALL}.pcap", keys)) == [Datagram(1.0, THEM, US, b"one")]


def test_an_event_log_is_replayed_from_an_encrypted_file(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    writer = EventLogWriter(tmp_path / "events", read_keys(keys)[0])
    writer.begin(CALL, HEADER).append("r", "a reading")
    assert writer.close()
    path = tmp_path / "events" / f"{CALL}.jsonl"
    log = read_log(path, keys)
    assert log.rows == (["r", "a reading"],)
    assert json.loads(content(path, keys).splitlines()[0])["call"] == log.call


def test_what_is_encrypted_is_found_by_its_call_and_by_its_age(tmp_path: Path) -> None:
    key = new_key()
    recordings, captures = RecordingWriter(tmp_path / "recordings", key), CaptureWriter(tmp_path / "captures", key)
    events = EventLogWriter(tmp_path / "events", key)
    recorder, capture = recordings.record(CALL), captures.capture(CALL)
    recorder.caller(tone(1), 0)
    capture.put(1.0, US, THEM, b"one")
    capture.keep()
    events.begin(CALL, HEADER)
    save_message(tmp_path / "recordings", CALL, tone(1), key)
    assert recordings.close() and captures.close() and events.close()
    found = {kind.name: path for kind, _, path in files_of(tmp_path, {CALL})}
    assert sorted(found) == sorted(kind.name for kind in FILE_KINDS)
    for kind in FILE_KINDS:
        assert older_than(tmp_path, kind, time.time() + 60, 10) == [found[kind.name]]
        assert older_than(tmp_path, kind, time.time() - 60, 10) == []
    assert [remove(path) for path in found.values()] == [""] * 4
    assert list(files_of(tmp_path, {CALL})) == []


def test_after_a_failed_write_no_number_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = key_file(tmp_path)
    file = EncryptedFile(tmp_path / "kept", read_keys(keys)[0])
    file.append(b"whole")
    with monkeypatch.context() as patched:

        def half(fd: int, data: memoryview, at: int) -> int:
            if at + len(data) > 100:
                raise OSError("the disk is full")
            return len(data)

        patched.setattr("os.pwrite", half)
        with pytest.raises(OSError, match="full"):
            file.append(b"x" * 200)
    with pytest.raises(OSError, match="earlier write"):
        file.append(b"other")
    file.cut()
    file.close()
    file.close()
    assert content(tmp_path / "kept", keys) == b"whole"
    assert file.size == 5


def test_of_a_message_whose_last_chunk_has_no_room_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, pwrite, written = read_keys(key_file(tmp_path))[0], os.pwrite, list[int]()

    def full(fd: int, data: memoryview, at: int) -> int:
        if at > 0:
            raise OSError("the disk is full")
        written.append(len(data))
        return pwrite(fd, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="full"):
        save_message(tmp_path / "recordings", "c1", tone(1), key)
    assert written, "all but the last chunk was there"
    assert list((tmp_path / "recordings").iterdir()) == []


def test_a_message_that_cannot_be_made_removes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_message(tmp_path, "c1", tone(1))

    def full(*_: object) -> int:
        raise OSError("too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        with pytest.raises(OSError, match="too many"):
            save_message(tmp_path, "c1", tone(2))
    assert messages_of(tmp_path, "c1") == [path]


def test_much_at_once_is_more_than_a_chunk(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    file = EncryptedFile(tmp_path / "kept", read_keys(keys)[0])
    file.append(bytes(range(256)) * 1_000)
    file.append(b"")
    file.append(b"more")
    file.close()
    assert content(tmp_path / "kept", keys) == bytes(range(256)) * 1_000 + b"more"
    chunks = -(-256_000 // MAX_CHUNK_BYTES) + 2
    assert (tmp_path / "kept").stat().st_size == 56 + 256_004 + 20 * chunks


def test_keys_differ_from_file_to_file(tmp_path: Path) -> None:
    key = new_key()
    for name in ("a", "b"):
        file = EncryptedFile(tmp_path / name, key)
        file.append(bytes(1_000))
        file.close()
    first, second = ((tmp_path / name).read_bytes() for name in ("a", "b"))
    assert sum(a == b for a, b in zip(first[60:], second[60:], strict=True)) < 50


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 400), st.integers(0, 3 * WINDOW_SAMPLES)), max_size=12))
def test_what_is_only_added_to_is_what_would_be_written_in_place(puts: list[tuple[int, int, int]]) -> None:
    in_place, added = StereoTimeline(), StereoTimeline(append_only=True)
    image, appended = bytearray(), bytearray()
    for number, (channel, samples, at_tick) in enumerate(puts, 1):
        pieces = [line.put(channel, tone(number, samples), at_tick) for line in (in_place, added)]
        assert pieces[0] == pieces[1]
        for at, data in in_place.take():
            image.extend(bytes(max(0, at * 4 + len(data) - len(image))))
            image[at * 4 : at * 4 + len(data)] = data
        _append(appended, added.take())
        assert len(appended) >= 4 * (added.end - WINDOW_SAMPLES)
    _append(appended, added.take(last=True))
    assert appended == image


def _append(appended: bytearray, pieces: list[tuple[int, bytes]]) -> None:
    for at, data in pieces:
        assert at * 4 >= len(appended)
        appended.extend(bytes(at * 4 - len(appended)))
        appended.extend(data)
