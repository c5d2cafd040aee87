"""A real bot in a process of its own, and the real programs that call it."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

START_S = 60.0
SCENARIOS = Path(__file__).parent / "scenarios"
READY = re.compile(r"ready sip:(?P<host>[^:]+):(?P<port>\d+) http://(?P<http>\S+)")


class BotProcess:
    """`offhook serve` on loopback, on ports that the system chose; or another `command` that serves."""

    def __init__(self, directory: Path, *options: str, command: list[str] | None = None, **settings: str) -> None:
        self.directory = directory
        environment = {
            **os.environ,
            "OFFHOOK_RECORDS__DIR": str(directory / "data"),
            "OFFHOOK_LOG__FORMAT": "json",
            **settings,
        }
        serve = [sys.executable, "-m", "offhook", "serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        self._log = (directory / "bot.log").open("w+")
        self.process = subprocess.Popen(
            [*(command or serve), *options],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        guard = threading.Timer(START_S, self.process.kill)
        guard.start()
        line = self.process.stdout.readline() if self.process.stdout is not None else ""
        guard.cancel()
        found = READY.match(line)
        assert found is not None, f"no ready line, but {line!r}; log: {self.log()}"
        self.host, self.port, self.http = found["host"], int(found["port"]), found["http"]

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def log(self) -> str:
        return (self.directory / "bot.log").read_text()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def metric(self, name: str) -> float:
        """A metric's value, all labels together."""
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        return sum(map(float, values))

    def records(self) -> list[dict[str, object]]:
        """The calls in the database, in the order of their beginning."""
        path = self.directory / "data" / "calls.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM calls ORDER BY start")]

    def transcript(self) -> list[dict[str, object]]:
        path = self.directory / "data" / "calls.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM transcript ORDER BY at_s, seq")]

    def wait_for(self, what: Callable[[], bool], seconds: float = 10.0) -> None:
        """Poll a condition that another process brings about."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"not within {seconds} s; log: {self.log()}"
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(15)
        finally:
            self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()


@pytest.fixture
def start_bot(tmp_path: Path) -> Iterator[Callable[..., BotProcess]]:
    """Starts bots; what is still running at the end of the test is ended."""
    bots: list[BotProcess] = []

    def start(*options: str, command: list[str] | None = None, **settings: str) -> BotProcess:
        directory = tmp_path / f"bot{len(bots)}"
        directory.mkdir()
        bots.append(BotProcess(directory, *options, command=command, **settings))
        return bots[-1]

    yield start
    for bot in bots:
        bot.close()


def program(name: str) -> str:
    """The path of a peer; without it the test fails: `make test` installs it."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed; type: make peers"
    return path


def load(text: str) -> dict[str, object]:
    """JSON that is an object."""
    value = json.loads(text)
    assert isinstance(value, dict)
    return value
