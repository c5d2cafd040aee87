"""What thresholds would have done, on calls whose pauses and noises are known."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook.api.call import Call
from offhook.cli.main import app
from offhook.cli.replay import what_if
from offhook.flight.reader import FlightLog
from offhook.flight.tune import endpoint_curve, interrupt_curve, interval_percent
from offhook.flight.what_if import RecordedCall
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from tests.offhook.flight.logs import read_back

PAUSES_S = (0.0, 0.25, 0.4, 0.7)
"""Inside the caller's answers; the silence that ends a turn is 500 ms."""


async def survey(call: Call) -> None:
    for _ in (*PAUSES_S, "the half that was cut off"):
        await call.ask("And?")
    await call.say("Thank you very much for all these answers, which are of great use to us. Goodbye!")


async def answers() -> SimulatedCall:
    async with SimulatedCall(survey, recorded=True) as caller:
        for number, pause_s in enumerate(PAUSES_S):
            await caller.hears("And?")
            await caller.waits(0.3)
            await caller.says(f"the first half {number}")
            if pause_s:
                await caller.waits(pause_s)
                await caller.says(f"the other half {number}")
            await caller.waits(2.5)
        await caller.begins_to_hear("Thank you")
        await caller.waits(0.5)
        await caller.says("a", seconds=0.1)  # a cough
        await caller.waits(1.0)
        await caller.says("wait, one more", seconds=1.0)
        await caller.waits(1.0)
    return caller


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> FlightLog:
    caller = run(answers())
    assert caller.event_log is not None
    return read_back(caller.event_log, tmp_path_factory.mktemp("events"))


def test_a_shorter_silence_cuts_callers_off_and_a_longer_one_keeps_them_waiting(log: FlightLog) -> None:
    call = RecordedCall(log)
    curve = endpoint_curve([call], [200, 300, 500, 600, 800])
    assert [point.turns for point in curve] == [5] * 5
    assert [point.cut for point in curve] == [3, 2, 1, 1, 0]
    for point in curve:
        assert point.wait_p50_ms == pytest.approx(point.silence_ms, abs=40)
        assert point.added_ms == pytest.approx(point.silence_ms - 500, abs=40)


def test_what_another_silence_would_have_changed_in_each_turn(log: FlightLog) -> None:
    turns = what_if(RecordedCall(log), {"turn.silence_ms": 300.0})["turns"]
    assert [turn["was"]["cut"] for turn in turns] == [False, False, False, True, False]
    assert [turn["would_be"]["cut"] for turn in turns] == [False, False, True, True, False]


def test_the_same_gate_changes_nothing(log: FlightLog) -> None:
    call = RecordedCall(log)
    again = call.inputs_of(log.gate)
    detected = [(name, arguments[0]) for _, name, arguments in call.inputs if name == "speech_started"]
    assert [
        (name, pytest.approx(arguments[0], abs=0.001)) for _, name, arguments in again if name == "speech_started"
    ] == detected
    assert all(each["was"] == each["would_be"] for each in what_if(call, {"vad.min_speech_ms": 160.0})["turns"])


def test_longer_speech_to_interrupt_means_fewer_false_stops_and_more_talk_over(log: FlightLog) -> None:
    curve = interrupt_curve([RecordedCall(log)], [60, 160, 250, 2_000])
    # The last speech interrupts the goodbye, which ends the call: nobody knows how long it would have been.
    assert [(point.noises, point.speeches) for point in curve] == [(1, 2), (1, 2), (1, 1), (1, 1)]
    assert [point.false_stops for point in curve] == [1, 0, 0, 0]
    assert [point.missed for point in curve] == [0, 0, 0, 1]
    stopped = [point.talk_over_p50_ms for point in curve[:3]]
    assert stopped == sorted(stopped)  # type: ignore[type-var]  # none of them is None
    for point in curve[:3]:
        assert point.talk_over_p50_ms == pytest.approx(point.min_speech_ms, abs=40)


def test_the_interval_of_a_rate() -> None:
    assert interval_percent(0, 100) == pytest.approx((0.0, 3.7), abs=0.05)
    assert interval_percent(50, 100) == pytest.approx((40.4, 59.6), abs=0.05)
    assert interval_percent(0, 0) == (0.0, 100.0)


@pytest.fixture
def file(log: FlightLog, tmp_path: Path) -> Path:
    caller = run(answers())
    assert caller.event_log is not None
    read_back(caller.event_log, tmp_path)
    return tmp_path / "call.jsonl"


def test_the_commands(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    shown = CliRunner().invoke(app, ["replay", str(file)])
    assert shown.exit_code == 0, shown.output
    assert "all as in the call" in shown.output and "bot      And?" in shown.output
    assert "pausing -> recognising" in shown.output
    changed = CliRunner().invoke(app, ["replay", str(file), "--set", "turn.silence_ms=300"])
    assert "over after 5" in changed.output and "-> over after 3" in changed.output
    tuned = CliRunner().invoke(app, ["tune", str(file), "--endpoint", "300,800", "--interrupt-ms", "60,250", "--json"])
    assert tuned.exit_code == 0, tuned.output
    found = json.loads(tuned.output)
    assert [point["cut"] for point in found["endpoint"]] == [2, 0]
    assert [point["false_stops"] for point in found["interrupt"]] == [1, 0]
    table = CliRunner().invoke(app, ["tune", str(file.parent), "--endpoint", "300,800", "--interrupt-ms", "60"])
    assert "1 calls; cut off" in table.output and "2 = 40.0 %" in table.output
