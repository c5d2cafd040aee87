"""What of the queues outlives a process: `queues.json` in the records' folder, written by a thread, whole or not."""

import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import structlog

from offhook.process.whole_file import write_whole
from offhook.queues.messages import CallBackWish

NAME = "queues.json"
MAX_BYTES = 16 * 2**20
AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class KeptCallBack:
    """Somebody who is to be called back, by `trunk` (empty: none). `name` is what lists of the allowed have of the
    number, `at_s` the Unix time of the promise, `tries` the calls so far, and `about` what every event of the call has
    in which they asked for it."""

    ticket: str
    queue: str
    trunk: str
    name: str
    wish: CallBackWish
    at_s: float
    tries: int = 0
    about: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueState:
    """`agents`: "login", "logout" or "pause" by their names; `call_backs` in their order; `closed`: queues."""

    agents: Mapping[str, str] = field(default_factory=dict)
    call_backs: tuple[KeptCallBack, ...] = ()
    closed: tuple[str, ...] = ()


class QueueFile:
    """The file in `folder`. What cannot be read counts as empty, and is logged; what cannot be written is logged."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._thread = ThreadPoolExecutor(1, "queue-file")
        self._latest: QueueState | None = None
        self._writing: Future[bool] | None = None  # of the latest
        self._again_at = 0.0
        self._log = structlog.get_logger("offhook.queues")

    def read(self) -> QueueState:
        """The state that was written last. Waits for the disk."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(MAX_BYTES))
            return QueueState(
                {str(name): str(state) for name, state in found["agents"].items()},
                tuple(_call_back(each) for each in found["call_backs"]),
                tuple(str(each) for each in found.get("closed", ())),  # an older file has none
            )
        except FileNotFoundError:
            return QueueState()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            todo = f"offhook queue login AGENT; the file is {self._path}"
            self._log.error("who was logged in, and is to be called back, is lost", why=str(error), todo=todo)
            return QueueState()

    def write(self, state: QueueState) -> Future[bool]:
        """Have it written, unless it is what was asked for last; whether it is on the disk. What could not be written
        is tried again, at the earliest after AGAIN_S."""
        writing = self._writing
        if writing is None or state != self._latest or self._is_due(writing):
            self._latest, self._again_at = state, monotonic() + AGAIN_S
            writing = self._writing = self._thread.submit(self._write, state)
        return writing

    def close(self) -> None:
        """Wait until all is written."""
        self._thread.shutdown()
        if self._writing is not None and self._latest is not None and not self._writing.result():
            self._write(self._latest)

    def _is_due(self, writing: Future[bool]) -> bool:
        return writing.done() and not writing.result() and monotonic() >= self._again_at

    def _write(self, state: QueueState) -> bool:
        try:
            write_whole(self._path, json.dumps(asdict(state), indent=1).encode())
        except (OSError, ValueError) as error:
            self._log.error("the state of the queues cannot be written", why=str(error), todo=f"ls -l {self._path}")
            return False
        return True


def _call_back(found: Any) -> KeptCallBack:
    """Raises TypeError, KeyError, ValueError."""
    return KeptCallBack(
        ticket=str(found["ticket"]),
        queue=str(found["queue"]),
        trunk=str(found["trunk"]),
        name=str(found["name"]),
        wish=_wish(found["wish"]),
        at_s=float(found["at_s"]),
        tries=int(found["tries"]),
        about=dict(found.get("about", {})),  # an older file has none
    )


def _wish(found: Any) -> CallBackWish:
    """Raises TypeError, KeyError."""
    recorded, consent = found["recorded"], found["consent"]
    return CallBackWish(
        number=str(found["number"]),
        language=str(found["language"]),
        summary=str(found["summary"]),
        recorded=None if recorded is None else bool(recorded),
        consent=None if consent is None else str(consent),
    )
