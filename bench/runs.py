"""One measurement: the bot in processes of its own on the first core, a calling program on the last."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from bench.figures import Figures, of_sip, of_twilio
from bench.witness import Witnesses

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "offhook" / "assets"
REPORTS = ROOT / "reports"
MEDIA_PORTS = "10000-13999"
START_LIMIT_S = 90.0
STOP_LIMIT_S = 30.0
RUN_LIMIT_S = 300.0

BENCH = ("--bench-engines",)
OWN, OTHER_BACKEND = "own", "pjsua2"
TALK = (
    *("--turns", "4", "--barge-turns", "2,4", "--barge-delay", "1.0"),
    *("--wav", str(ASSETS / "caller/check-my-balance.wav")),
)
ASK = ("--turns", "2", "--wav", str(ASSETS / "caller/opening-hours.wav"))
MANY = {"OFFHOOK_CALLS__MAX_CALLS": "1000"}


@dataclass(frozen=True)
class Run:
    """How the bot is started, and what the caller does; `protocol` selects the caller."""

    name: str
    server: tuple[str, ...]
    caller: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    protocol: str = "SIP"


RUNS = (
    Run("1 call", BENCH, ("--calls", "1", *TALK)),
    Run("10 calls", BENCH, ("--calls", "10", "--cps", "5", *TALK)),
    Run("20 calls", BENCH, ("--calls", "20", "--cps", "10", *TALK)),
    Run("default engines", (), ("--calls", "1", *ASK)),
    Run("default engines, 4 calls", (), ("--calls", "4", "--cps", "1", *ASK)),
)


def served_by(backend: str) -> tuple[str, ...]:
    """The options of a bot with that SIP backend."""
    return BENCH if backend == OWN else (*BENCH, "--sip-backend", backend)


def sip_sweep(calls: int, backend: str = OWN) -> Run:
    """`calls` conversations at once over SIP and RTP."""
    name = f"{'SIP' if backend == OWN else backend}, {calls} calls"
    cps = str(min(20, max(1, calls)))
    return Run(name, served_by(backend), ("--calls", str(calls), "--cps", cps, "--uvloop", *TALK), MANY)


def twilio_sweep(calls: int) -> Run:
    """`calls` conversations at once over Twilio's protocol."""
    caller = ("--calls", str(calls), "--stagger", "0.1", "--seconds", "40", "--wav", str(ASSETS / "caller/*.wav"))
    return Run(f"Twilio, {calls} calls", BENCH, caller, MANY, "Twilio")


@dataclass(frozen=True)
class Callers:
    """The calling programs, and the Python that runs them."""

    sip: Path | None
    twilio: Path | None
    python: str = sys.executable

    def of(self, run: Run) -> Path | None:
        """The program for a run; None if it was not given."""
        return self.sip if run.protocol == "SIP" else self.twilio


class Child:
    """A program that prints `ready …` once it is up, pinned to a core; ended at the end of the `with`."""

    def __init__(
        self, core: int, command: list[str], settings: dict[str, str], log: IO[str] | None = None, tree: Path = ROOT
    ) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=tree,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._command = command
        self.ready_line = ""

    def __enter__(self) -> Self:
        guard = threading.Timer(START_LIMIT_S, self._process.kill)
        guard.start()
        self.ready_line = self._process.stdout.readline() if self._process.stdout is not None else ""
        guard.cancel()
        if not self.ready_line.startswith("ready"):
            self._end()
            raise SystemExit(f"{' '.join(self._command)} did not start: {self.ready_line!r}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid


class Bot(Child):
    """`offhook serve` of the checkout `tree`, with one worker, on the first core; by another `program` than offhook."""

    def __init__(
        self,
        run: Run,
        directory: str,
        log: IO[str] | None = None,
        tree: Path = ROOT,
        media_ports: str = MEDIA_PORTS,
        program: tuple[str, ...] = ("offhook",),
    ) -> None:
        command = [sys.executable, "-m", *program, "serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        command += ["--workers", "1", "--rtp-ports", media_ports, *run.server]
        settings = {"OFFHOOK_RECORDS__DIR": directory, "OFFHOOK_LOG__LEVEL": "warning", **run.settings}
        super().__init__(0, command, {**settings, "PYTHONPATH": str(tree)}, log, tree)

    @property
    def sip(self) -> str:
        """HOST:PORT of the signalling."""
        return str(re.findall(r"sip:(\S+)", self.ready_line)[0])

    @property
    def http(self) -> str:
        """HOST:PORT of the web pages."""
        return str(re.findall(r"http://(\S+)", self.ready_line)[0])


def last_core() -> int:
    """The core of the calling program."""
    return (os.cpu_count() or 1) - 1


def call(callers: Callers, run: Run, bot: Bot, sip: str | None = None) -> dict[str, Any]:
    """Have the calling program call the bot, or a relay at `sip`. Returns its JSON; raises RuntimeError."""
    program = callers.of(run)
    if program is None:
        raise RuntimeError(f"no program that calls over {run.protocol} was given")
    target = [sip or bot.sip] if run.protocol == "SIP" else ["--url", f"ws://{bot.http}/twilio/media"]
    command = ["taskset", "-c", str(last_core()), callers.python, str(program), *target]
    command += [*run.caller, "--server-pid", str(bot.pid)]
    try:
        with Witnesses({0, last_core()}) as witnesses:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=RUN_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the caller was not done after {RUN_LIMIT_S:.0f} s") from None
    if done.returncode:
        raise RuntimeError(f"the caller ended with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    moments = witnesses.moments
    result["machine_stood_still_ms"] = None if moments is None else [round(1_000 * late, 1) for _, late in moments]
    return result


def measure(callers: Callers, run: Run) -> dict[str, Any]:
    """One run, with its own bot."""
    with tempfile.TemporaryDirectory() as directory, Bot(run, directory) as bot:
        return call(callers, run, bot)


def figures_of(run: Run, result: dict[str, Any]) -> Figures:
    """The caller's JSON in the common form."""
    read: Callable[[dict[str, Any]], Figures] = of_sip if run.protocol == "SIP" else of_twilio
    return read(result)


def saved(path: Path) -> dict[str, Any]:
    """An earlier report; empty if there is none."""
    if not path.exists():
        return {}
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def save(path: Path, report: dict[str, Any]) -> None:
    """Write a report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
