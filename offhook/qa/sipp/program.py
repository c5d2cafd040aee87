"""The program SIPp: its options, its exit statuses, its statistics."""

import csv
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from offhook.ladder.redact import redacted_text
from offhook.qa.own_host import own_host
from offhook.qa.sipp.library import Scenario
from offhook.usererror import UserError

STATUSES = {
    0: "all calls were successful",
    1: "at least one call failed",
    97: "it was ended by a command or a time-out; calls may have been successful",
    99: "it ended normally without a call",
    253: "the check of the RTP failed",
    254: "the connection failed",
    255: "it met an error: the scenario, an option, a socket",
}
"""SIPp's exit statuses (its manual, "Exit codes")."""

TIMED_OUT = 97

DEFAULT_S = 60
GRACE_S = 15.0
"""How long it may go on after its time-out, at which it does not end while calls are up."""

ERROR_LINES = 8
MAX_TEXT_BYTES = 1_000_000
"""Of its errors, and of its last screen."""

PORTS = 8
LISTENS_S, POLL_S = 5.0, 0.02

_STAMP = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T\t ][0-9:.]+[\t ]+[0-9.]+:?[\t ]*")
"""SIPp begins a line with the date, the time, and the same as seconds."""
_HEADING = "The following events occurred:"
_UNANSWERED = "retransmission timeout"

_COUNTS = {
    "calls": "TotalCallCreated",
    "successful": "SuccessfulCall(C)",
    "failed": "FailedCall(C)",
    "retransmissions": "Retransmissions(C)",
    "unexpected": "FailedUnexpectedMessage(C)",
}


@dataclass(frozen=True, slots=True)
class SippRun:
    """How SIPp ended: its status, process id, statistics, errors (as in its error file, without secrets), its last
    screen."""

    status: int
    pid: int
    statistics: Mapping[str, int] = field(default_factory=dict)
    errors: str = ""
    screen: str = ""
    target: str = ""
    """Whom it called."""

    @property
    def meaning(self) -> str:
        """The status in words."""
        return STATUSES.get(self.status, "it was ended by a signal" if self.status < 0 else "unknown")

    def has_call(self, call_id: str) -> bool:
        """Whether a Call-ID is one of its own: NUMBER-PID@ADDRESS."""
        return call_id.partition("@")[0].endswith(f"-{self.pid}")


