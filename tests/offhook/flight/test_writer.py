"""Event logs on the disk."""

import json
from pathlib import Path

import pytest

from offhook.flight import rows, writer
from offhook.flight.reader import read_log
from offhook.flight.rows import header_of, line_of
from offhook.flight.writer import EventLogWriter, find_log
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.trace import BotSpoke, EngineFailed
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.gate import GateSettings
from offhook.usererror import UserError

CALL = "0" * 32
HEADER = header_of(CALL, began=1.5, turn=TurnSettings(), gate=GateSettings(min_speech_ms=90), policy=SilencePolicy(700))


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = EventLogWriter(tmp_path / "events")
    log = found.begin(CALL, HEADER)
    log.append("i", "played", [2.25])
    log.on_event(BotSpoke("Grüß Gott", 2.5))
    for frame in range(100):
        log.on_frame(frame / 100, 256 * frame, 256, (frame % 2 * 64, 32, 96), 1.0)
    log.on_frame(1.0, 256 * 200, 256, (256, 0, 256), 1.0)
    log.close()
    assert found.close()
    path = find_log(tmp_path / "events", CALL)
    assert path is not None and path.stat().st_mode & 0o777 == 0o600
    again = read_log(path)
    assert (again.call, again.began, again.turn, again.gate) == (
        CALL,
        1.5,
        TurnSettings(),
        GateSettings(min_speech_ms=90),
    )
    assert again.policy == SilencePolicy(700)
    assert again.rows[0] == ["i", "played", [2.25]]
    assert again.rows[1] == ["e", {"~": "BotSpoke", "text": "Grüß Gott", "at": 2.5}]
    frames = again.frames()
    assert [frame.at_tick for frame in frames] == [*(256 * number for number in range(100)), 256 * 200]
    assert all(0 <= number / 100 - frame.probability < 1 / 256 for number, frame in enumerate(frames[:100]))
    assert (frames[1].audible, frames[1].start, frames[1].end, frames[-1].audible) == (64, 32, 96, 256)
    assert frames[0].at == 1.0 + 256 / 8_000


def test_a_log_that_grows_too_long_ends_with_a_whole_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_FILE_BYTES", 2_000)
    found = EventLogWriter(tmp_path)
    log = found.begin(CALL, HEADER)
    for number in range(200):
        log.append("i", "played", [float(number)])
    assert found.close()
    assert read_log(tmp_path / f"{CALL}.jsonl").truncated


def test_a_slow_disk_ends_a_log_and_not_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.flight.event_log.MAX_WAITING_ROWS", 10)
    found = EventLogWriter(tmp_path)
    log = found.begin(CALL, HEADER)
    for number in range(200):
        log.append("i", "played", [float(number)])
    assert log.truncated and found.close()
    again = read_log(tmp_path / f"{CALL}.jsonl")
    assert again.truncated and len(again.rows) <= 11


def test_an_event_that_is_no_json_or_too_long_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    endless: list[object] = []
    endless.append(endless)
    (_, short) = json.loads(line_of(("e", BotSpoke(endless, 2.0))))  # type: ignore[arg-type]  # as of a tool of the user's
    assert short == {"~": "BotSpoke", "at": 2.0, "omitted_bytes": 0}
    monkeypatch.setattr(rows, "MAX_EVENT_BYTES", 100)
    (_, short) = json.loads(line_of(("e", EngineFailed("asr", "e" * 500, 3.0))))
    assert short["~"] == "EngineFailed" and short["omitted_bytes"] > 500


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not an event log"),
        (b"RIFF....WAVE", "not an event log"),
        (b'{"format":"offhook-events","version":1}\n', "its version is 1"),
        (b'{"format":"offhook-events","version":2}\n', "damaged"),
        (line_of(HEADER) + b"no json\n" + line_of(("i", "played", [1.0])), "line 2 is damaged"),
        (line_of(HEADER) + b"{}\n" + line_of(("i", "played", [1.0])), "line 2 is no row"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        read_log(path)
    assert why in refused.value.render()


def test_the_last_line_may_be_cut_off_as_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(line_of(HEADER) + line_of(("i", "played", [1.0])) + b'["i","pla')
    assert len(read_log(path).rows) == 1


def test_only_our_own_names_become_files(tmp_path: Path) -> None:
    found = EventLogWriter(tmp_path)
    with pytest.raises(ValueError, match="id only"):
        found.begin("../elsewhere", HEADER)
    assert found.close() and find_log(tmp_path, "../elsewhere") is None
