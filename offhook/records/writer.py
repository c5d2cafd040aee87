"""The thread that writes records, so that the event loop never waits for a disk.

Theory of operation. Jobs wait in a queue and are run in batches, each in one transaction. When the database cannot take
a batch (locked, disk full, connection lost), an outage begins: the changes among the jobs, and those that come later,
are moved to a file (`UnwrittenFile`) as they come, which makes them as durable as the database would. Every few seconds
the file is replayed; once that succeeds it is cleared, and the outage is over. Where there is no file, or it cannot be
written either, jobs wait in memory, up to a limit.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from offhook.observe.log import get_logger
from offhook.records.changes import Change
from offhook.records.unwritten import SEEN_EVERY_S, UnwrittenFile

log = get_logger(__name__)

Job = Callable[[Connection], None]
Entry = tuple[Job, "Future[bool]"]

MAX_QUEUED = 50_000
"""The most queued jobs. A thousand calls a minute reach it when the disk is full for most of half an hour."""
MAX_QUEUED_MINOR = 10_000
"""Above this only call records themselves are accepted."""
MAX_BATCH = 500
GATHER_S = 0.5
"""How long minor jobs wait for others: a transaction costs several times its content, plus an fsync."""
RETRY_FIRST_S = 0.25
RETRY_MAX_S = 5.0

# Errors of the statement itself are permanent; others may pass: a full disk, a lock, a lost connection.
_ERRORS = (SQLAlchemyError, OSError, TypeError, ValueError, KeyError, OverflowError)
PERMANENT = (IntegrityError, DataError, ProgrammingError, NotSupportedError, TypeError, ValueError, KeyError)


@dataclass(slots=True)
class WriterCounters:
    """`errors`: attempts that failed and were repeated; `dropped`: jobs that will never be written."""

    written: int = 0
    errors: int = 0
    dropped: int = 0


class Database(Protocol):
    """What the writer needs of its database."""

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction, committed at the end of the block. Raises SQLAlchemyError, OSError."""

    def failed(self, error: Exception) -> None:
        """A transaction failed: what can be mended is, before the next attempt. Raises as `write`."""

    def seen(self) -> None:
        """Called every few seconds."""


