"""The records of all calls, in a database (`database`), written by a thread (`writer`)."""

import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import SQLAlchemyError

from offhook.observe.log import get_logger
from offhook.records.cdr import CallRecord, TranscriptLine
from offhook.records.changes import Change, Outgoing, call_change, completed_change, line_change, timeline_change
from offhook.records.database import BUSY_TIMEOUT_S, RecordsDatabase
from offhook.records.left_open import close_calls_of, close_ownerless
from offhook.records.outbox import ANSWERED, ENDED, STARTED, OutboxEvent, Subscription, adopt, forget_unknown
from offhook.records.owner import ProcessIdentity
from offhook.records.schema import calls_table, owners_table, put_row, read_lines, record_from
from offhook.records.signalling import forget_traces, put_trace
from offhook.records.timeline import Events
from offhook.records.unwritten import SEEN_EVERY_S, UnwrittenFile
from offhook.records.writer import PERMANENT, Job, RecordWriter, WriterCounters

T = TypeVar("T")

log = get_logger(__name__)

HEARTBEAT_S = 30.0
STALE_S = 120.0
"""A process on another machine or in another container counts as gone after this time without a heartbeat."""
MAX_LISTED = 1_000
MAX_SIGNALLING_QUEUED = 500
"""Each waiting job holds a call's SIP messages."""


