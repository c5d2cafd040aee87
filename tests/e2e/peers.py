"""The programs that call the bot and are called: SIPp, baresip, sipsak."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from tests.ports import HOST, free_udp_ports

__all__ = ["HOST", "Outcome", "Sipp", "free_udp_ports", "program", "sipp"]

SCENARIOS = Path(__file__).parent / "scenarios"
SHIPPED = Path(str(files("offhook").joinpath("qa", "scenarios")))
"""Those that come with offhook."""


def scenario_file(name: str) -> Path:
    """The file of a scenario, of the tests or of those that come with offhook."""
    return next(each for each in (SCENARIOS / name, SHIPPED / name) if each.exists())


def program(name: str) -> str:
    """The path of a peer; without it the test fails: `make test` installs it."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed; type: make peers"
    return path


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a SIPp run ended."""

    status: int
    errors: str
    messages: str

    def check(self) -> Self:
        assert self.status == 0, f"SIPp ended with {self.status}\n{self.errors}\n{self.messages[-4_000:]}"
        return self

    def received(self, start: str) -> int:
        """How many messages with this first line SIPp got, repetitions included."""
        return len(self.received_at(start))

    def received_all(self, starts: Mapping[str, int]) -> bool:
        """Whether SIPp got at least as many messages with each first line."""
        return all(self.received(start) >= count for start, count in starts.items())

    def received_at(self, start: str) -> list[float]:
        """When each message with this first line came, in seconds."""
        times = re.findall(rf"(\S+)\n(?:UDP|TCP) message received[^\n]*\n\n{re.escape(start)}", self.messages)
        return [sum(float(part) * 60**power for power, part in enumerate(reversed(at.split(":")))) for at in times]


class Sipp:
    """One SIPp that plays a scenario of ours once, from a port of its own."""

    def __init__(
        self,
        scenario: str,
        directory: Path,
        *options: str,
        target: str | None = None,
        timeout_s: int = 45,
        host: str = HOST,
        port: int = 0,
        **keys: str | int,
    ) -> None:
        self.port = port or free_udp_ports()
        self._timeout_s = timeout_s
        name = f"{Path(scenario).stem}-{self.port}"
        self._errors = directory / f"{name}.errors"
        self._messages = directory / f"{name}.messages"
        media = free_udp_ports(8)
        keys.setdefault("rtp_port", media)
        command = [
            program("sipp"),
            *((target,) if target is not None else ()),
            *("-sf", str(shutil.copy(scenario_file(scenario), directory)), "-m", "1", "-l", "1", "-nostdin"),
            *("-i", host, "-p", str(self.port), "-mi", host, "-mp", str(media)),
            *("-timeout", f"{timeout_s}s", "-timeout_error", "-cp", str(free_udp_ports())),
            *(
                "-trace_err",
                "-error_file",
                str(self._errors),
                "-trace_msg",
                "-message_file",
                str(self._messages),
            ),
            *(part for key, value in keys.items() for part in ("-key", key, str(value))),
            *options,
        ]
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> Outcome:
        try:
            status = self._process.wait(self._timeout_s + 10)
        finally:
            self.close()
        return Outcome(status, _text(self._errors), _text(self._messages))

    def so_far(self) -> Outcome:
        """What there is to see while it runs."""
        return Outcome(0, _text(self._errors), _text(self._messages))

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sipp(scenario: str, directory: Path, target: str, *options: str, **more: Any) -> Outcome:
    """Play a scenario to its end."""
    with Sipp(scenario, directory, *options, target=target, **more) as run:
        return run.wait()


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
