"""Call records in a database: SQLite by default, any other by its SQLAlchemy URL.

SQLite runs with `journal_mode=WAL` and `synchronous=FULL`. With NORMAL a committed record would survive a crash of the
process but not a loss of power. The cost, one fsync for each commit, is borne by the writer's thread, once for all
waiting records.
"""

import itertools
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, make_url, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from offhook.records.cdr import CallRecord, EndedBy, TranscriptLine
from offhook.records.owner import ProcessIdentity
from offhook.records.schema import (
    SCHEMA_VERSION,
    call_row,
    calls_table,
    line_row,
    metadata,
    owners_table,
    put_lines,
    put_row,
    read_lines,
    record_from,
    transcript_table,
    version_table,
)
from offhook.records.timeline import Events, put_timeline
from offhook.records.writer import RecordWriter, WriterCounters
from offhook.usererror import UserError

T = TypeVar("T")

HEARTBEAT_S = 30.0
STALE_S = 120.0
"""A process on another machine or in another container counts as gone after this time without a heartbeat."""
BUSY_TIMEOUT_S = 5.0
MAX_LISTED = 1_000

_EXAMPLE = "for example `sqlite:////var/lib/offhook/calls.db` or `postgresql+psycopg://user@host/offhook`"


class RecordStore:
    """The records of all calls. `begin`, `turn` and `finish` return at once, and are thread-safe.

    The reading methods block on the database: call them outside the event loop (`asyncio.to_thread`).
    """

    def __init__(self, engine: Engine, wall: Callable[[], float]) -> None:
        self._engine = engine
        self._wall = wall
        self._me = uuid.uuid4().hex
        self._identity = ProcessIdentity.current()
        self._seq = itertools.count()
        writing = engine.execution_options(offhook_writes=True)
        with writing.begin() as conn:
            self._heartbeat(conn)
        self._writer = RecordWriter(writing, self._heartbeat, HEARTBEAT_S)

    @classmethod
    def open(cls, url: str, *, wall: Callable[[], float] = time.time) -> Self:
        """Open the database, creating it if missing. `url` may also be the plain path of an SQLite file.

        Rows left open by a process that is gone are marked as crashed. `wall` is Unix time in seconds. Raises
        UserError.
        """
        parsed = _parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        try:
            if parsed.get_backend_name() == "sqlite":
                _make_private(parsed)
            engine = _make_engine(parsed)
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise _cannot_open(shown, error) from error
        try:
            _make_tables(engine, shown)
            return cls(engine, wall)
        except SQLAlchemyError as error:
            engine.dispose()
            raise _cannot_open(shown, error) from error
        except UserError:
            engine.dispose()
            raise

    @property
    def counters(self) -> WriterCounters:
        """Counters of failed and lost writes."""
        return self._writer.counters

    @property
    def healthy(self) -> bool:
        """False while writes fail."""
        return self._writer.healthy

    @property
    def queued(self) -> int:
        """How many writes are waiting."""
        return self._writer.queued

    def begin(self, record: CallRecord) -> "Future[bool]":
        """Write a row that survives a crash: once the future is true, the call has its row.

        Await it (`asyncio.wrap_future`, with a time limit) before sending the answer, so that no answered call goes
        unrecorded.
        """
        row = call_row(record, is_open=True, owner=self._me)
        return self._writer.put(lambda conn: put_row(conn, calls_table, row))

    def finish(self, record: CallRecord) -> "Future[bool]":
        """Write the final record of a call, begun or not. A transcript in it replaces the lines of `turn`."""
        row = call_row(record, is_open=False, owner=self._me)
        lines = record.transcript

        def write(conn: Connection) -> None:
            put_row(conn, calls_table, row)
            if lines:
                put_lines(conn, record.uniqueid, lines)

        return self._writer.put(write)

    def turn(self, uniqueid: str, line: TranscriptLine) -> None:
        """Add a line to a call's transcript."""
        row = line_row(uniqueid, next(self._seq), line)
        self._writer.put(lambda conn: put_row(conn, transcript_table, row), minor=True)

    def timeline(self, uniqueid: str, events: Events) -> None:
        """Store the timeline of a call that has ended."""
        self._writer.put(lambda conn: put_timeline(conn, uniqueid, events), minor=True)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is written; False if that takes longer."""
        try:
            return self._writer.put(lambda conn: None).result(timeout_s)
        except TimeoutError:
            return False

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is queued; True if nothing was ever lost. Calls still open count as crashed."""
        complete = self._writer.close(timeout_s)
        if complete:
            with suppress(SQLAlchemyError), self._engine.begin() as conn:
                conn.execute(delete(owners_table).where(owners_table.c.owner == self._me))
        self._engine.dispose()
        return complete

    def calls(self, limit: int = 100, *, before: str | None = None) -> list[CallRecord]:
        """The latest calls, newest first, without transcripts. `before`: those with an earlier `start`."""
        query = select(calls_table).order_by(calls_table.c.start.desc(), calls_table.c.uniqueid)
        if before is not None:
            query = query.where(calls_table.c.start < before)
        with self._engine.connect() as conn:
            rows = conn.execute(query.limit(max(0, min(limit, MAX_LISTED)))).mappings().all()
        return [record_from(dict(row)) for row in rows]

    def call(self, uniqueid: str) -> CallRecord | None:
        """One call with its transcript."""
        with self._engine.connect() as conn:
            found = conn.execute(select(calls_table).where(calls_table.c.uniqueid == uniqueid)).mappings().first()
            if found is None:
                return None
            return replace(record_from(dict(found)), transcript=read_lines(conn, uniqueid))

    def transcript(self, uniqueid: str) -> tuple[TranscriptLine, ...]:
        """A call's transcript in order; empty for an unknown call."""
        with self._engine.connect() as conn:
            return read_lines(conn, uniqueid)

    def read(self, query: Callable[[Connection], T]) -> T:
        """The result of a read-only query."""
        with self._engine.connect() as conn:
            return query(conn)

    def _heartbeat(self, conn: Connection) -> None:
        """Write our heartbeat; close the rows of processes that are gone."""
        me = self._identity
        row = {
            "owner": self._me,
            "host": me.host,
            "boot": me.boot,
            "namespace": me.namespace,
            "pid": me.pid,
            "started": str(me.started),
            "heartbeat": self._wall(),
        }
        put_row(conn, owners_table, row)
        for other in conn.execute(select(owners_table).where(owners_table.c.owner != self._me)).mappings().all():
            if self._is_gone(dict(other)):
                conn.execute(delete(owners_table).where(owners_table.c.owner == other["owner"]))
        left_open = calls_table.c.is_open & calls_table.c.owner.not_in(select(owners_table.c.owner))
        crash = str(EndedBy.CRASH)
        conn.execute(update(calls_table).where(left_open).values(is_open=False, ended_by=crash, end_reason=crash))

    def _is_gone(self, row: dict[str, Any]) -> bool:
        other = ProcessIdentity(row["host"], row["boot"], row["namespace"], row["pid"], int(row["started"]))
        running = other.seen_running(self._identity)
        if running is None:
            return bool(row["heartbeat"] < self._wall() - STALE_S)
        return not running


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
        parsed.get_dialect()
    except (ArgumentError, SQLAlchemyError, ValueError) as error:
        raise UserError("the records' database URL cannot be used", str(error), _EXAMPLE) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserError(
            "the records' database has no file",
            "an SQLite database in memory would not survive this process",
            _EXAMPLE,
        )
    return parsed


