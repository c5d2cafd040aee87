"""Writes event logs, one file a call. The event loop only appends to memory; one thread makes text of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offhook.encryption.keys import Key
from offhook.flight.event_log import EventLog
from offhook.flight.rows import MAX_FILE_BYTES, line_of
from offhook.observe.log import get_logger
from offhook.records.encrypted import growing_file
from offhook.records.file_thread import FileThread

log = get_logger(__name__)

_OWN_NAME = re.compile(r"[0-9a-f]{32}")
_END = line_of(("truncated",))


def find_log(directory: Path, uniqueid: str) -> Path | None:
    """The log of a call; None if there is none."""
    path = directory / f"{uniqueid}.jsonl"
    return path if _OWN_NAME.fullmatch(uniqueid) and path.is_file() else None


class _LogFile:
    """The writer's side of one log. After the first failure the file is left as it is, with whole lines only."""

    def __init__(self, path: Path, event_log: EventLog, key: Key | None) -> None:
        self._event_log = event_log
        self._file = growing_file(path, key)
        self._failed = False

    def stop(self) -> None:
        """See Pumped."""
        self._event_log.close()

    def pump(self) -> bool:
        """See Pumped."""
        last = self._event_log.closed  # before the rows are taken: none is added afterwards
        rows = self._event_log.take()
        if not self._failed:
            try:
                self._write(b"".join(line_of(row) for row in rows))
            except OSError as error:
                self._fail(error.strerror or str(error))
        if last:
            self._close()
        return last

    def _write(self, lines: bytes) -> None:
        file = self._file
        if not file.is_open:
            file.append(line_of(self._event_log.header))
        if file.size + len(lines) > MAX_FILE_BYTES - len(_END):
            file.append(_END)
            self._fail(f"an event log has at most {MAX_FILE_BYTES} bytes")
            return
        file.append(lines)
        if self._event_log.truncated:
            file.append(_END)
            self._fail("the disk was too slow")

    def _fail(self, why: str) -> None:
        self._failed = True
        log.error("an event log ends here; its call goes on", path=str(self._file.path), why=why)
        try:
            self._file.cut()
        except OSError as again:
            log.error("its last line is not whole", path=str(self._file.path), why=str(again))

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            log.error("an event log may be incomplete", path=str(self._file.path), why=str(error))


class EventLogWriter:
    """Writes all event logs into `directory`, created for our user alone if missing, encrypted if there is a `key`.
    UserError if that fails."""

    def __init__(self, directory: Path, key: Key | None = None) -> None:
        self._directory = directory
        self._key = key
        self._thread = FileThread(directory, "event logs", "events")

    def begin(self, uniqueid: str, header: Mapping[str, Any]) -> EventLog:
        """Begin the log of the call `uniqueid`. ValueError for anything but an id that we generated."""
        if not _OWN_NAME.fullmatch(uniqueid):
            raise ValueError("an event log is named by a call's id only")
        event_log = EventLog(header)
        self._thread.add(_LogFile(self._directory / f"{uniqueid}.jsonl", event_log, self._key))
        return event_log

    def close(self, timeout_s: float = 5.0) -> bool:
        """Complete all logs. False if the disk is too slow. Idempotent."""
        return self._thread.close(timeout_s)
