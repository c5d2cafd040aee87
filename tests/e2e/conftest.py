"""A real bot in a process of its own, and the real programs that call it."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from offhook.telephony.codec import codec_named
from offhook.testing.sip_caller import read_recording
from offhook.web.app import METRICS_KEPT_S
from tests.e2e.backends import OWN, backends_of, deviation, lacks, settings_of

START_S = 120.0
READY = re.compile(r"ready sip:(?P<host>[^:[]+|\[[^]]+]):(?P<port>\d+) http://(?P<http>\S+)(?: sips:\S+:(?P<tls>\d+))?")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run for each backend."""
    names = backends_of(metafunc.module.__file__.rpartition("/")[2], metafunc.function.__name__)
    if names and "sip_backend" in metafunc.fixturenames:
        each = [pytest.param(name, marks=pytest.mark.skip(why) if (why := lacks(name)) else ()) for name in names]
        metafunc.parametrize("sip_backend", each, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What differs must fail."""
    for item in items:
        backend = item.callspec.params.get("sip_backend", OWN) if hasattr(item, "callspec") else OWN
        if why := deviation(item.path.name, item.name, backend):
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))


class BotProcess:
    """`offhook serve` on loopback, on ports that the system chose; or another `command` that serves."""

    def __init__(self, directory: Path, *options: str, command: list[str] | None = None, **settings: str) -> None:
        self.directory = directory
        self._metrics_at = 0.0
        environment = {
            **os.environ,
            "OFFHOOK_RECORDS__DIR": str(directory / "data"),
            "OFFHOOK_LOG__FORMAT": "json",
            "OFFHOOK_CALLS__WORKERS": "1",  # each has its engines to load, and most tests place one call
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
        if found is None:
            self.close()
        assert found is not None, f"no ready line, but {line!r}; log: {self.log()}"
        self.host, self.port, self.http = found["host"], int(found["port"]), found["http"]
        self.tls_port = int(found["tls"] or 0)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def log(self) -> str:
        return (self.directory / "bot.log").read_text()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def readiness(self) -> tuple[int, str]:
        """What /readyz answers."""
        try:
            with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)["state"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["state"]

    def metrics(self) -> str:
        """The metrics as of now: the bot keeps what it has rendered for a while."""
        time.sleep(max(0.0, self._metrics_at + METRICS_KEPT_S + 0.02 - time.monotonic()))
        text = self.get("/metrics")
        self._metrics_at = time.monotonic()
        return text

    def metric(self, name: str) -> float:
        """A metric's value, all labels together."""
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.metrics(), re.MULTILINE)
        return sum(map(float, values))

    def metric_of(self, name: str, **labels: str) -> float:
        """The value of one series; 0 if it is not there."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        found = re.search(rf"^{name}{{{wanted}}} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found is not None else 0.0

    def records(self) -> list[dict[str, Any]]:
        """The calls in the database, in the order of their beginning."""
        path = self.directory / "data" / "calls.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM calls ORDER BY start")]

    def ended(self, calls: int = 1) -> list[dict[str, Any]]:
        """The calls in the database when there are so many and all have ended: it is written behind the signalling."""
        self.wait_for(lambda: [one["end"] is not None for one in self.records()] == [True] * calls)
        return self.records()

    def transcript(self) -> list[dict[str, object]]:
        path = self.directory / "data" / "calls.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM transcript ORDER BY seq")]

    def record(self, sip_port: int, before: Collection[str] = ()) -> dict[str, Any]:
        """The finished record of the one call from a SIP port, besides those `before`; waits for it."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.calls_from(sip_port, before) if one["end"] is not None]

        self.wait_for(lambda: bool(found()))
        records = found()
        assert len(records) == 1, f"more than one call came from port {sip_port}: {records}; log: {self.log()}"
        return self.finished(records[0])

    def calls_from(self, sip_port: int, before: Collection[str] = ()) -> list[dict[str, Any]]:
        """The records of the calls from a SIP port, besides those `before`."""
        port = re.compile(rf":{sip_port}(?!\d)")
        return [one for one in self.records() if port.search(str(one["src"])) and one["uniqueid"] not in before]

    @staticmethod
    def finished(record: dict[str, Any]) -> dict[str, Any]:
        """A row with its statistics as numbers."""
        return record | {"rtp": json.loads(record["rtp"])}

    def lines(self, record: dict[str, Any], who: str) -> list[str]:
        """What was said in a call by "bot" or "caller"."""
        mine = [line for line in self.transcript() if line["uniqueid"] == record["uniqueid"]]
        return [str(line["text"]) for line in mine if line["who"] == who]

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


@pytest.fixture(scope="session")
def sip_backend(request: pytest.FixtureRequest) -> str:
    """The backend of the bots that the test starts, see backends.py."""
    backend: str = getattr(request, "param", OWN)
    return backend


@pytest.fixture
def start_bot(tmp_path: Path, sip_backend: str) -> Iterator[Callable[..., BotProcess]]:
    """Starts bots; what is still running at the end of the test is ended."""
    bots: list[BotProcess] = []

    def start(*options: str, command: list[str] | None = None, **settings: str) -> BotProcess:
        directory = tmp_path / f"bot{len(bots)}"
        directory.mkdir()
        bots.append(BotProcess(directory, *options, command=command, **{**settings_of(sip_backend), **settings}))
        return bots[-1]

    yield start
    for bot in bots:
        bot.close()


@pytest.fixture(scope="session")
def bench_bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], BotProcess]]:
    """One bot for each backend, started for the first test that calls it."""
    bots: dict[str, BotProcess] = {}

    def bot(backend: str) -> BotProcess:
        if backend not in bots:
            directory = tmp_path_factory.mktemp(f"bench-bot-{backend}")
            bots[backend] = BotProcess(directory, "--bench-engines", command=None, **settings_of(backend))
        return bots[backend]

    yield bot
    for each in bots.values():
        each.close()


@pytest.fixture
def bench_bot(bench_bots: Callable[[str], BotProcess], sip_backend: str) -> BotProcess:
    """One bot with fixed words and the real media path, for all tests that only call it."""
    return bench_bots(sip_backend)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """ "Check my balance" as SIPp wants it: mu-law octets, without a header."""
    path = tmp_path / "speech.ulaw"
    path.write_bytes(codec_named("PCMU").encode(speech("check-my-balance")))
    return path


def speech(name: str) -> bytes:
    """A caller's recording: 8 kHz 16-bit PCM."""
    return read_recording(files("offhook").joinpath("assets", "caller", f"{name}.wav"))
