"""How many calls of the QA kit one core carries, and how exactly their packets leave.

    .venv/bin/python -m bench.qa_load [--calls 1,50,100] [--seconds 40] [--real-time]

`offhook qa load` is kept on the last core; the bot (fixed engines, real media) is on the first. Each caller interrupts
the bot three times. They begin within the first ten seconds, and each that ends is followed by another. The packets are
all that the kit sends, the worst call the one whose 99th percentile is highest.
With `--real-time` the kit is not kept from its core by other programs (SCHED_FIFO; it has to be allowed).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.runs import ASSETS, BENCH, MANY, REPORTS, ROOT, Bot, Run, last_core, save, saved
from bench.witness import Witnesses

REPORT = REPORTS / "qa_load.json"
RAMP_S = 10
GOAL_MS = 3.0
TURN = f"  - interrupt: {{after_ms: 1500, say: {ASSETS / 'caller/check-my-balance.wav'}}}"
SCRIPT = "\n".join(("name: interruptions", "steps:", TURN, TURN, TURN, "  - wait_for: speech", "  - hang_up"))
HEADINGS = (
    "at once",
    "calls",
    "failed",
    "p50 ms",
    "p99 ms",
    "max ms",
    "worst call ms",
    "CPU %",
    "stood still ms",
    "held",
)


def measure(calls: int, seconds: int, real_time: bool) -> dict[str, Any]:
    """The JSON of a load with so many calls at once; `cpu_percent` of the kit, `stood_still_ms` of the machine."""
    with tempfile.TemporaryDirectory() as folder, Bot(Run("", BENCH, (), MANY), folder) as bot:
        script, found = Path(folder) / "interruptions.yaml", Path(folder) / "load.json"
        script.write_text(SCRIPT)
        command = [
            "taskset",
            "-c",
            str(last_core()),
            *(("chrt", "-f", "10") if real_time else ()),
            sys.executable,
            "-m",
            "offhook",
            "qa",
            "load",
            str(script),
        ]
        command += ["--target", bot.sip, "--at-once", str(calls), "--for", str(seconds), "--json", str(found)]
        command += ["--ramp", str(RAMP_S)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with Witnesses({0, last_core()}) as witnesses:
            # Calls that fail, and a machine that was too busy, are in the JSON.
            subprocess.run(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        result: dict[str, Any] = json.loads(found.read_text())["load"]
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    moments = witnesses.moments
    stood_still_ms = None if moments is None else [round(1_000 * late, 1) for _, late in moments]
    return result | {"cpu_percent": round(100 * cpu_s / result["seconds"]), "stood_still_ms": stood_still_ms}


def holds(result: dict[str, Any]) -> bool:
    """Whether all calls went well, and the packets left in time: of all calls together, and of each."""
    own, of_calls = (result["measures"][name] for name in ("own_late_ms", "own_late_p99_ms"))
    return not result["failed"] and own["p99"] <= GOAL_MS and of_calls["max"] <= GOAL_MS


def row(result: dict[str, Any]) -> list[str]:
    own, of_calls = (result["measures"][name] for name in ("own_late_ms", "own_late_p99_ms"))
    still = result["stood_still_ms"]
    cells = [result["most_at_once"], result["calls"], result["failed"], own["p50"], own["p99"], own["max"]]
    cells += [of_calls["max"], result["cpu_percent"], "-" if still is None else max(still, default=0)]
    return [*map(str, cells), "yes" if holds(result) else "no"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", default="1,50,100")
    parser.add_argument("--seconds", type=int, default=40, help="no call begins later")
    parser.add_argument("--real-time", action="store_true")
    given = parser.parse_args()
    results = saved(REPORT)
    print("".join(f"{head:>15}" for head in HEADINGS), flush=True)
    for calls in map(int, given.calls.split(",")):
        result = results[f"{calls} calls"] = measure(calls, given.seconds, given.real_time)
        save(REPORT, results)
        print("".join(f"{cell:>15}" for cell in row(result)), flush=True)


if __name__ == "__main__":
    main()