class RecordWriter:
    """Runs jobs in order, all waiting ones in one transaction, and retries failures. Jobs run at once, except minor
    ones, which wait up to `GATHER_S` for others.

    `every` runs as a separate job every `every_s` seconds. Futures are true when the job is committed, or safe in
    `unwritten`; false when it was given up.
    """

    def __init__(self, database: Database, every: Job, every_s: float, unwritten: UnwrittenFile | None = None) -> None:
        self.counters = WriterCounters()
        self._database = database
        self._every, self._every_s = every, every_s
        self._unwritten = unwritten
        self._queue: deque[Entry] = deque()
        self._changed = threading.Condition()
        self._due = float("inf")
        """When the queue must be written."""
        self._closing = False
        self._give_up_at = float("inf")
        self._failing = False
        self._on_disk = True
        """Whether what waits during an outage is in the file."""
        self._thread = threading.Thread(target=self._run, name="offhook-records", daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """False from a failed attempt until the next success."""
        return not self._failing

    @property
    def queued(self) -> int:
        """Waiting jobs, without those being written."""
        return len(self._queue)

    def put(self, job: Job, *, minor: bool = False) -> "Future[bool]":
        """Queue a job; returns at once. `minor` jobs leave room for the others, and may be delayed."""
        future: Future[bool] = Future()
        due = time.monotonic() + (GATHER_S if minor else 0.0)
        with self._changed:
            full = len(self._queue) >= (MAX_QUEUED_MINOR if minor else MAX_QUEUED)
            if full or self._closing:
                self.counters.dropped += 1
                future.set_result(False)
            else:
                self._queue.append((job, future))
                if due < self._due:
                    self._due = due
                    self._changed.notify()
        return future

    def close(self, timeout_s: float) -> bool:
        """Write what is queued, then end. True if nothing was lost; after `timeout_s` the rest is dropped."""
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + timeout_s
            self._changed.notify()
        # A write stuck in the kernel cannot be interrupted: leave it to the daemon thread.
        self._thread.join(timeout_s + RETRY_MAX_S)
        return not self._thread.is_alive() and self.counters.dropped == 0

    def _run(self) -> None:
        due = time.monotonic() + self._every_s
        while True:
            batch = self._take(due)
            if not batch and self._closing:
                return
            if time.monotonic() >= due:
                due = time.monotonic() + self._every_s
                batch.append((self._every, Future()))
            if batch:
                self._write(batch)
            self._database.seen()

    def _take(self, due: float) -> list[Entry]:
        """What is queued, once it is due; nothing after a few seconds without anything."""
        due = min(due, time.monotonic() + SEEN_EVERY_S)
        with self._changed:
            while not self._closing and (left := min(due, self._due) - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._pop() if self._closing or self._due <= time.monotonic() else []

    def _pop(self) -> list[Entry]:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
        if not self._queue:
            self._due = float("inf")
        return batch

    def _write(self, batch: list[Entry]) -> None:
        try:
            self._attempt(batch)
        except _ERRORS as error:
            self.counters.errors += 1
            if _may_pass(error):
                self._note_failure(error)
                self._outage(batch, error)
            else:
                self._isolate(batch, error)

    def _attempt(self, batch: list[Entry]) -> None:
        """Run them in one transaction. Raises `_ERRORS`."""
        with self._database.write() as conn:
            for job, _ in batch:
                job(conn)
        self.counters.written += len(batch)
        for _, future in batch:
            future.set_result(True)

    def _isolate(self, batch: list[Entry], error: Exception) -> None:
        """A job failed in the batch: run each alone, so that only that one is lost."""
        if len(batch) > 1:
            for entry in batch:
                self._write([entry])
            return
        log.error("a call record cannot be written and is dropped", why=str(error))
        self._drop(batch)

    # --- while the database fails

    def _outage(self, waiting: list[Entry], error: Exception) -> None:
        """Keep what waits and what comes, until the database works again or it is time to give up."""
        delay_s = RETRY_FIRST_S
        while True:
            waiting = self._keep(waiting)
            waiting, in_time = self._wait(delay_s, waiting)
            if not in_time:
                self._drop(waiting)
                return
            delay_s = min(2 * delay_s, RETRY_MAX_S)
            try:
                self._database.failed(error)
                self._replay()
                self._attempt(waiting)
            except _ERRORS as again:
                self.counters.errors += 1
                if _may_pass(again):
                    error = again
                    continue
                self._isolate(waiting, again)
            self._note_success()
            return

    def _keep(self, batch: list[Entry]) -> list[Entry]:
        """Move the changes to the file; returns what stays in memory: other jobs, and all if the file fails, too."""
        changes = [entry for entry in batch if isinstance(entry[0], Change)]
        if self._unwritten is None or not changes:
            return batch
        try:
            self._unwritten.append(job for job, _ in changes if isinstance(job, Change))
        except OSError as error:
            if self._on_disk:
                self._on_disk = False
                log.error("call records that wait are kept in memory only", why=str(error))
            return batch
        self._on_disk = True
        for _, future in changes:
            future.set_result(True)
        return [entry for entry in batch if not isinstance(entry[0], Change)]

    def _replay(self) -> None:
        """Apply what is in the file, and clear it. Raises `_ERRORS` that may pass."""
        if self._unwritten is None or self._unwritten.empty:
            return
        for chunk in _chunks(self._unwritten.changes()):
            try:
                self._attempt([(change, Future()) for change in chunk])
            except _ERRORS as error:
                if _may_pass(error):
                    raise
                self._replay_singly(chunk)
        self._unwritten.clear()

    def _replay_singly(self, chunk: list[Change]) -> None:
        for change in chunk:
            try:
                self._attempt([(change, Future())])
            except _ERRORS as error:
                if _may_pass(error):
                    raise
                log.error("a call record cannot be written and is dropped", why=str(error))
                self.counters.dropped += 1

    def _wait(self, delay_s: float, waiting: list[Entry]) -> tuple[list[Entry], bool]:
        """Wait before the next attempt, while what comes goes to the file. Returns what stays in memory, and False when
        it is time to give up."""
        until = time.monotonic() + delay_s
        while (left := min(until, self._give_up_at) - time.monotonic()) > 0:
            full = self._unwritten is None or any(isinstance(job, Change) for job, _ in waiting)
            with self._changed:
                if full or not self._queue:
                    self._changed.wait(min(left, SEEN_EVERY_S))
                came = [] if full else self._pop()  # what could not be kept stays in the queue
            waiting = [*waiting, *self._keep(came)]
            self._database.seen()
        return waiting, time.monotonic() < self._give_up_at

    def _drop(self, batch: list[Entry]) -> None:
        self.counters.dropped += sum(job is not self._every for job, _ in batch)
        for _, future in batch:
            future.set_result(False)

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            log.error("call records cannot be written; calls go on, and writing is retried", why=str(error))

    def _note_success(self) -> None:
        if self._failing:
            self._failing = False
            log.info("call records are written again", waiting=len(self._queue))


def _chunks(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while chunk := list(itertools.islice(changes, MAX_BATCH)):
        yield chunk


def _may_pass(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return not isinstance(error, PERMANENT)
    return isinstance(error, PoolTimeoutError | OSError)