class Sipp:
    """SIPp playing a scenario, from creation on. `wait` for it."""

    def __init__(self, scenario: Scenario, target: str | None, options: Sequence[str]) -> None:
        """`target` is HOST:PORT, None where SIPp is called. `options` are the user's: they go before ours. Raises
        UserError."""
        program = shutil.which("sipp")
        if program is None:
            todo = "apt-get install sip-tester, or brew install sipp"
            raise UserError("SIPp cannot be run", "the program sipp is not installed", todo)
        self._target = target or ""
        self._folder = tempfile.TemporaryDirectory(prefix="offhook-sipp-")
        self._files = Path(self._folder.name)
        check_options(options)
        self.port = int(_given(options, "-p") or free_port(1))
        self._timeout_s = _seconds(_given(options, "-timeout"))
        command = [
            program,
            *((target,) if target is not None else ()),
            *("-sf", str(scenario.path), "-nostdin"),
            *self._defaults(target, options),
            *("-trace_err", "-error_file", str(self._files / "errors")),
            *("-trace_stat", "-stf", str(self._files / "statistics.csv")),
            *("-trace_screen", "-screen_file", str(self._files / "screen")),
            *options,
        ]
        try:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, "TERM": "dumb"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            self._folder.cleanup()
            raise UserError("SIPp cannot be run", error.strerror or str(error), "sipp -v") from error

    def _defaults(self, target: str | None, options: Sequence[str]) -> list[str]:
        """Of what the user says nothing about: one call, on this machine's address, not for ever."""
        host = _own_host(target)
        media = str(free_port(PORTS))
        usual = {
            "-m": "1",
            "-i": host,
            "-mi": host,
            "-p": str(self.port),
            "-mp": media,
            "-timeout": f"{DEFAULT_S}s",
        }
        found = [part for name, value in usual.items() if name not in options for part in (name, value)]
        if "-timeout" not in options:
            found.append("-timeout_error")
        keys = [options[at + 1] for at, each in enumerate(options[:-1]) if each == "-key"]
        return found if "rtp_port" in keys else [*found, "-key", "rtp_port", media]

    def wait_until_it_listens(self) -> None:
        """Wait until its port is bound, which it does not say; not for ever, and not where the kernel has no list."""
        until = time.monotonic() + LISTENS_S
        while self._process.poll() is None and time.monotonic() < until and not _is_bound(self.port):
            time.sleep(POLL_S)

    def wait(self) -> SippRun:
        """Wait until it has ended."""
        ended = ""
        try:
            _, said = self._process.communicate(timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, said = self._process.communicate()
            ended = f"it still ran {GRACE_S:g} s after its -timeout, and was ended; -timeout_error ends it in time\n"
        errors = ended + (_text(self._files / "errors") or said.decode("utf-8", "replace"))
        run = SippRun(
            TIMED_OUT if ended else self._process.returncode,
            self._process.pid,
            _statistics(self._files / "statistics.csv"),
            redacted_text(errors),
            _text(self._files / "screen"),
            self._target,
        )
        self.close()
        return run

    def close(self) -> None:
        """End it, and remove its files. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()


def check_options(options: Sequence[str]) -> None:
    """Whether what is used here of the user's options can be read; the others are SIPp's affair. Raises UserError."""
    port = _given(options, "-p")
    if port is not None and not (_is_number(port) and 0 < int(port) < 65_536):
        raise UserError("SIPp cannot be run", f"{port!r} is no port, which is 1 to 65535", "-- -p 5062", "-p")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def free_port(count: int) -> int:
    """The first of so many UDP ports in a row that are free now, an even one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", 0))
            first = int(probe.getsockname()[1]) & ~1
        if first + count < 65_536 and all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def _is_bound(port: int) -> bool:
    """Whether somebody listens there, by UDP or TCP; True where that cannot be known."""
    tables = [each for each in map(Path, ("/proc/net/udp", "/proc/net/tcp")) if each.exists()]
    rows = [line.split() for each in tables for line in each.read_text().splitlines()[1:]]
    return not tables or any(row[1].endswith(f":{port:04X}") for row in rows)


def _own_host(target: str | None) -> str:
    """This machine's address on the way there; loopback for those who are called."""
    if target is None:
        return "127.0.0.1"
    host, _, port = target.rpartition(":")
    try:
        return own_host(host or target, port)
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{target} cannot be called", why, "--target HOST:PORT", "--target") from error


def _given(options: Sequence[str], name: str) -> str | None:
    at = options.index(name) if name in options else len(options)
    return options[at + 1] if at + 1 < len(options) else None


def _seconds(timeout: str | None) -> float | None:
    """How long SIPp is waited for, beyond its own time-out; None: the user has set one that cannot be read."""
    if timeout is None:
        return DEFAULT_S + GRACE_S
    number = timeout.rstrip("smh")
    factor = {"m": 60, "h": 3_600}.get(timeout[-1:], 1)
    return float(number) * factor + GRACE_S if _is_number(number.replace(".", "", 1)) else None


def _statistics(path: Path) -> dict[str, int]:
    """The sums at the end: the last row of SIPp's CSV."""
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";")) if path.exists() else []
    last = rows[-1] if rows else {}
    return {name: int(last[column]) for name, column in _COUNTS.items() if (last.get(column) or "").isdigit()}


def _text(path: Path) -> str:
    """The beginning of a file; a far end that sends what SIPp does not expect fills that of its errors."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file.read(MAX_TEXT_BYTES).decode("utf-8", "replace")


def first_errors(run: SippRun) -> str:
    """The first lines of what SIPp says, for people; and what to look at where it has got no answer."""
    lines = [" ".join(_STAMP.sub("", line).split()) for line in run.errors.splitlines()]
    said = " | ".join([line for line in lines if line and line != _HEADING][:ERROR_LINES])[:800]
    if _UNANSWERED not in run.errors or not run.target:
        return said
    nobody = "" if run.statistics.get("unexpected") else f"nothing came back from {run.target}: "
    return f"{nobody}{said}; look at --target, and whether the bot runs"
