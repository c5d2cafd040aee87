import array
import csv
import io
import wave
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offhook.records import CallClock, CallRecord, EndedBy, RecordStore, TranscriptLine
from offhook.records.message import save_message
from offhook.web.call_list import CSV_PAGE
from offhook.web.calls import MAX_PEAKS, calls_routes, measure, transcript_text
from offhook.web.errors import add_error_answers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(tmp_path / "calls.db"))
    yield one
    one.close()


@pytest.fixture
def client(store: RecordStore, tmp_path: Path) -> TestClient:
    app = FastAPI()
    add_error_answers(app)
    app.include_router(calls_routes(store, tmp_path / "recordings", tmp_path / "captures"))
    return TestClient(app)


def put(store: RecordStore, minute: int = 0, src: str = "sip:ada@example.org", recording: Path | None = None) -> str:
    clock = CallClock(NOON + timedelta(minutes=minute), 0.0)
    begun = CallRecord.begun(clock, src=src, dst="sip:bot@example.org", call_id="x").answered(clock, 0.0)
    ended = begun.ended(clock, 10.0, answered_now=0.0, ended_by=EndedBy.CALLER, end_reason="caller hung up")
    lines = (
        TranscriptLine(1.0, "bot", "Hello. How can I help?", "Hello.", "How can I help?"),
        TranscriptLine(65.25, "caller", EVIL),
        TranscriptLine(70.0, "caller", "banana", confidence=1.0, typed=True, rejected=True),
    )
    path = None if recording is None else str(recording)
    store.finish(replace(ended, transcript=lines, recording=path)).result(5)
    return begun.uniqueid


def write_wav(path: Path, left: list[int], right: list[int], channels: int = 2) -> Path:
    path.parent.mkdir(exist_ok=True)
    frames = array.array("h", [value for pair in zip(left, right, strict=True) for value in pair])
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(channels)
        audio.setsampwidth(2)
        audio.setframerate(8_000)
        audio.writeframes(frames.tobytes())
    return path


def test_the_list_page_by_page(client: TestClient, store: RecordStore) -> None:
    for minute in range(3):
        put(store, minute)
    first = client.get("/api/calls", params={"limit": 2}).json()
    assert not any("transcript" in call for call in first["calls"])
    assert [call["start"] for call in first["calls"]] == ["2026-01-01T12:02:00.000Z", "2026-01-01T12:01:00.000Z"]
    following = {"limit": "2", **first["next"]}
    second = client.get("/api/calls", params=following).json()
    assert [call["start"] for call in second["calls"]] == ["2026-01-01T12:00:00.000Z"]
    assert second["next"] is None


