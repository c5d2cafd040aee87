"""Loads of calls that nobody answers: what is counted and kept, and what ends a load."""

import json
import os
import signal
from pathlib import Path

import pytest

from offhook.qa.load import run as load_run
from offhook.qa.load.one_call import LoadCall
from offhook.qa.load.run import Progress, run_load
from offhook.qa.load.schedule import Plan
from offhook.qa.load.tally import Outcome
from offhook.qa.one_call import RunSettings
from offhook.qa.script.reading import parse_script
from offhook.qa.script.script import Script
from offhook.settings.config import Config
from offhook.usererror import UserError

pytestmark = pytest.mark.real_time

NOBODY = "127.0.0.1:9"
QUIET = Progress(lambda _: None, 0.2)


def script(ring_s: float = 1.0, more: str = "") -> Script:
    return parse_script(f"call: {{ring_s: {ring_s}}}\nsteps: [hang_up]\n{more}".encode(), "nobody.yaml")


async def test_calls_that_are_not_answered_fail_and_the_first_is_kept(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = RunSettings(NOBODY, save=tmp_path / "kept")
    found = await run_load([script()], Config(), settings, Plan(5, 3), Progress(lines.append, 0.2))
    assert (found.whole.passed, found.whole.failed, found.most_at_once) == (0, 5, 3)
    (kind,) = found.whole.worst_first
    assert (kind.kind, kind.calls) == ("not_answered", 5)
    assert "INVITE" in (tmp_path / "kept" / "not_answered-ladder.txt").read_text()
    assert json.loads((tmp_path / "kept" / "not_answered.json").read_text())["findings"][0]["kind"] == "not_answered"
    assert "running" in lines[0] and not found.passed


async def test_an_interrupt_ends_it_and_calls_that_ring_are_not_judged() -> None:
    shown: list[str] = []

    def interrupt(line: str) -> None:
        shown.append(line)
        if "running 2" in line and len(shown) < 100:
            shown.extend([""] * 100)
            os.kill(os.getpid(), signal.SIGINT)

    found = await run_load([script(2.0)], Config(), RunSettings(NOBODY), Plan(50, 2), Progress(interrupt, 0.1))
    assert found.stopped == 2 and found.whole.calls == 0
    assert [each.kind for each in found.findings] == ["no_call"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_a_mistake_in_a_call_ends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(LoadCall):
        async def run(self, *_: object) -> Outcome:
            raise KeyError("mistake")

    monkeypatch.setattr(load_run, "LoadCall", Broken)
    with pytest.raises(KeyError, match="mistake"):
        await run_load([script()], Config(), RunSettings(NOBODY), Plan(5, 2), QUIET)


async def test_a_folder_that_cannot_be_made_is_told_before_the_first_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = RunSettings(NOBODY, save=tmp_path / "file" / "kept")
    with pytest.raises(UserError, match="cannot be made"):
        await run_load([script()], Config(), settings, Plan(5, 2), QUIET)
