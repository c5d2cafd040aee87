"""Both sides of a call, aligned in time."""

import asyncio
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest

from offhook.calls.recorder import SLACK_SAMPLES, CallRecorder
from offhook.records import RecordingResult, RecordingWriter
from offhook.telephony.codec.base import codec_named
from tests.offhook.lines import ScriptedLine
from tests.signals import sine

PACKET = sine(400, 20)
PAYLOAD = codec_named("PCMA").encode(PACKET)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    one = Clock()
    monkeypatch.setattr("offhook.calls.recorder.monotonic", one)
    return one


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordingWriter]:
    one = RecordingWriter(tmp_path)
    yield one
    one.close()


def recorder_of(writer: RecordingWriter, line: Any) -> CallRecorder:
    return CallRecorder(writer, uuid4().hex, line)


def read(result: RecordingResult) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """(caller, bot)."""
    assert result.path is not None
    with wave.open(str(result.path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def starts(channel: npt.NDArray[np.int16]) -> int:
    return int(np.flatnonzero(np.abs(channel) > 100)[0])


def test_both_sides_are_placed_where_they_were_heard(writer: RecordingWriter, clock: Clock) -> None:
    line = ScriptedLine("PCMA")
    recorder = recorder_of(writer, line)
    clock.now += 0.5
    for n in range(5):
        line.receive(PACKET, 7_000 + 160 * n, clock.now)  # the line has counted from before the recorder began
    clock.now += 0.5
    for n in range(5):
        line.send(PAYLOAD, 160 * n, clock.now)
        clock.now += 0.02
    caller, bot = read(recorder.close().result(5))
    assert starts(caller) == pytest.approx(4_000 - 160, abs=8)
    assert starts(bot) == pytest.approx(8_000, abs=8)
    assert len(bot) == pytest.approx(8_000 + 800, abs=2)


def test_packets_a_little_late_are_one_sound_and_a_pause_is_a_pause(writer: RecordingWriter, clock: Clock) -> None:
    line = ScriptedLine("PCMA")
    recorder = recorder_of(writer, line)
    clock.now += 0.2
    for late_s in (0.0, 0.015, 0.004, 0.03):
        clock.now += 0.02
        begun = clock.now
        clock.now += late_s
        line.send(PAYLOAD, 0, clock.now)
        clock.now = begun
    clock.now += 1.0 + SLACK_SAMPLES / 8_000
    line.send(PAYLOAD, 0, clock.now)
    _, bot = read(recorder.close().result(5))
    loud = np.flatnonzero(np.abs(bot) > 100)
    gaps = np.flatnonzero(np.diff(loud) > 40)
    assert len(gaps) == 1
    assert loud[gaps[0]] - loud[0] == pytest.approx(4 * 160, abs=8)


def test_a_pause_is_silent_on_both_sides_and_moves_nothing(writer: RecordingWriter, clock: Clock) -> None:
    line = ScriptedLine("PCMA")
    recorder = recorder_of(writer, line)
    for n in range(30):
        recorder.paused = 10 <= n < 20
        clock.now = 1_000.0 + 0.02 * (n + 1)
        line.receive(PACKET, 160 * n, clock.now)
        line.send(PAYLOAD, 160 * n, clock.now)
    for side in read(recorder.close().result(5)):
        quiet = np.flatnonzero(np.diff(np.flatnonzero(np.abs(side) > 100)) > 40)
        assert len(quiet) == 1
        loud = np.flatnonzero(np.abs(side) > 100)
        assert loud[quiet[0] + 1] - loud[quiet[0]] == pytest.approx(10 * 160, abs=40)
        assert loud[-1] - loud[0] == pytest.approx(30 * 160, abs=40)


def test_what_is_reported_behind_a_pause_and_was_said_in_it_is_not_kept(writer: RecordingWriter, clock: Clock) -> None:
    line = ScriptedLine("PCMA")
    recorder = recorder_of(writer, line)
    recorder.paused = True
    clock.now += 0.5
    recorder.paused = False
    for n in range(4):
        line.receive(PACKET, 160 * n, clock.now - 0.02 * n)
        line.send(PAYLOAD, 160 * n, clock.now - 0.02 * n)
    for side in read(recorder.close().result(5)):
        assert np.count_nonzero(np.abs(side) > 100) < 160  # of four packets one


def test_a_call_in_which_nobody_spoke(writer: RecordingWriter, clock: Clock) -> None:
    result = recorder_of(writer, ScriptedLine("PCMA")).close().result(5)
    assert result.seconds == 0


async def test_the_end_can_be_awaited(writer: RecordingWriter, clock: Clock) -> None:
    result = await asyncio.wait_for(asyncio.wrap_future(recorder_of(writer, ScriptedLine("PCMA")).close()), 5)
    assert not result.truncated


class WideLine(ScriptedLine):
    rate_hz = 16_000
    bytes_per_tick = 4


async def test_a_wide_line_is_recorded_at_8_khz(writer: RecordingWriter, clock: Clock) -> None:
    line = WideLine("LINEAR16")
    recorder = recorder_of(writer, line)
    packet = sine(400, 20, rate_hz=16_000)
    for n in range(10):
        clock.now = 1_000.0 + 0.02 * (n + 1)
        line.receive(packet, 160 * n, clock.now)
        line.send(packet, 160 * n, clock.now)
    caller, bot = read(await asyncio.wrap_future(recorder.close()))
    assert 1_600 <= len(caller) <= 1_760
    assert abs(int(np.abs(caller).max()) - int(np.abs(bot).max())) < 100
    for side in (caller, bot):
        voiced = side[400:1_200].astype(float)
        assert np.abs(np.fft.rfft(voiced)).argmax() == 40  # 400 Hz