def test_search(client: TestClient, store: RecordStore) -> None:
    put(store, 0, src="sip:ada@example.org")
    put(store, 1, src="sip:grace@example.org")

    def found(**wanted: str) -> int:
        return len(client.get("/api/calls", params=wanted).json()["calls"])

    assert found(q="grace") == 1
    assert found(q=" ") == 2
    assert found(since="2026-01-01T13:01:00+01:00") == 1
    assert found(until="2026-01-01T12:01:00") == 1
    assert found(outcome="crash") == 0
    assert found(outcome="") == 2
    assert found(recorded="true") == 0


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "9999"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00+23:59"}, "since"),
        ({"until": "9999-12-31T23:59:59-23:59"}, "until"),
        ({"q": "x" * 201}, "q"),
        ({"q": "\0"}, "q"),
        ({"barge_in": "perhaps"}, "barge_in"),
        ({"outcome": "foo"}, "outcome"),
        ({"outcome": "answered"}, "outcome"),
        ({"format": "xml"}, "format"),
        ({"after_start": "\0"}, "after_start"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_search_that_makes_no_sense(client: TestClient, wanted: dict[str, str], named: str) -> None:
    for path in ("/api/calls", "/api/calls/figures"):
        answer = client.get(path, params=wanted)
        assert answer.status_code == 400
        assert f"`{named}`" in answer.json()["what"]
        assert answer.json()["why"]


def test_an_unknown_outcome_is_answered_with_the_known_ones(client: TestClient) -> None:
    why = client.get("/api/calls", params={"outcome": "foo"}).json()["why"]
    assert all(one in why for one in ("ANSWERED", "NO ANSWER", "caller", "crash"))


def test_csv(client: TestClient, store: RecordStore) -> None:
    put(store, 0, src='=HYPERLINK("http://evil.example")')
    put(store, 1, src="+15550100")
    put(store, 2, src='"Ada", Countess\n')
    answer = client.get("/api/calls", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["start"][11:16] for row in rows] == ["12:02", "12:01", "12:00"]
    assert [row["src"] for row in rows][1:] == ["+15550100", '\'=HYPERLINK("http://evil.example")']
    assert {(row["disposition"], row["ended_by"], row["duration"]) for row in rows} == {("ANSWERED", "caller", "10.0")}
    assert len(client.get("/api/calls", params={"format": "csv", "limit": 2}).text.splitlines()) == 3
    assert len(client.get("/api/calls", params={"format": "csv", "q": "15550100"}).text.splitlines()) == 2


def test_csv_has_all_calls_and_not_only_a_page(client: TestClient, store: RecordStore) -> None:
    for minute in range(CSV_PAGE + 5):
        put(store, minute)
    assert len(client.get("/api/calls?format=csv").text.splitlines()) == CSV_PAGE + 6


def test_one_call_with_its_timeline(client: TestClient, store: RecordStore) -> None:
    uniqueid = put(store)
    store.timeline(uniqueid, [{"kind": "turn", "at": 2.0, "response_ms": 500.0}])
    store.flush()
    call = client.get(f"/api/calls/{uniqueid}").json()
    assert call["src"] == "sip:ada@example.org"
    assert call["recording"] is False
    assert call["timeline"] == [{"kind": "turn", "at": 2.0, "response_ms": 500.0}]
    assert call["transcript"][1]["text"] == EVIL
    assert [(line["typed"], line["rejected"]) for line in call["transcript"]] == [(False, False)] * 2 + [(True, True)]
    assert client.get("/api/calls/figures").json()["buckets"][0]["response_p95_ms"] == 500.0


@pytest.mark.parametrize(
    "path", ["", "/call.json", "/transcript.txt", "/audio.wav", "/messages/x-message-1.wav", "/peaks", "/capture.pcap"]
)
def test_a_call_that_is_not_there(client: TestClient, path: str) -> None:
    for uniqueid in ("nothing", "%00", "x" * 1_000, "%ff", "a%0Ab"):
        assert client.get(f"/api/calls/{uniqueid}{path}").status_code == 404


def test_downloads(client: TestClient, store: RecordStore) -> None:
    uniqueid = put(store)
    text = client.get(f"/api/calls/{uniqueid}/transcript.txt")
    assert text.headers["content-disposition"] == f'attachment; filename="{uniqueid}.txt"'
    assert text.headers["content-type"].startswith("text/plain")
    assert "00:01.0  bot:    Hello. [not heard: How can I help?]" in text.text
    assert f"01:05.2  caller: {EVIL}" in text.text
    assert "01:10.0  caller: banana [typed] [not understood]" in text.text
    whole = client.get(f"/api/calls/{uniqueid}/call.json")
    assert "attachment" in whole.headers["content-disposition"]
    assert whole.json()["uniqueid"] == uniqueid


def test_the_recording_whole_and_in_parts(client: TestClient, store: RecordStore, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "recordings" / "one.wav", [0, 100], [200, 300])
    url = f"/api/calls/{put(store, recording=path)}/audio.wav"
    whole = client.get(url)
    assert (whole.status_code, whole.content) == (200, path.read_bytes())
    assert whole.headers["content-type"] == "audio/wav"
    part = client.get(url, headers={"Range": "bytes=44-47"})
    assert (part.status_code, part.content) == (206, path.read_bytes()[44:48])
    assert part.headers["content-range"] == f"bytes 44-47/{path.stat().st_size}"
    assert client.get(url, headers={"Range": "bytes=9999-"}).status_code == 416


def test_the_messages(client: TestClient, store: RecordStore, tmp_path: Path) -> None:
    uniqueid, other = put(store, 0), put(store, 1)
    url, recordings = f"/api/calls/{uniqueid}", tmp_path / "recordings"
    assert client.get(url).json()["messages"] == []
    paths = [save_message(recordings, uniqueid, bytes([number]) * 320) for number in (1, 2)]
    names = [path.name for path in paths]
    assert client.get(url).json()["messages"] == names
    for name, path in zip(names, paths, strict=True):
        answer = client.get(f"{url}/messages/{name}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
    theirs = save_message(recordings, other, bytes(320)).name
    (recordings / f"{uniqueid}-message-3.wav").symlink_to(tmp_path / "calls.db")
    for name in (theirs, f"{uniqueid}-message-3.wav", f"{uniqueid}-message-4.wav", "..%2Fcalls.db"):
        assert client.get(f"{url}/messages/{name}").status_code == 404


@pytest.mark.parametrize("name", ["other/one.wav", "recordings/../other/one.wav", "recordings/one.txt", "other"])
def test_nothing_but_recordings_is_handed_out(
    client: TestClient, store: RecordStore, tmp_path: Path, name: str
) -> None:
    write_wav(tmp_path / "other" / "one.wav", [1], [1])
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "one.txt").write_text("secret")
    uniqueid = put(store, recording=tmp_path / name)
    assert client.get(f"/api/calls/{uniqueid}/audio.wav").status_code == 404
    assert client.get(f"/api/calls/{uniqueid}").json()["recording"] is False


@pytest.mark.parametrize(("ending", "truncated"), [(".pcap", False), (".truncated.pcap", True)])
def test_the_capture(client: TestClient, store: RecordStore, tmp_path: Path, ending: str, truncated: bool) -> None:
    uniqueid = put(store)
    url = f"/api/calls/{uniqueid}"
    assert client.get(f"{url}/capture.pcap").status_code == 404
    shown = client.get(url).json()
    assert (shown["capture"], shown["capture_truncated"]) == (False, False)
    path = tmp_path / "captures" / f"{uniqueid}{ending}"
    path.parent.mkdir()
    path.write_bytes(b"packets")
    answer = client.get(f"{url}/capture.pcap")
    assert (answer.status_code, answer.content) == (200, b"packets")
    assert answer.headers["content-disposition"] == f'attachment; filename="{path.name}"'
    shown = client.get(f"{url}/call.json").json()
    assert (shown["capture"], shown["capture_truncated"]) == (True, truncated)


def test_peaks(client: TestClient, store: RecordStore, tmp_path: Path) -> None:
    left = [0] * 160 + [-16_384] + [0] * 159
    right = [32_767] * 160 + [0] * 160
    path = write_wav(tmp_path / "recordings" / "one.wav", left, right)
    peaks = client.get(f"/api/calls/{put(store, recording=path)}/peaks").json()
    assert peaks == {"duration_s": 0.04, "caller": [0.0, 0.5], "bot": [1.0, 0.0]}


def test_a_recording_that_is_none(client: TestClient, store: RecordStore, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    path = tmp_path / "recordings" / "one.wav"
    path.write_bytes(b"")
    assert client.get(f"/api/calls/{put(store, recording=path)}/peaks").status_code == 404
    write_wav(path, [0], [0], channels=1)
    assert client.get(f"/api/calls/{put(store, recording=path)}/peaks").status_code == 404


def test_a_long_recording_has_coarser_peaks(tmp_path: Path) -> None:
    samples = 8_000 * 60 * 10
    peaks = measure(write_wav(tmp_path / "one.wav", [0] * (samples - 1) + [32_767], [0] * samples))
    assert peaks.duration_s == 600.0
    assert len(peaks.caller) == len(peaks.bot) <= MAX_PEAKS
    assert peaks.caller[-1] == 1.0
    assert max(peaks.caller[:-1]) == 0.0


def test_a_transcript_without_words() -> None:
    clock = CallClock(NOON, 0.0)
    record = CallRecord.begun(clock, src="a", dst="b", call_id="c")
    assert transcript_text(record).startswith("2026-01-01T12:00:00.000Z  a -> b\n")
