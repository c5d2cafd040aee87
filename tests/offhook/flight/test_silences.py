"""The silences that a bot owed to end, and what other fillers would have made of them."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook import Call
from offhook.cli.main import app
from offhook.flight.reader import FlightLog
from offhook.flight.what_if import RecordedCall
from offhook.pipeline.turn.machine import TurnSettings
from offhook.testing import SimulatedCall, run
from tests.offhook.flight.logs import read_back


async def slow(call: Call) -> None:
    call.covers_silence = True
    for seconds in (0.4, 2.0, 3.2):
        await call.ask("And what else?")
        await asyncio.sleep(seconds)  # as in a slow database
    await call.say("Goodbye.")


def recorded(folder: Path, filler_ms: int) -> FlightLog:
    async def talk() -> SimulatedCall:
        settings = TurnSettings(ignore_back_channels=True, filler_ms=filler_ms, fallback_ms=9_000)
        async with SimulatedCall(slow, settings=settings, recorded=True) as caller:
            for _ in range(3):
                await caller.hears("And what else?")
                await caller.says("my order")
            await caller.over.wait()
            return caller

    caller = run(talk())
    assert caller.event_log is not None
    return read_back(caller.event_log, folder)


@pytest.mark.parametrize("filler_ms", [0, 1_200])
def test_other_fillers(filler_ms: int, tmp_path: Path) -> None:
    call = RecordedCall(recorded(tmp_path, filler_ms))
    filled_at = [silence.filled_at for silence in call.silences if silence.filled_at is not None]
    assert filled_at == pytest.approx(
        [step.at + call.log.began for step in call.steps if "fill" in step.actions], abs=0.001
    ), "as in the call"
    waits = [silence.seconds for silence in call.silences if silence.seconds is not None and silence.seconds > 0.8]
    assert waits == pytest.approx([0.9, 2.5, 3.7], abs=0.15)  # the end of the turn is a part of it
    for wanted_ms, times in ((850, 3), (1_200, 2), (3_000, 1), (5_000, 0), (0, 0)):
        found = [silence.filled_after_s for silence in call.silences_with(wanted_ms)]
        filled = [each for each in found if each is not None]
        assert filled == pytest.approx([wanted_ms / 1000] * times, abs=0.05)
        assert len(found) == len(call.silences)


def test_the_command(tmp_path: Path) -> None:
    recorded(tmp_path, 1_200)
    arguments = ["replay", str(tmp_path / "call.jsonl"), "--set", "turn.filler_ms=850"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "the caller waits for the dialog: no filler -> a filler after 0.85 s" in shown.output
    assert "the caller waits for the dialog: a filler after 1.20 s -> a filler after 0.85 s" in shown.output
    silences = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)["silences"]
    assert {each["waits_for"] for each in silences if each["would_be_s"] is not None} == {"dialog"}
    wrong = CliRunner().invoke(app, [*arguments[:3], "turn.filler_ms=-1"])
    assert wrong.exit_code != 0
