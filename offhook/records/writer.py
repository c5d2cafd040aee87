"""The thread that writes records, so that the event loop never waits for a disk."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
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

log = get_logger(__name__)

Job = Callable[[Connection], None]

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
_PERMANENT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


@dataclass(slots=True)
class WriterCounters:
    """`errors`: attempts that failed and were repeated; `dropped`: jobs that will never be written."""

    written: int = 0
    errors: int = 0
    dropped: int = 0


class RecordWriter:
    """Runs jobs in order, all waiting ones in one transaction, and retries failures. Jobs run at once, except minor
    ones, which wait up to `GATHER_S` for others.

    `every` runs as a separate job every `every_s` seconds. Futures are true when the job is committed, false when it
    was given up.
    """

    def __init__(self, engine: Engine, every: Job, every_s: float) -> None:
        self.counters = WriterCounters()
        self._engine = engine
        self._every, self._every_s = every, every_s
        self._queue: deque[tuple[Job, Future[bool]]] = deque()
        self._changed = threading.Condition()
        self._due = float("inf")
        """When the queue must be written."""
        self._closing = False
        self._give_up_at = float("inf")
        self._failing = False
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
                self._write([*batch, (self._every, Future())])
            elif batch:
                self._write(batch)

    def _take(self, due: float) -> list[tuple[Job, "Future[bool]"]]:
        with self._changed:
            while not self._closing and (left := min(due, self._due) - time.monotonic()) > 0:
                self._changed.wait(left)
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
            if not self._queue:
                self._due = float("inf")
            return batch

    def _write(self, batch: list[tuple[Job, "Future[bool]"]]) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            try:
                with self._engine.begin() as conn:
                    for job, _ in batch:
                        job(conn)
            except (SQLAlchemyError, OSError, TypeError, ValueError, OverflowError) as error:
                self.counters.errors += 1
                if not _may_pass(error):
                    self._isolate(batch, error)
                    return
                self._note_failure(error)
                if not self._wait(delay_s):
                    self._drop(batch)
                    return
                delay_s = min(2 * delay_s, RETRY_MAX_S)
            else:
                self._note_success()
                self.counters.written += len(batch)
                for _, future in batch:
                    future.set_result(True)
                return

    def _isolate(self, batch: list[tuple[Job, "Future[bool]"]], error: Exception) -> None:
        """A job failed in the batch: run each alone, so that only that one is lost."""
        if len(batch) > 1:
            for entry in batch:
                self._write([entry])
            return
        log.error("a call record cannot be written and is dropped", why=str(error))
        self._drop(batch)

    def _wait(self, delay_s: float) -> bool:
        """Wait before the next attempt; False when it is time to give up."""
        until = time.monotonic() + delay_s
        with self._changed:
            while (left := min(until, self._give_up_at) - time.monotonic()) > 0:
                self._changed.wait(left)
            return time.monotonic() < self._give_up_at

    def _drop(self, batch: list[tuple[Job, "Future[bool]"]]) -> None:
        self.counters.dropped += len(batch)
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


def _may_pass(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return not isinstance(error, _PERMANENT)
    return isinstance(error, PoolTimeoutError | OSError)