class RecordStore:
    """The records of all calls. `begin`, `turn` and `finish` return at once, and are thread-safe.

    The reading methods block on the database: call them outside the event loop (`asyncio.to_thread`).
    """

    def __init__(
        self,
        database: RecordsDatabase,
        folder: Path | None,
        wall: Callable[[], float],
        subscriptions: Sequence[Subscription] = (),
    ) -> None:
        self._database = database
        self._folder = folder
        self._wall = wall
        self._me = uuid.uuid4().hex
        self.on_outgoing: Callable[[], None] = lambda: None
        """Called in the writer's thread when there may be something new in the outbox."""
        self._outgoing = Outgoing(tuple(subscriptions), self._me)
        self._identity = ProcessIdentity.current()
        self._seq = itertools.count()
        self._open: dict[str, Change] = {}
        """Calls begun and not finished: a database made anew has to have them."""
        self._abandoned: dict[str, UnwrittenFile] = {}
        self._unwritten = self._open_unwritten()
        self._seen_at = -SEEN_EVERY_S
        self._seen()
        with database.write(BUSY_TIMEOUT_S) as conn:
            self._heartbeat(conn)
        database.on_seen, database.on_new = self._seen, self._write_open
        self._writer = RecordWriter(database, self._heartbeat, HEARTBEAT_S, self._unwritten)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        folder: Path | None = None,
        wall: Callable[[], float] = time.time,
        subscriptions: Sequence[Subscription] = (),
    ) -> Self:
        """Open the database, creating it if missing. `url` may also be the plain path of an SQLite file.

        What a process that is gone could not write is written, and rows that it left open are marked as crashed.
        `folder` is for what cannot be written; that of the SQLite file if it is None. `wall` is Unix time in seconds,
        `subscriptions` says which events of calls are put into the outbox. Raises UserError.
        """
        database = RecordsDatabase.open(url)
        if folder is None and database.path is not None:
            folder = database.path.parent
        try:
            return cls(database, folder, wall, subscriptions)
        except SQLAlchemyError as error:
            raise database.closed_after(error) from error

    @property
    def owner(self) -> str:
        """Our process, as rows of calls and of the outbox name it."""
        return self._me

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
        unrecorded. It may be called again with what has become known since.
        """
        before = self._open.get(record.uniqueid)
        was_answered = before is not None and before.content["row"]["answer"] is not None
        is_answered = record.answer is not None and not was_answered
        types = [*([STARTED] if before is None else []), *([ANSWERED] if is_answered else [])]
        change = self._call_change(record, types, is_open=True)
        self._open[record.uniqueid] = call_change(record, is_open=True, owner=self._me)
        return self._put_outgoing(change)

    def finish(self, record: CallRecord) -> "Future[bool]":
        """Write the final record of a call, begun or not. A transcript in it replaces the lines of `turn`."""
        is_new = self._open.pop(record.uniqueid, None) is None
        types = [*([STARTED] if is_new else []), ENDED]
        return self._put_outgoing(self._call_change(record, types, is_open=False))

    def notify(self, event: OutboxEvent) -> "Future[bool]":
        """Put an event into the outbox, for who gets those of its type; true once it would survive a crash."""
        change = self._outgoing.event_change(event, self._wall())
        return _nothing_to_do() if change is None else self._put_outgoing(change)

    def complete(self, event_id: str, data: Mapping[str, Any]) -> "Future[bool]":
        """Add to the data of an event that is held for it, which may go now."""
        return self._put_outgoing(completed_change(event_id, data))

    def settle(self, job: Job) -> "Future[bool]":
        """Note what became of a row of the outbox, with others, within half a second. False: it is not noted."""
        return self._writer.put(job, minor=True)

    def _call_change(self, record: CallRecord, types: Sequence[str], *, is_open: bool) -> Change:
        outgoing = self._outgoing.of_call(record.uniqueid, types, self._wall())
        return call_change(record, is_open=is_open, owner=self._me, outgoing=outgoing)

    def _put_outgoing(self, change: Change) -> "Future[bool]":
        future = self._writer.put(change)
        if self._outgoing.subscriptions:
            future.add_done_callback(lambda _: self.on_outgoing())
        return future

    def turn(self, uniqueid: str, line: TranscriptLine) -> None:
        """Add a line to a call's transcript."""
        self._writer.put(line_change(uniqueid, next(self._seq), line), minor=True)

    def timeline(self, uniqueid: str, events: Events) -> None:
        """Store the timeline of a call that has ended."""
        self._writer.put(timeline_change(uniqueid, events), minor=True)

    def signalling(self, trace: Callable[[], dict[str, Any]]) -> bool:
        """Store the SIP messages of a call that has ended; `trace` makes them in the writer's thread. False: they are
        left out, because too many writes wait, and calls come first."""
        if self._writer.queued >= MAX_SIGNALLING_QUEUED:
            return False
        self._writer.put(lambda conn: put_trace(conn, trace()), minor=True)
        return True

    def forget_signalling(self, before: float) -> None:
        """Delete the SIP messages of calls that began before a Unix time, and the oldest of too many."""
        self._writer.put(lambda conn: forget_traces(conn, before), minor=True)

    def change(self, job: Callable[[Connection], None]) -> "Future[bool]":
        """Run a job in the writer's thread, in a transaction; the future is true when it is committed."""
        return self._writer.put(job, minor=True)

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
            with suppress(SQLAlchemyError, OSError), self._database.write() as conn:
                close_calls_of(conn, self._me, self._wall(), self._outgoing, self._wall())
                conn.execute(delete(owners_table).where(owners_table.c.owner == self._me))
        if self._unwritten is not None:
            self._unwritten.close(remove=self._unwritten.empty)
            self._unwritten = None
        self._database.engine.dispose()
        return complete

    def calls(self, limit: int = 100, *, before: str | None = None) -> list[CallRecord]:
        """The latest calls, newest first, without transcripts. `before`: those with an earlier `start`."""
        query = select(calls_table).order_by(calls_table.c.start.desc(), calls_table.c.uniqueid)
        if before is not None:
            query = query.where(calls_table.c.start < before)
        with self._database.engine.connect() as conn:
            rows = conn.execute(query.limit(max(0, min(limit, MAX_LISTED)))).mappings().all()
        return [record_from(dict(row)) for row in rows]

    def call(self, uniqueid: str) -> CallRecord | None:
        """One call with its transcript."""
        with self._database.engine.connect() as conn:
            found = conn.execute(select(calls_table).where(calls_table.c.uniqueid == uniqueid)).mappings().first()
            if found is None:
                return None
            return replace(record_from(dict(found)), transcript=read_lines(conn, uniqueid))

    def transcript(self, uniqueid: str) -> tuple[TranscriptLine, ...]:
        """A call's transcript in order; empty for an unknown call."""
        with self._database.engine.connect() as conn:
            return read_lines(conn, uniqueid)

    def read(self, query: Callable[[Connection], T]) -> T:
        """The result of a read-only query."""
        with self._database.engine.connect() as conn:
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
        self._take_over(conn)
        for other in conn.execute(select(owners_table).where(owners_table.c.owner != self._me)).mappings().all():
            if self._is_gone(dict(other)):
                close_calls_of(conn, other["owner"], other["heartbeat"], self._outgoing, self._wall())
                conn.execute(delete(owners_table).where(owners_table.c.owner == other["owner"]))
        close_ownerless(conn, self._outgoing, self._wall())
        receivers = {each.receiver for each in self._outgoing.subscriptions}
        adopt(conn, self._me, receivers)
        if (count := forget_unknown(conn, self._me, receivers, self._wall())) > 0:
            log.warning("old events are deleted whose receivers the settings do not name any more", events=count)

    def _take_over(self, conn: Connection) -> None:
        """Apply what processes that are gone could not write, and close their calls."""
        if self._folder is not None:
            self._abandoned |= {file.owner: file for file in UnwrittenFile.abandoned(self._folder)}
        for owner, file in self._abandoned.items():
            for change in file.changes():
                with suppress(*PERMANENT), conn.begin_nested():
                    change(conn)
            close_calls_of(conn, owner, file.seen_at, self._outgoing, self._wall())
            conn.execute(delete(owners_table).where(owners_table.c.owner == owner))
        self._database.after_commit.append(self._remove_abandoned)

    def _remove_abandoned(self) -> None:
        for file in self._abandoned.values():
            file.close(remove=True)
        self._abandoned.clear()

    def _open_unwritten(self) -> UnwrittenFile | None:
        if self._folder is None:
            return None
        try:
            return UnwrittenFile.create(self._folder, self._me)
        except OSError as error:
            log.warning("call records that the database cannot take will wait in memory only", why=str(error))
            return None

    def _seen(self) -> None:
        if self._unwritten is not None and time.monotonic() - self._seen_at >= SEEN_EVERY_S:
            self._seen_at = time.monotonic()
            self._unwritten.seen(self._wall())

    def _write_open(self, conn: Connection) -> None:
        """The database is a new one."""
        self._heartbeat(conn)
        for change in list(self._open.values()):
            change(conn)

    def _is_gone(self, row: dict[str, Any]) -> bool:
        other = ProcessIdentity(row["host"], row["boot"], row["namespace"], row["pid"], int(row["started"]))
        running = other.seen_running(self._identity)
        if running is None:
            return bool(row["heartbeat"] < self._wall() - STALE_S)
        return not running


def _nothing_to_do() -> "Future[bool]":
    future: Future[bool] = Future()
    future.set_result(True)
    return future
