"""How many calls a second a user agent sets up and ends on one core: INVITE, 100, 200, ACK, BYE, 200.

    python -m bench.sip_rate [--rate 200] [--seconds 60]
    python -m bench.sip_rate --pjsua2 PYTHON      beside pjsua2 as well, of the environment of that interpreter
    python -m bench.sip_rate --bot --rate 20      the whole bot, with media and records, in place of the user agent

SIPp calls from the last core; who answers has the first. Ours is the plain user agent (`Endpoint`), which answers at
once. SIPp as UAS answers the same calls in the same run, and pjsua2, which opens a media transport for each, without a
sound device. One after the other; the times are SIPp's, and the CPU time is the answering process's. Exits with 1 where
one of our calls failed, or the 100 came too late for more than one in a hundred.
"""

import argparse
import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from types import TracebackType
from typing import Self

import psutil

from bench.runs import BENCH, MANY, Bot, Child, Run, last_core
from bench.sip_rate_scenarios import UAC, UAS

HOST = "127.0.0.1"
MOST_TRYING_MS = 20.0
MOST_CALLS = 5_000
"""At once: more are not begun."""
TRYING, ANSWERED, ENDED = "1", "2", "3"
"""SIPp's response times, as the scenario numbers them."""


HEADINGS = (
    "                                   calls      INVITE-100, ms         INVITE-200, ms     CPU ms   of a    ours to",
    "                     calls failed     /s     p50    p99    max      p50    p99    max   a call   core     theirs",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One row. Times in ms."""

    name: str
    calls: int
    failed: int
    a_second: float
    trying: list[float]
    answered: list[float]
    cpu_ms: float
    """Of the answering process, a call."""

    @property
    def good(self) -> bool:
        """Whether the goal is met."""
        return not self.failed and bool(self.trying) and percentile(self.trying, 99) <= MOST_TRYING_MS


class SippUas:
    """SIPp as the one that answers, on the first core."""

    def __init__(self, directory: str) -> None:
        self.port = free_port()
        command = [*sipp(0), "-sf", written(directory, "uas.xml", UAS), "-i", HOST, "-p", str(self.port), "-nostdin"]
        self._process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        """The process's."""
        return self._process.pid

    def __enter__(self) -> Self:
        time.sleep(1.0)  # it says nothing when it is ready
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


def sipp(core: int) -> list[str]:
    """The command, pinned."""
    path = shutil.which("sipp")
    if path is None:
        raise SystemExit("sipp is not installed: it calls; type: make peers")
    return ["taskset", "-c", str(core), path]


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def written(directory: str, name: str, text: str) -> str:
    """The path of a new file."""
    path = Path(directory) / name
    path.write_text(text)
    return str(path)


def call(name: str, pid: int, port: int, rate: int, seconds: float, directory: str, warm_up_s: float = 2.0) -> Result:
    """Have SIPp call at that rate for so long, once the other has warmed up."""
    process = psutil.Process(pid)
    _run_sipp(port, rate, warm_up_s, directory)
    before = _cpu_s(process)
    calls, failed, took_s, times = _run_sipp(port, rate, seconds, directory)
    spent_ms = 1_000 * (_cpu_s(process) - before)
    return Result(name, calls, failed, calls / took_s, times[TRYING], times[ANSWERED], spent_ms / max(calls, 1))


def _run_sipp(port: int, rate: int, seconds: float, directory: str) -> tuple[int, int, float, dict[str, list[float]]]:
    with tempfile.TemporaryDirectory(dir=directory) as own:
        command = [*sipp(last_core()), f"{HOST}:{port}", "-sf", written(own, "uac.xml", UAC), "-i", HOST]
        command += ["-p", str(free_port()), "-r", str(rate), "-m", str(round(rate * seconds)), "-l", str(MOST_CALLS)]
        command += ["-nostdin", "-timer_resol", "1", "-trace_stat", "-fd", "1", "-stf", "stat.csv"]
        command += ["-trace_rtt", "-rtt_freq", "1", "-timeout", str(round(seconds + 40)), "-deadcall_wait", "0"]
        began = time.monotonic()
        subprocess.run(command, cwd=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        took_s = time.monotonic() - began
        with (Path(own) / "stat.csv").open() as file:
            (*_, last) = csv.DictReader(file, delimiter=";")
        times: dict[str, list[float]] = {TRYING: [], ANSWERED: [], ENDED: []}
        for path in Path(own).glob("*_rtt.csv"):
            for _, ms, number in re.findall(r"^([\d.]+);([\d.]+);(\d)", path.read_text(), re.MULTILINE):
                times[number].append(float(ms))
        done, failed = int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
        # What SIPp never began, because the earlier calls did not end, was not set up either.
        return done, failed + max(0, round(rate * seconds) - done - failed), took_s, times


def _cpu_s(process: psutil.Process) -> float:
    """Of a process and its children."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def percentile(values: list[float], percent: int) -> float:
    """The value below which so many lie."""
    return quantiles(values, n=100)[percent - 1] if len(values) > 1 else sum(values)


def measure(given: argparse.Namespace, directory: str) -> list[Result]:
    """The rows, ours first."""
    found = []

    def add(name: str, start: Callable[[], AbstractContextManager[SippUas | Child]]) -> None:
        with start() as server:
            port = (
                server.port if isinstance(server, SippUas) else int(re.findall(r"sip:\S+:(\d+)", server.ready_line)[0])
            )
            found.append(call(name, server.pid, port, given.rate, given.seconds, directory))
        print(row(found[-1], found[0]), flush=True)

    if given.bot:
        add("offhook, the bot", lambda: Bot(Run("", BENCH, (), MANY), directory))
        return found
    add("offhook", lambda: Child(0, [sys.executable, "-m", "bench.sip_rate_uas"], {}))
    add("SIPp", lambda: SippUas(directory))
    if given.pjsua2 is not None:
        script = str(Path(__file__).with_name("sip_rate_pjsua2.py"))
        add("pjsua2", lambda: Child(0, [given.pjsua2, script, str(free_port())], {}))
    return found


def row(result: Result, ours: Result) -> str:
    """As text."""
    times = (
        f"{percentile(values, 50):6.1f} {percentile(values, 99):6.1f} {max(values, default=0.0):6.0f}"
        for values in (result.trying, result.answered)
    )
    ratio = ours.cpu_ms / result.cpu_ms if result.cpu_ms else 0.0
    return (
        f"{result.name:18} {result.calls:7} {result.failed:6} {result.a_second:6.0f}   {'   '.join(times)}"
        f"   {result.cpu_ms:6.2f}   {result.a_second * result.cpu_ms / 10:4.0f} %   {ratio:5.2f}"
    )


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.sip_rate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rate", type=int, default=200, help="calls a second")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--pjsua2", metavar="PYTHON", help="an interpreter that has pjsua2-python")
    options.add_argument("--bot", action="store_true")
    given = options.parse_args()
    if (os.cpu_count() or 1) < 2:
        print("one core only: SIPp and who answers share it")
    print("\n".join(HEADINGS))
    with tempfile.TemporaryDirectory() as directory:
        ours = measure(given, directory)[0]
    if not ours.good:
        sys.exit(f"missed: no call may fail, and 99 of 100 get their 100 within {MOST_TRYING_MS:.0f} ms")


if __name__ == "__main__":
    main()
