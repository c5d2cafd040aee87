"""Queues with SIPp as callers and agents, over several workers: order, leaving by key, nobody who answers, deaths."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp
from tests.e2e.test_workers import events, pids

pytestmark = pytest.mark.peer

FLOW = """
name: queued
start: wait
switches: {emergency: {means: Nobody waits.}}
steps:
  wait:
    queue: support
    announce: Welcome.
    on_failure: {left: left, no_agents: closed}
    otherwise: sorry
  left:
    hang_up: You have left the queue.
  closed:
    hang_up: Nobody is there.
  sorry:
    hang_up: I am sorry.
"""

LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}


def settings(agent: int, *queue: str) -> str:
    lines = ['agents = ["desk"]', "wrap_up_s = 0", *queue]
    return f'[transfer.targets]\ndesk = "sip:desk@{HOST}:{agent}"\n[queues.support]\n' + "\n".join(lines)


@contextmanager
def bot(directory: Path, agent: int, *queue: str, workers: int = 2) -> Iterator[BotProcess]:
    directory.mkdir(exist_ok=True)
    (directory / "flow.yaml").write_text(FLOW)
    (directory / "offhook.toml").write_text(settings(agent, *queue))
    options = ("--config", "offhook.toml", "--flow", "flow.yaml", "--workers", str(workers))
    process = BotProcess(directory, *options, command=None, **LIGHT)
    try:
        yield process
    finally:
        process.close()


def queue(running: BotProcess) -> dict[str, Any]:
    """What /api/queues says of the only one, and of its agent."""
    found = json.loads(running.get("/api/queues"))
    return {**found["queues"]["support"], "desk": found["agents"]["desk"]["state"]}


def agent_does(running: BotProcess, action: str, name: str = "desk") -> str:
    """`offhook queue`."""
    command = [sys.executable, "-m", "offhook", "queue", action, name, "--http", running.http]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def waits(running: BotProcess, count: int) -> None:
    running.wait_for(lambda: [each["state"] for each in queue(running)["callers"]] == ["waiting"] * count, 20)


def test_two_callers_and_one_agent(tmp_path: Path) -> None:
    patient = ("-recv_timeout", "40000")
    with (
        Sipp("uas_hangs_up.xml", tmp_path, "-m", "2") as agent,
        bot(tmp_path / "bot", agent.port, 'empty = "wait"') as running,
        Sipp("uac_waits.xml", tmp_path, *patient, target=running.address) as first,
    ):
        waits(running, 1)
        with Sipp("uac_waits.xml", tmp_path, *patient, target=running.address) as second:
            waits(running, 2)
            running.wait_for(lambda: "You are number 2 in the queue." in str(running.transcript()), 20)
            assert agent_does(running, "login") in ("desk: ringing", "desk: ready")
            for caller in (first, second):
                assert caller.wait().check().received("BYE") == 1
            assert agent.wait().check().received("INVITE") == 2
            of_first, of_second = running.record(first.port), running.record(second.port)
            assert of_first["end"] < of_second["end"]
            assert running.lines(of_first, "bot")[:2] == ["Welcome.", "You are next."]
            assert {line["worker"] for line in events(running, "answered")} == {0, 1}
            running.wait_for(lambda: queue(running)["callers"] == [] and queue(running)["desk"] == "ready")


def test_an_agent_who_does_not_answer_and_nobody_else(tmp_path: Path) -> None:
    with (
        Sipp("uas_no_answer.xml", tmp_path) as agent,
        bot(tmp_path / "bot", agent.port, "ring_s = 3", "logged_in = true", "max_wait_s = 10") as running,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=running.address) as caller,
    ):
        running.wait_for(lambda: queue(running)["desk"] == "ringing", 20)
        running.wait_for(lambda: queue(running)["desk"] == "resting", 20)
        agent.wait().check()
        caller.wait().check()
        assert running.lines(running.record(caller.port), "bot")[-1] == "I am sorry."


def test_nobody_is_there(tmp_path: Path) -> None:
    with (
        bot(tmp_path / "bot", 9) as running,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=running.address) as caller,
    ):
        caller.wait().check()
        assert running.lines(running.record(caller.port), "bot") == ["Welcome.", "Nobody is there."]


def test_a_queue_is_closed_while_somebody_waits(tmp_path: Path) -> None:
    with (
        bot(tmp_path / "bot", 9, 'empty = "wait"') as running,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=running.address) as caller,
    ):
        waits(running, 1)
        assert agent_does(running, "close", "support") == "support: closed"
        caller.wait().check()
        assert running.lines(running.record(caller.port), "bot")[-1] == "Nobody is there."
        assert queue(running)["closed"] is True
        assert agent_does(running, "open", "support") == "support: open"


def test_a_switch_closes_a_queue_while_somebody_waits(tmp_path: Path) -> None:
    with (
        bot(tmp_path / "bot", 9, 'empty = "wait"', 'closed_by = ["emergency"]') as running,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=running.address) as caller,
    ):
        waits(running, 1)
        flow_set = [sys.executable, "-m", "offhook", "flow", "set", "emergency", "on", "--http", running.http]
        subprocess.run(flow_set, check=True, capture_output=True, timeout=60)
        caller.wait().check()
        assert running.lines(running.record(caller.port), "bot")[-1] == "Nobody is there."
        assert (queue(running)["closed"], queue(running)["closed_by"]) == (True, ["emergency"])
        assert agent_does(running, "open", "support") == "support: closed by `emergency`"


def test_a_worker_that_dies_costs_the_others_nothing(tmp_path: Path) -> None:
    patient = ("-recv_timeout", "40000")
    with (
        Sipp("uas_hangs_up.xml", tmp_path) as agent,
        bot(tmp_path / "bot", agent.port, 'empty = "wait"') as running,
        Sipp("uac_waits.xml", tmp_path, *patient, target=running.address) as first,
    ):
        waits(running, 1)
        with Sipp("uac_waits.xml", tmp_path, *patient, target=running.address) as second:
            waits(running, 2)
            (line,) = (line for line in events(running, "answered") if f":{first.port}" in line["src"])
            os.kill(pids(running)[line["worker"]], signal.SIGKILL)
            first.wait().check()
            waits(running, 1)
            agent_does(running, "login")
            second.wait().check()
            agent.wait().check()
            running.wait_for(lambda: queue(running)["callers"] == [] and queue(running)["desk"] == "ready")


def test_a_worker_that_dies_in_a_talk_frees_the_agent(tmp_path: Path) -> None:
    with (
        Sipp("uas_answers.xml", tmp_path) as agent,
        bot(tmp_path / "bot", agent.port, "logged_in = true") as running,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=running.address) as caller,
    ):
        running.wait_for(lambda: queue(running)["desk"] == "talking", 20)
        (line,) = (line for line in events(running, "answered") if f":{caller.port}" in line["src"])
        os.kill(pids(running)[line["worker"]], signal.SIGKILL)
        running.wait_for(lambda: queue(running)["desk"] == "ready", 20)
        agent.wait().check()


def test_agents_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with bot(tmp_path / "bot", 9, workers=1) as running:
        assert queue(running)["desk"] == "out"
        assert agent_does(running, "pause") == "desk: paused"
        kept = tmp_path / "bot" / "data" / "queues.json"
        running.wait_for(lambda: kept.exists() and "pause" in kept.read_text())
        running.process.kill()
        running.process.wait()
    with bot(tmp_path / "bot", 9, workers=1) as running:
        assert queue(running)["desk"] == "paused"