def _cannot_open(shown: str, error: Exception) -> UserError:
    what = f"cannot open the records' database {shown}"
    if isinstance(error, ImportError):
        return UserError(what, "its driver is not installed", f"pip install {error.name}")
    return UserError(what, str(error.orig) if isinstance(error, DBAPIError) else str(error), _EXAMPLE)


def _make_private(url: URL) -> None:
    """Make the file private. SQLite gives -wal and -shm the mode of the main file."""
    path = Path(str(url.database))
    if path.name.startswith("file:"):
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver would begin transactions itself, too late for ours to wait for the lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        # A transaction that reads and then writes fails at once if another wrote meanwhile; IMMEDIATE waits.
        writes = conn.get_execution_options().get("offhook_writes")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_tables(engine: Engine, shown: str) -> None:
    with engine.execution_options(offhook_writes=True).begin() as conn:
        metadata.create_all(conn)
        found = conn.execute(select(version_table.c.version)).scalars().first()
        if found is None:
            conn.execute(version_table.insert().values(version=SCHEMA_VERSION))
        elif found != SCHEMA_VERSION:
            raise UserError(
                f"the records' database {shown} has version {found}",
                f"this program reads and writes version {SCHEMA_VERSION}",
                "start with another database, or with the program that wrote this one",
            )
