"""Measures a bot on the wire: response, barge-in, pacing, CPU and memory.

    python -m bench --caller PATH/sip_caller.py [--only NAME ...] [--json FILE]

The caller is a program of its own that shares no code with the bot: it places calls over SIP and RTP, talks like a
person and takes the times of the packets. It is not part of this project; any program with the same options and the
same JSON will do. The bot is pinned to the first core of this machine, the caller to the last.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "offhook" / "assets"
SILENCE_MS = 500.0
SIP_PORT = 25_060
START_LIMIT_S = 60.0
RUN_LIMIT_S = 600.0


@dataclass(frozen=True)
class Run:
    """One measurement: how the bot is started, and what the caller does."""

    name: str
    server: tuple[str, ...]
    caller: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


BENCH = ("--bench-engines",)
TALK = (
    "--turns",
    "4",
    "--barge-turns",
    "2,4",
    "--barge-delay",
    "1.0",
    "--wav",
    str(ASSETS / "caller/check-my-balance.wav"),
)
ASK = ("--turns", "2", "--wav", str(ASSETS / "caller/opening-hours.wav"))

RUNS = (
    Run("1 call", BENCH, ("--calls", "1", *TALK)),
    Run("10 calls", BENCH, ("--calls", "10", "--cps", "5", *TALK)),
    Run("20 calls", BENCH, ("--calls", "20", "--cps", "10", *TALK)),
    Run("default engines", (), ("--calls", "1", *ASK)),
    Run("default engines, 4 calls", (), ("--calls", "4", "--cps", "1", *ASK)),
)


class Server:
    """The bot, in a process of its own on one core."""

    def __init__(self, run: Run, directory: str) -> None:
        command = ["taskset", "-c", "0", sys.executable, "-m", "offhook", "serve", *run.server]
        command += ["--sip", f"127.0.0.1:{SIP_PORT}", "--http", "127.0.0.1:0"]
        environment = {**os.environ, "OFFHOOK_RECORDS__DIR": directory, "OFFHOOK_LOG__LEVEL": "warning", **run.settings}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Server":
        signal.alarm(int(START_LIMIT_S))
        line = self._process.stdout.readline() if self._process.stdout else ""
        signal.alarm(0)
        if not line.startswith("ready"):
            raise SystemExit(f"the bot did not start: {line!r}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid


def measure(run: Run, caller: Path) -> dict[str, Any]:
    """One run: the caller's JSON."""
    with tempfile.TemporaryDirectory() as directory, Server(run, directory) as server:
        core = str((os.cpu_count() or 1) - 1)
        command = ["taskset", "-c", core, sys.executable, str(caller), f"127.0.0.1:{SIP_PORT}"]
        command += [*run.caller, "--server-pid", str(server.pid)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=RUN_LIMIT_S, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def row(name: str, result: dict[str, Any]) -> list[str]:
    """The figures that matter, as text."""
    talk, rtp, server = result.get("conversation", {}), result.get("rtp", {}), result.get("server") or {}
    counts = rtp.get("counts", {})

    def over(key: str, percentile: str) -> str:
        values = talk.get(key)
        return f"{values[percentile] - SILENCE_MS:+.0f}" if values else "-"

    def of(values: dict[str, float] | None, percentile: str, digits: int = 0) -> str:
        return f"{values[percentile]:.{digits}f}" if values else "-"

    return [
        name,
        f"{over('response_arrival_ms', 'p50')} / {over('response_arrival_ms', 'p95')}",
        f"{of(talk.get('barge_in_ms'), 'p50')} / {of(talk.get('barge_in_ms'), 'p95')}",
        of(rtp.get("pacing_dev_ms"), "p99", 2),
        str(counts.get("gaps_in_utterance_over_40ms", "-")),
        str(counts.get("timestamp_jumps", "-")),
        str(counts.get("missing", "-")),
        str(talk.get("turns_without_reply", "-")),
        str(server.get("mcores_per_call_steady", "-")),
        str(server.get("rss_per_call_kib", "-")),
    ]


HEADINGS = [
    "run",
    "response over silence, p50 / p95 ms",
    "barge-in p50 / p95 ms",
    "pacing p99 ms",
    "gaps",
    "ts jumps",
    "lost",
    "no reply",
    "mc/call",
    "KiB/call",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--caller", type=Path, required=True, help="the calling program")
    parser.add_argument("--only", action="append", help="a run's name; may be given several times")
    parser.add_argument("--json", type=Path, default=ROOT / "reports" / "bench.json", help="where the full results go")
    options = parser.parse_args()
    results = {}
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + "---|" * len(HEADINGS), flush=True)
    for run in RUNS:
        if options.only and run.name not in options.only:
            continue
        results[run.name] = measure(run, options.caller)
        print("| " + " | ".join(row(run.name, results[run.name])) + " |", flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1))
    print(f"\nfull results: {options.json}")


if __name__ == "__main__":
    main()
