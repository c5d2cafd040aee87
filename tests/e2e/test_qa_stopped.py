"""Commands that place calls, ended by a signal in the middle of a call: nothing of them is left, and what there is is
reported."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess

FLOW = str(files("offhook").joinpath("assets", "flows", "bank.yaml"))
SHORT = "name: short\nsteps: [{wait_for: speech}, hang_up]\n"
LONG = "name: long\nsteps: [{wait: 100000}, hang_up]\n"
WAIT_S = 60
END_S = 20


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    (folder / "tmp").mkdir()
    (folder / "short.yaml").write_text(SHORT)
    (folder / "long.yaml").write_text(LONG)
    with (folder / "out").open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "offhook", "qa", *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )


def wait_for(what: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + WAIT_S
    while not what():
        assert process.poll() is None and time.monotonic() < until, "it has not come to that"
        time.sleep(0.05)


def is_in_a_call(folder: Path, after: int) -> bool:
    """Whether the bot that was started has a call, after so many that are over."""
    logs = [each.read_text() for each in (folder / "tmp").glob("offhook-qa-*/bot.log")]
    found = re.search(r"^ready .*http://(\S+)", "".join(logs), re.MULTILINE)
    if found is None:
        return False
    with urllib.request.urlopen(f"http://{found[1]}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    active, total = (
        sum(map(float, re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)))
        for name in ("offhook_calls_active", "offhook_calls_total")
    )
    return active == 1 and total == after


def children_of(pid: int) -> list[int]:
    """Of all generations."""
    own = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return own + [one for each in own for one in children_of(each)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "after", "number"),
    [
        (("run", "short.yaml", "long.yaml", "--json", "out.json", "--junit", "out.xml"), 1, signal.SIGTERM),
        (("run", "short.yaml", "long.yaml", "--json", "out.json", "--html", "out.html"), 1, signal.SIGINT),
        (("load", "long.yaml", "--calls", "1", "--json", "out.json"), 0, signal.SIGTERM),
        (("crawl", "--keys", "1", "--out", "map"), 0, signal.SIGTERM),
    ],
    ids=["run, SIGTERM", "run, SIGINT", "load, SIGTERM", "crawl, SIGTERM"],
)
def test_a_signal_ends_the_bot_too_and_what_there_is_is_reported(
    tmp_path: Path, command: tuple[str, ...], after: int, number: signal.Signals
) -> None:
    process = started(tmp_path, *command, "--bot", FLOW)
    wait_for(lambda: is_in_a_call(tmp_path, after), process)
    children = children_of(process.pid)
    assert children
    process.send_signal(number)
    assert process.wait(END_S) == 128 + number
    assert not [each for each in children if is_running(each)], "the bot and its processes"
    assert not list((tmp_path / "tmp").glob("offhook*")), "its folder"
    said = (tmp_path / "out").read_text()
    assert "Traceback" not in said
    if command[0] == "run":
        results = json.loads((tmp_path / "out.json").read_text())["results"]
        assert [(each["name"], each["passed"]) for each in results] == [("short", True), ("the run", False)], said
        assert "the run was stopped: 1 of 2 were run" in said and "ok      short" in said
        assert all((tmp_path / each).stat().st_size for each in command if each.startswith("out."))
    elif command[0] == "load":
        assert json.loads((tmp_path / "out.json").read_text())["load"]["stopped"] == 1
        assert "1 calls were ended because the load was stopped" in said
    else:
        assert json.loads((tmp_path / "map" / "map.json").read_text())["calls"] == 1


def test_a_call_to_somebody_else_is_hung_up(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines")
    process = started(tmp_path, "run", "long.yaml", "--target", bot.address)
    wait_for(lambda: bot.metric("offhook_calls_active") == 1, process)
    process.terminate()
    assert process.wait(END_S) == 128 + signal.SIGTERM
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0)
    (record,) = bot.records()
    assert record["ended_by"] == "caller"
