"""Writes event logs, one file a call. The event loop only appends to memory; one thread makes text of it."""

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offhook.flight.event_log import EventLog
from offhook.flight.rows import MAX_FILE_BYTES, line_of
from offhook.observe.log import get_logger
from offhook.usererror import UserError

log = get_logger(__name__)

WRITE_INTERVAL_S = 0.5

_OWN_NAME = re.compile(r"[0-9a-f]{32}")
_END = line_of(("truncated",))


def find_log(directory: Path, uniqueid: str) -> Path | None:
    """The log of a call; None if there is none."""
    path = directory / f"{uniqueid}.jsonl"
    return path if _OWN_NAME.fullmatch(uniqueid) and path.is_file() else None


class _LogFile:
    """The writer's side of one log. After the first failure the file is left as it is, with whole lines only."""

    def __init__(self, path: Path, event_log: EventLog) -> None:
        self.event_log = event_log
        self._path = path
        self._fd: int | None = None
        self._bytes = 0
        self._failed = False

    def pump(self) -> bool:
        """Write what is new; True when that was the last."""
        last = self.event_log.closed  # before the rows are taken: none is added afterwards
        rows = self.event_log.take()
        if not self._failed:
            try:
                self._write(b"".join(line_of(row) for row in rows))
            except OSError as error:
                self._fail(error.strerror or str(error))
        if last and self._fd is not None:
            self._close(self._fd)
        return last

    def _write(self, lines: bytes) -> None:
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            # Somebody may have cleared the folder away since the start.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self._path, flags, 0o600)
            self._append(self._fd, line_of(self.event_log.header))
        if self._bytes + len(lines) > MAX_FILE_BYTES - len(_END):
            self._append(self._fd, _END)
            self._fail(f"an event log has at most {MAX_FILE_BYTES} bytes")
            return
        self._append(self._fd, lines)
        if self.event_log.truncated:
            self._append(self._fd, _END)
            self._fail("the disk was too slow")

    def _append(self, fd: int, data: bytes) -> None:
        view, at = memoryview(data), self._bytes
        while view:
            written = os.pwrite(fd, view, at)
            at, view = at + written, view[written:]
        self._bytes = at

    def _fail(self, why: str) -> None:
        self._failed = True
        log.error("an event log ends here; its call goes on", path=str(self._path), why=why)
        if self._fd is not None:
            try:
                os.ftruncate(self._fd, self._bytes)
            except OSError as again:
                log.error("its last line is not whole", path=str(self._path), why=str(again))

    def _close(self, fd: int) -> None:
        try:
            os.close(fd)
        except OSError as error:  # network file systems may report a failed write only now
            log.error("an event log may be incomplete", path=str(self._path), why=str(error))


class EventLogWriter:
    """Writes all event logs into `directory`, created for our user alone if missing. UserError if that fails."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(f"its permissions keep user {os.getuid()} out")
        except OSError as error:
            raise UserError(
                f"the event logs' directory {directory} cannot be created or written to",
                error.strerror or str(error),
                "name another `dir` below `[records]`, or turn `events` off",
            ) from error
        self._lock = threading.Lock()
        self._added: list[_LogFile] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offhook-events", daemon=True)
        self._thread.start()

    def begin(self, uniqueid: str, header: Mapping[str, Any]) -> EventLog:
        """Begin the log of the call `uniqueid`. ValueError for anything but an id that we generated."""
        if not _OWN_NAME.fullmatch(uniqueid):
            raise ValueError("an event log is named by a call's id only")
        event_log = EventLog(header)
        with self._lock:
            self._added.append(_LogFile(self._directory / f"{uniqueid}.jsonl", event_log))
        return event_log

    def close(self, timeout_s: float = 5.0) -> bool:
        """Complete all logs. False if the disk is too slow. Idempotent."""
        self._closing.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        files: list[_LogFile] = []
        while True:
            closing = self._closing.wait(WRITE_INTERVAL_S)
            with self._lock:
                files += self._added
                self._added.clear()
            if closing:
                for file in files:
                    file.event_log.close()
            files = [file for file in files if not file.pump()]
            if closing:
                return
