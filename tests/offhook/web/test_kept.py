"""What is kept encrypted, as the pages and others get it."""

import wave
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from offhook.encryption.chunks import HEADER, LENGTH
from offhook.encryption.keys import Key, new_key
from offhook.encryption.reader import Kept, open_kept
from offhook.records import CallClock, CallRecord, EndedBy, RecordingWriter, RecordStore
from offhook.records.capture import CaptureWriter
from offhook.records.message import save_message
from offhook.records.published import publish
from offhook.web import kept as kept_module
from offhook.web.calls import calls_routes
from offhook.web.errors import add_error_answers
from offhook.web.recordings import recording_routes
from tests.offhook.encryption.keyfile import key_file

KEY = new_key()
SECOND = b"\x34\x12" * 8_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(tmp_path / "calls.db"))
    yield one
    one.close()


def client(store: RecordStore, folder: Path, keys: Path | None) -> TestClient:
    app = FastAPI()
    add_error_answers(app)
    app.include_router(calls_routes(store, folder / "recordings", folder / "captures", keys))
    app.include_router(recording_routes(folder / "recordings", keys))
    return TestClient(app, raise_server_exceptions=False)


def recorded(store: RecordStore, folder: Path, key: Key | None) -> str:
    """A call with a recording of three seconds, a message of one and a capture."""
    clock = CallClock(datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    begun = CallRecord.begun(clock, src="+1555", dst="100", call_id="x").answered(clock, 0.0)
    ended = begun.ended(clock, 3.0, answered_now=0.0, ended_by=EndedBy.CALLER, end_reason="caller hung up")
    recordings, captures = RecordingWriter(folder / "recordings", key), CaptureWriter(folder / "captures", key)
    recorder, capture = recordings.record(begun.uniqueid), captures.capture(begun.uniqueid)
    for second in range(3):
        recorder.caller(SECOND, second * 8_000)
    capture.put(1.0, ("192.0.2.1", 1), ("192.0.2.2", 2), b"INVITE")
    capture.keep()
    path = recorder.close().result(5).path
    assert recordings.close() and captures.close()
    save_message(folder / "recordings", begun.uniqueid, SECOND, key)
    store.finish(replace(ended, recording=str(path))).result(5)
    return begun.uniqueid


def test_all_of_it_is_as_in_the_clear(store: RecordStore, tmp_path: Path) -> None:
    keys = key_file(tmp_path, KEY)
    answers = []
    for folder, key in ((tmp_path / "clear", None), (tmp_path / "locked", KEY)):
        call, http = recorded(store, folder, key), client(store, folder, keys)
        name = f"{call}-message-1.wav"
        sid = publish(folder / "recordings" / name)
        paths = ["audio.wav", "capture.pcap", "peaks", f"messages/{name}"]
        found = [http.get(f"/api/calls/{call}/{each}") for each in paths] + [http.get(f"/twiml/recordings/{sid}")]
        assert [each.status_code for each in found] == [200] * 5
        assert all(int(each.headers["content-length"]) == len(each.content) for each in found)
        answers.append([each.content for each in found])
        heads = [http.head(f"/api/calls/{call}/audio.wav"), http.head(f"/twiml/recordings/{sid}.wav")]
        assert [int(each.headers["content-length"]) for each in heads] == [44 + 4 * 24_000, 44 + 2 * 8_000]
    assert answers[0] == answers[1]
    assert answers[0][0].startswith(b"RIFF")


@pytest.mark.parametrize(
    ("wanted", "status", "first", "end"),
    [
        ("bytes=0-", 200, 0, 96_044),
        ("bytes=0-99", 206, 0, 100),
        ("bytes=40-47", 206, 40, 48),
        ("bytes=70000-", 206, 70_000, 96_044),
        ("bytes=-44", 206, 96_000, 96_044),
        ("bytes=96000-999999", 206, 96_000, 96_044),
        ("bytes=-999999", 200, 0, 96_044),
        ("bytes=5-2", 200, 0, 96_044),
        ("bytes=0-1,4-5", 200, 0, 96_044),
        ("bytes=-", 200, 0, 96_044),
        ("lines=1-2", 200, 0, 96_044),
    ],
)
def test_a_part_of_it(store: RecordStore, tmp_path: Path, wanted: str, status: int, first: int, end: int) -> None:
    call, http = recorded(store, tmp_path, KEY), client(store, tmp_path, key_file(tmp_path, KEY))
    whole = http.get(f"/api/calls/{call}/audio.wav").content
    answer = http.get(f"/api/calls/{call}/audio.wav", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, whole[first:end])
    assert answer.headers["accept-ranges"] == "bytes"
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/96044"


@pytest.mark.parametrize("wanted", ["bytes=96044-", "bytes=-0"])
def test_a_part_that_is_not_there(store: RecordStore, tmp_path: Path, wanted: str) -> None:
    call, http = recorded(store, tmp_path, KEY), client(store, tmp_path, key_file(tmp_path, KEY))
    answer = http.get(f"/api/calls/{call}/audio.wav", headers={"Range": wanted})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */96044")


def test_without_its_key_nothing_is_sent(store: RecordStore, tmp_path: Path) -> None:
    call = recorded(store, tmp_path, KEY)
    other = key_file(tmp_path)
    for keys, why in ((other, "not in the key file"), (None, "no `key_file`"), (tmp_path / "gone", "No such file")):
        http = client(store, tmp_path, keys)
        with capture_logs() as logs:
            for path in ("audio.wav", "capture.pcap", f"messages/{call}-message-1.wav"):
                answer = http.get(f"/api/calls/{call}/{path}")
                assert answer.status_code == 500 and why in answer.text
            assert http.get(f"/api/calls/{call}/peaks").status_code == 404
        assert sum(why in str(each["why"]) for each in logs if "why" in each) == 3


def test_what_is_damaged_is_not_taken_for_whole(store: RecordStore, tmp_path: Path) -> None:
    call, http = recorded(store, tmp_path, KEY), client(store, tmp_path, key_file(tmp_path, KEY))
    path = tmp_path / "recordings" / f"{call}.wav"
    data = bytearray(path.read_bytes())
    for at in (len(data) - 1, 200):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        path.write_bytes(changed)
        try:
            answer = http.get(f"/api/calls/{call}/audio.wav")
            is_whole = answer.status_code == 200 and len(answer.content) == int(answer.headers["content-length"])
        except OSError:  # it breaks off
            is_whole = False
        assert not is_whole
        assert http.get(f"/api/calls/{call}/peaks").status_code == 404


def test_a_recording_that_goes_on_plays(store: RecordStore, tmp_path: Path) -> None:
    call, keys = recorded(store, tmp_path, KEY), key_file(tmp_path, KEY)
    path = tmp_path / "recordings" / f"{call}.wav"
    path.write_bytes(path.read_bytes()[:-20])  # its last chunk is not there yet
    answer = client(store, tmp_path, keys).get(f"/api/calls/{call}/audio.wav")
    (tmp_path / "copy.wav").write_bytes(answer.content)
    with wave.open(str(tmp_path / "copy.wav")) as audio:
        assert audio.getnframes() == 24_000


@pytest.mark.parametrize("wanted", ["", "bytes=0-"])
def test_a_recording_that_grows_meanwhile_is_sent_as_it_was(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    call, keys = recorded(store, tmp_path, KEY), key_file(tmp_path, KEY)
    path = tmp_path / "recordings" / f"{call}.wav"
    whole = path.read_bytes()
    begun = whole.removesuffix(last_chunk_of(whole))
    opened: list[Kept] = []

    def grows(path: Path, key_file: Path | None) -> Kept:
        path.write_bytes(begun)
        opened.append(open_kept(path, key_file))
        path.write_bytes(whole)
        return opened[-1]

    monkeypatch.setattr(kept_module, "open_kept", grows)
    answer = client(store, tmp_path, keys).get(f"/api/calls/{call}/audio.wav", headers={"Range": wanted})
    assert int(answer.headers["content-length"]) == len(answer.content) < 96_044
    (tmp_path / "copy.wav").write_bytes(answer.content)
    with wave.open(str(tmp_path / "copy.wav")) as audio:
        assert 44 + 4 * audio.getnframes() == len(answer.content)
    assert [each.file.closed for each in opened] == [True]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("wanted", ["", "bytes=96044-"])
def test_what_is_opened_is_closed(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, wanted: str
) -> None:
    call, http = recorded(store, tmp_path, KEY), client(store, tmp_path, key_file(tmp_path, KEY))
    opened: list[Kept] = []

    def noted(path: Path, key_file: Path | None) -> Kept:
        opened.append(open_kept(path, key_file))
        return opened[-1]

    monkeypatch.setattr(kept_module, "open_kept", noted)
    http.request(method, f"/api/calls/{call}/audio.wav", headers={"Range": wanted})
    assert [each.file.closed for each in opened] == [True]


def last_chunk_of(whole: bytes) -> bytes:
    """With its length, and the end behind it."""
    at, starts = HEADER.size, []
    while at < len(whole):
        starts.append(at)
        at += LENGTH.size + LENGTH.unpack_from(whole, at)[0]
    return whole[starts[-2] :]
