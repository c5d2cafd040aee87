"""The bot under test: one that is started for the run (`offhook serve` or a Python bot), or one that runs; and its
records."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from offhook.cli.running_bot import RunningBot
from offhook.usererror import UserError

START_S = 60.0
STOP_S, HANG_UP_S, END_S = 20.0, 1.0, 5.0
"""How long it may take to end: its calls when nobody calls any more, those that were hung up just now, and itself."""
RECORD_S = 10.0
POLL_S = 0.1
PAGE, MOST_CALLS = 100, 10_000
LOG_LINES = 5
READER_S = 1.0
MAX_LINE_BYTES = 65_536
_READY = re.compile(r"ready sip:(?P<sip>\S+)(?: http://(?P<http>\S+))?(?: sips:(?P<sips>\S+))?")


class Bot:
    """A bot in a process of its own, with records in a folder of its own that goes with it. Raises UserError."""

    def __init__(self, program: Path, config: Path | None, password: str | None) -> None:
        """`password` is that of its pages, by its settings."""
        if not program.is_file():
            raise UserError(
                f"the bot {program} cannot be started", "there is no file of this name", "--bot flow.yaml", "--bot"
            )
        self._folder = tempfile.TemporaryDirectory(prefix="offhook-qa-")
        folder = Path(self._folder.name)
        environment = {
            **os.environ,
            "OFFHOOK_RECORDS__DIR": str(folder / "records"),
            "OFFHOOK_RECORDS__SIP_DAYS": "1",
            "OFFHOOK_SIP__HOST": "127.0.0.1",
            "OFFHOOK_SIP__PORT": "0",
            "OFFHOOK_HTTP__HOST": "127.0.0.1",
            "OFFHOOK_HTTP__PORT": "0",
            "OFFHOOK_CALLS__WORKERS": "1",
        }
        self._log = folder / "bot.log"
        self._found: re.Match[str] | None = None
        self._said = threading.Event()
        with self._log.open("ab") as log:  # its standard output is added, too
            self._process = subprocess.Popen(
                _command(program, config), env=environment, stdout=subprocess.PIPE, stderr=log
            )
        self._reader = threading.Thread(target=self._read, name="bot-output", daemon=True)
        try:
            self._reader.start()
            self.sip, http, self.sips = self._ready(program)
        except BaseException:
            self.close(at_once=True)
            raise
        self.http = RunningBot(f"http://{http}", password)
        self.stream = f"ws://{http}/twilio/media"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(at_once=kind is not None)

    def close(self, *, at_once: bool = False) -> None:
        """End it, calls that go on only if `at_once`, and remove what it has written."""
        try:
            # The first signal lets calls end, the second one ends them.
            for limit_s in (HANG_UP_S if at_once else STOP_S, END_S):
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(limit_s)
                    break
        finally:
            self._process.kill()
            self._process.wait()
            if self._reader.is_alive():
                self._reader.join(READER_S)  # not for ever: a process of the bot's that goes on may hold the pipe
            self._folder.cleanup()

    def _read(self) -> None:
        """All that it prints, until the end: a pipe that nobody reads would stop it."""
        assert self._process.stdout is not None, "it is a pipe"
        with self._process.stdout as output, self._log.open("ab", buffering=0) as log:
            while line := output.readline(MAX_LINE_BYTES):
                log.write(line)
                if self._found is None:
                    self._found = _READY.match(line.decode("utf-8", "replace"))
                    if self._found is not None:
                        self._said.set()
        self._said.set()

    def _ready(self, program: Path) -> tuple[str, str, str | None]:
        self._said.wait(START_S)
        found = self._found
        if found is None or found["http"] is None:
            said = self._log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
            ended = "it ended" if self._said.is_set() else f"it was not ready within {START_S:g} s"
            why = " | ".join(each.strip() for each in said) or f"{ended}, and printed nothing"
            todo = f"python {program}" if program.suffix == ".py" else f"offhook serve --flow {program}"
            raise UserError(f"the bot {program} does not start", why, todo, "--bot")
        return found["sip"], found["http"], found["sips"]


def _command(program: Path, config: Path | None) -> list[str]:
    settings = [] if config is None else ["--config", str(config)]
    if program.suffix == ".py":
        return [sys.executable, str(program), *settings]
    return [sys.executable, "-m", "offhook", "serve", "--flow", str(program), *settings]


def record_of(bot: RunningBot, call_id: str) -> Mapping[str, Any] | None:
    """The record of the call with this Call-ID once it has ended, which is written behind the signalling. None: there
    is none. Raises UserError."""
    return next(iter(records_of(bot, lambda record: record["call_id"] == call_id, 1)), None)


def records_of(bot: RunningBot, is_wanted: Callable[[Mapping[str, Any]], bool], count: int) -> list[Mapping[str, Any]]:
    """The records of `count` calls, or fewer if there are no more after a while. Raises UserError."""
    until = time.monotonic() + RECORD_S
    while True:
        try:
            found = [each for each in _latest(bot) if is_wanted(each) and each["end"] is not None]
            if len(found) >= count or time.monotonic() > until:
                return [_record(bot, each["uniqueid"]) for each in found]
        except (KeyError, TypeError) as error:
            todo = "--http HOST:PORT of an offhook bot, or leave it out"
            raise UserError(f"no bot answers at {bot.url}", "another program answers there", todo, "--http") from error
        time.sleep(POLL_S)


def _record(bot: RunningBot, call: str) -> Mapping[str, Any]:
    """Raises TypeError, KeyError if it is none."""
    found = bot.get(f"/api/calls/{call}", needs="transcript")
    for line in found["transcript"]:
        if not (isinstance(line["who"], str) and isinstance(line["text"], str)):
            raise TypeError(line)
    for event in found.get("timeline", ()):
        if not isinstance(event["kind"], str):
            raise TypeError(event)
    return found


def _latest(bot: RunningBot) -> Iterator[Mapping[str, Any]]:
    """The calls of the records, the newest first."""
    after: Mapping[str, str] | None = {}
    seen = 0
    while after is not None and seen < MOST_CALLS:
        page = bot.get("/api/calls", {"limit": PAGE, **after}, needs="calls")
        yield from page["calls"]
        seen += len(page["calls"])
        after = page["next"]
