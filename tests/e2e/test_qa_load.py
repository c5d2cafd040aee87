"""Loads of call scripts, as a user runs them, against offhook."""

import json
import signal
import stat
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.e2e.conftest import BotProcess

ASSETS = Path(str(files("offhook").joinpath("assets")))
GOOD = f"""
name: good
steps:
  - interrupt: {{after_ms: 900, say: {ASSETS}/caller/goodbye.wav}}
  - interrupt: {{after_ms: 300, press: "1"}}
  - hang_up
expect: {{ended_by: caller, response_ms: 5000}}
"""
WRONG = "name: wrong\nsteps:\n  - wait: 1000\n  - hang_up\nexpect: {ended_by: bot, keys_received: 2}\n"
LONG = "name: long\nsteps:\n  - wait: 100000\n  - hang_up\n"
WAIT_S = 60


def started(directory: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "offhook", "qa", "load", *arguments]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_calls_of_all_scripts_are_judged_and_the_first_failure_of_each_kind_is_kept(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    bot = start_bot("--bench-engines")
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    load = started(
        tmp_path,
        *("good.yaml", "wrong.yaml", "--target", bot.address, "--http", bot.http, "--calls", "9", "--at-once", "4"),
        *("--rate", "4", "--evenly", "--json", "out.json", "--junit", "out.xml", "--save", "kept"),
    )
    said, _ = load.communicate(timeout=120)
    assert load.returncode == 1, said
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    good, wrong, _ = found["results"]
    assert good["passed"] and good["load"]["calls"] == 5, said
    assert {each["kind"]: each["calls"] for each in wrong["load"]["failures"]} == {"no_bye": 4, "keys_lost": 4}, said
    assert wrong["load"]["failures"][0]["first"]["call"]["record"]["transcript"], "its record was asked for"
    assert found["load"]["calls"] == 9 and 1 <= found["load"]["most_at_once"] <= 4
    assert found["load"]["measures"]["response_ms"]["count"] >= 5
    assert found["load"]["measures"]["own_late_ms"]["count"] > 9 * 40
    kept = {each.name: each for each in (tmp_path / "kept").iterdir()}
    assert set(kept) == {"no_bye-heard.wav", "no_bye-ladder.txt", "no_bye.json"}, "one call has both kinds"
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in kept.values())
    with wave.open(str(kept["no_bye-heard.wav"])) as audio:
        assert audio.getnframes() > 4_000
    ladder = kept["no_bye-ladder.txt"].read_text()
    assert "INVITE" in ladder and "200 OK" in ladder and "BYE" in ladder
    assert "no_bye: 4 of 9 calls" in said and "kept/no_bye-ladder.txt" in said
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.get("tests") == "3"


def test_a_load_that_is_stopped_hangs_up_and_reports_what_there_is(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    bot = start_bot("--bench-engines")
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "long.yaml").write_text(LONG)
    load = started(tmp_path, "good.yaml", "long.yaml", "--target", bot.address, "--at-once", "3", "--for", "600")
    until_s = time.monotonic() + WAIT_S
    # In turn: the good ones end, until all three are long ones.
    while min(bot.metric("offhook_calls_total"), bot.metric("offhook_calls_active")) < 3 and time.monotonic() < until_s:
        time.sleep(0.1)
    load.send_signal(signal.SIGINT)
    said, _ = load.communicate(timeout=WAIT_S)
    assert load.returncode == 130, said
    assert "3 calls were ended because the load was stopped" in said and "3 passed, 0 failed" in said, said
    while bot.metric("offhook_calls_active") and time.monotonic() < until_s:
        time.sleep(0.1)
    assert bot.metric("offhook_calls_active") == 0, "every call was ended with a BYE"
