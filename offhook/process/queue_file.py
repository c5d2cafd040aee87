"""What of the queues outlives a process: `queues.json` in the records' folder, written by a thread, whole or not."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog

from offhook.queues.messages import CallBackWish
NAME = "queues.json"
MAX_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class KeptCallBack:
    """Somebody who is to be called back, by `trunk` (empty: none). `name` is what lists of the allowed have of the
    number, `at_s` the Unix time of the promise, and `tries` the calls so far."""

    ticket: str
    queue: str
    trunk: str
    name: str
    wish: CallBackWish
    at_s: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class QueueState:
    """`agents`: "login", "logout" or "pause" by their names; `call_backs` in their order."""

    agents: Mapping[str, str] = field(default_factory=dict)
    call_backs: tuple[KeptCallBack, ...] = ()


class QueueFile:
    """The file in `folder`. What cannot be read counts as empty, and is logged; what cannot be written is logged."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._thread = ThreadPoolExecutor(1, "queue-file")
        self._written: QueueState | None = None
        self._waiting: QueueState | None = None
        self._writing: Future[None] | None = None
        self._log = structlog.get_logger("offhook.queues")

    def read(self) -> QueueState:
        """The state that was written last. Waits for the disk."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(MAX_BYTES))
            return QueueState(
                {str(name): str(state) for name, state in found["agents"].items()},
                tuple(_call_back(each) for each in found["call_backs"]),
            )
        except FileNotFoundError:
            return QueueState()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            todo = f"offhook queue login AGENT; the file is {self._path}"
            self._log.error("who was logged in, and is to be called back, is lost", why=str(error), todo=todo)
            return QueueState()

    def write(self, state: QueueState) -> None:
        """Have it written, unless it is what was written last, or is overtaken by the next."""
        if state == self._written:
            return
        self._written = self._waiting = state
        if self._writing is None or self._writing.done():
            self._writing = self._thread.submit(self._write_latest)

    def close(self) -> None:
        """Wait until all is written."""
        self._thread.shutdown()
        self._write_latest()

    def _write_latest(self) -> None:
        while (state := self._waiting) is not None:
            self._write(state)
            if self._waiting is state:
                self._waiting = None

    def _write(self, state: QueueState) -> None:
        beside = self._path.with_suffix(".new")
        try:
            # For our user alone: it has callers' numbers.
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump(asdict(state), file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(fd)
            beside.replace(self._path)
        except (OSError, ValueError) as error:
            self._log.error("the state of the queues cannot be written", why=str(error), todo=f"ls -l {self._path}")
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _call_back(found: Any) -> KeptCallBack:
    """Raises TypeError, KeyError, ValueError."""
    return KeptCallBack(
        ticket=str(found["ticket"]),
        queue=str(found["queue"]),
        trunk=str(found["trunk"]),
        name=str(found["name"]),
        wish=CallBackWish(**found["wish"]),
        at_s=float(found["at_s"]),
        tries=int(found["tries"]),
    )
