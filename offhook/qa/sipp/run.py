"""Runs scenarios, and adds what SIPp cannot say: what the bot heard and said in these calls, the keys, the RTP."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.cli.running_bot import RunningBot
from offhook.qa.bot import records_of
from offhook.qa.coverage.walked import walk_of
from offhook.qa.result import Result
from offhook.qa.sipp.library import Scenario
from offhook.qa.sipp.program import Sipp, SippRun, check_options, first_errors
from offhook.qa.verdict.judge import Deviation, keys_in
from offhook.usererror import UserError

CALL_S = 90.0
SHOWN_CALLS, SHOWN_LINES = 3, 6
RTP = ("packets_received", "lost", "jitter_ms", "mos", "packets_sent", "remote_lost", "remote_jitter_ms")


@dataclass(frozen=True, slots=True)
class SippSettings:
    """Where the bot is (`target`, HOST:PORT), its pages for its records (None: it has none), the flow with which it
    calls a SIPp that is called (None: it is called by others), and the user's own options for SIPp."""

    target: str = ""
    http: RunningBot | None = None
    flow: Path | None = None
    options: tuple[str, ...] = ()


def run_scenario(scenario: Scenario, settings: SippSettings) -> tuple[Result, int]:
    """The result, and SIPp's exit status. Raises UserError."""
    check_scenario(scenario, settings)
    began = time.monotonic()
    sipp = Sipp(scenario, None if scenario.is_called else settings.target, settings.options)
    records_dir = tempfile.TemporaryDirectory(prefix="offhook-qa-")
    caller = None
    try:
        if scenario.is_called and settings.flow is not None:
            sipp.wait_until_it_listens()
            caller = _call(sipp.port, settings.flow, records_dir.name)
        run = sipp.wait()
        outcome = "" if caller is None else _outcome(caller)
    finally:
        sipp.close()
        if caller is not None and caller.poll() is None:
            caller.kill()
            caller.communicate()
        records_dir.cleanup()
    # Who calls SIPp chooses the Call-ID: there is none to look for.
    records = [] if scenario.is_called else _records(run, settings.http)
    return _result(scenario, run, records, outcome, time.monotonic() - began), run.status


def check_scenario(scenario: Scenario, settings: SippSettings) -> None:
    """Whether it can be played, as far as that is known before. Raises UserError."""
    if not scenario.is_called and not settings.target:
        raise UserError("nobody is called", f"{scenario.name} needs a target", "--target HOST:PORT, or --bot FILE")
    check_options(settings.options)


def _call(port: int, flow: Path, records_dir: str) -> "subprocess.Popen[str]":
    """The bot calls SIPp, with records of its own."""
    command = [sys.executable, "-m", "offhook", "call", f"sip:qa@127.0.0.1:{port}", "--flow", str(flow)]
    environment = {**os.environ, "OFFHOOK_RECORDS__DIR": records_dir}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _outcome(caller: "subprocess.Popen[str]") -> str:
    try:
        said, _ = caller.communicate(timeout=CALL_S)
    except subprocess.TimeoutExpired:
        caller.kill()
        caller.communicate()
        return f"the bot's call was not over after {CALL_S:g} s"
    return (said.strip().splitlines() or [""])[-1]


def _records(run: SippRun, http: RunningBot | None) -> list[Mapping[str, Any]]:
    if http is None:
        return []
    wanted = run.statistics.get("calls", 0)
    return records_of(http, lambda record: run.has_call(str(record["call_id"])), wanted)


def _result(
    scenario: Scenario, run: SippRun, records: Sequence[Mapping[str, Any]], outcome: str, seconds: float
) -> Result:
    findings = []
    if run.status != 0:
        what = f"SIPp ended with {run.status}: {run.meaning}"
        findings.append(Deviation("sipp", what, first_errors(run) or "it says nothing more"))
    details = {
        "sipp": {"status": run.status, "statistics": dict(run.statistics), "errors": run.errors, "screen": run.screen},
        "calls": [summary(each) for each in records],
        "outcome": outcome,
    }
    counts = ", ".join(f"{count} {name}" for name, count in run.statistics.items() if count)
    notes = [f"SIPp: {counts or 'no statistics'}"]
    notes += [f"the bot's call: {outcome}"] if outcome else []
    for record in records[:SHOWN_CALLS]:
        notes += _lines(record)
    if len(records) > SHOWN_CALLS:
        notes.append(f"… {len(records) - SHOWN_CALLS} more calls in --json")
    return Result(scenario.name, str(scenario.path), seconds, tuple(findings), details, tuple(notes))


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the bot's record says of a call: who, how long, what was said, how many keys, the RTP both ways."""
    names = ("uniqueid", "call_id", "src", "dst", "disposition", "duration", "ended_by", "end_reason")
    return {
        **{name: record.get(name) for name in names},
        "transcript": record.get("transcript", []),
        "keys": keys_in(record),
        "steps": walk_of(record),
        "rtp": dict(record.get("rtp") or {}),
        "response_p50_ms": record.get("response_p50_ms"),
    }


def _lines(record: Mapping[str, Any]) -> list[str]:
    about = f"{record['disposition'].lower()}, {record['duration']:.1f} s, {record['end_reason']}"
    lines = [f"call {record['uniqueid']}: {about}"]
    for each in record.get("transcript", [])[:SHOWN_LINES]:
        lines.append(f"  {each['at_s']:6.1f} s  {each['who']:>6}: {each['text'][:100]}")
    rtp = record.get("rtp") or {}
    measured = [f"{name} {rtp[name]:g}" for name in RTP if rtp.get(name) is not None]
    keys = keys_in(record)
    lines += [f"  keys: {keys}"] if keys else []
    return [*lines, f"  rtp: {', '.join(measured)}"] if measured else lines
