"""`offhook qa pcap`: what it prints, its exit status, and what it says to files that are none."""

import json
import os
import struct
import wave
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from offhook.cli.main import app
from offhook.records.pcap import FILE_HEADER
from offhook.usererror import UserError
from tests.offhook.qa.wire import Dialog, Packet, both_ways, capture, with_key


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["qa", "pcap", *map(str, arguments)])


def of_link(content: bytes, link: int) -> bytes:
    """The capture with another link type."""
    return content[:20] + struct.pack("<I", link) + content[24:]


def two_calls() -> list[Packet]:
    """A clean one, and one that is one way."""
    first = Dialog()
    other = Dialog(call_id="two@b", caller_media=("198.51.100.7", 4_010), callee_media=("203.0.113.5", 5_010))
    caller, callee = both_ways(first)
    return [*first.packets(), *with_key(caller, "5", 100), *callee, *other.packets(), *both_ways(other)[1]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two calls.pcap"
    path.write_bytes(capture(two_calls()))
    return path


def test_for_people(file: Path) -> None:
    result = run(file, "--width", "140")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "2 calls, 3 RTP streams, 1 trouble" in lines[0]
    assert lines[2].startswith("FAULT   call 2: the callee hears nothing  [one_way_audio]")
    assert lines[3].startswith("  why:  ") and lines[4].startswith("  do:   ")
    assert "INVITE bot" in result.stdout and "RTP PCMU" in result.stdout and "DTMF 5" in result.stdout
    assert max(map(len, lines)) < 250


def test_one_call(file: Path) -> None:
    for name in ("1", "one@198.51.100.7"):
        result = run(file, "--call", name)
        assert result.exit_code == 0 and "nothing is wrong" in result.stdout and "two@b" not in result.stdout
    result = run(file, "--call", "two@b", "--messages")
    assert result.exit_code == 1 and "Call-ID: two@b" in result.stdout


def test_json(file: Path) -> None:
    result = run(file, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["trouble"] is True and [each["kind"] for each in found["findings"]] == ["one_way_audio"]
    assert [each["call_id"] for each in found["calls"]] == ["one@198.51.100.7", "two@b"]
    first = found["calls"][0]
    assert first["after_ms"]["answered"] == 100.0 and first["codecs"] == ["PCMU"] and first["streams"] == [1, 2]
    assert [row["label"] for row in first["ladder"]["rows"]][:2] == ["INVITE bot", "100 Trying"]
    stream = found["streams"][0]
    assert (stream["packets"], stream["loss"]["lost"], stream["dtmf"]) == (502, 0, "5")
    assert stream["audio"]["speech_level_dbov"] < -10 and 4.0 < stream["mos"] <= 4.5


def test_wav(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "heard"
    result = run(file, "--wav", folder)
    assert result.exit_code == 1
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["call-1-callee-2.wav", "call-1-caller-1.wav", "call-2-callee-3.wav"]
    with wave.open(str(folder / names[0])) as audio:
        assert audio.getframerate() == 8_000 and audio.getnframes() == 80_000
        assert max(audio.readframes(80_000)) > 0
    assert not (folder / names[0]).stat().st_mode & 0o077
    one = tmp_path / "one"
    assert run(file, "--wav", one, "--call", "2", "--json").exit_code == 1
    assert [path.name for path in one.iterdir()] == ["call-2-callee-3.wav"]


def test_a_limit_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "slow.pcap"
    slow = Dialog(answered_s=3.0, acked_s=3.1, ended_s=13.3)
    path.write_bytes(capture([*slow.packets(), *(each for way in both_ways(slow) for each in way)]))
    assert run(path).exit_code == 0
    assert "late_answer" in run(path, "--answer-s", "2").stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\x1f\x8bxxxxxx", "gunzip"),
        (b"#!/bin/sh", "neither pcap nor pcapng"),
        (capture([]), "it has no packets"),
        (capture([])[:9], "file header"),
        (capture(two_calls()[:1])[:50], "ends within a frame"),
        (capture(two_calls()[:1])[:50], "it is damaged"),
        (FILE_HEADER + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 0x7FFFFFFF), "it is damaged"),
        (of_link(capture(two_calls()), 147), "link type 147"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    result = run(path)
    assert isinstance(result.exception, UserError) and said in str(result.exception)
    assert "type:" in str(result.exception)


def test_other_mistakes(file: Path, tmp_path: Path) -> None:
    for arguments, what in (
        ((tmp_path / "not there",), f"ls {tmp_path}"),
        ((tmp_path,), "cannot be read"),
        ((file, "--call", "tow@b"), "did you mean `two@b`"),
        ((file, "--call", "9"), "2 calls"),
        ((file, "--wav", file), "cannot be made"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, UserError) and what in str(result.exception), arguments


def test_a_file_that_is_cut_off_is_judged_as_far_as_it_goes(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 7)
    result = run(file, "--json")
    found = json.loads(result.stdout)
    assert {"damaged_file", "one_way_audio"} <= {each["kind"] for each in found["findings"]}
    assert result.exit_code == 1 and len(found["calls"]) == 2


def test_what_the_far_end_wrote_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    dialog = Dialog(call_id="a\x1b[2Jb")
    path.write_bytes(capture(dialog.packets()))
    assert "\x1b" not in run(path, "--messages").stdout


def test_no_room_for_what_was_heard(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "heard"
    (folder / ".stream-1.part").mkdir(parents=True)
    result = run(file, "--wav", folder)
    assert isinstance(result.exception, UserError) and "cannot be written" in str(result.exception)


@pytest.mark.parametrize("way", ["no such call", "damaged", "no room"])
def test_what_people_said_does_not_stay_after_a_mistake(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    folder = tmp_path / "heard"
    if way == "no such call":
        file.write_bytes(capture(both_ways(Dialog())[0]))  # as long as no description has come it may be of any
    elif way == "damaged":
        monkeypatch.setattr("offhook.qa.diagnosis.analysis.Analyser.finish", lambda _: 1 / 0)
    elif way == "no room":
        (folder / "call-1-callee-2.wav" / "x").mkdir(parents=True)
    assert run(file, "--wav", folder, *(("--call", "9") if way == "no such call" else ())).exit_code != 0
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_call_of_a_capture_without_any(tmp_path: Path) -> None:
    path = tmp_path / "media.pcap"
    path.write_bytes(capture(both_ways(Dialog())[0]))
    result = run(path, "--call", "7")
    assert isinstance(result.exception, UserError) and "the same without --call" in str(result.exception)
