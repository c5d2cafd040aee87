"""Deletes what the database has of calls: by their age, or all of certain calls."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, delete, exists, select

from offhook.records.schema import calls_table, metadata, outbox_table, transcript_table
from offhook.records.signalling import signalling_table
from offhook.records.timeline import timelines_table

MAX_AT_ONCE = 500
"""Calls in one transaction: others wait for it."""

_WITH_WORDS = (transcript_table, timelines_table, outbox_table)


def wall_time(unix_s: float) -> str:
    """A Unix time as records have it."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def calls_before(conn: Connection, before_s: float, but: Collection[str] = ()) -> list[str]:
    """The oldest calls that began before a Unix time, and are over, without those of `but`."""
    table = calls_table
    query = select(table.c.uniqueid).where(table.c.start < wall_time(before_s), table.c.is_open.is_(False))
    found = conn.execute(query.order_by(table.c.start).limit(MAX_AT_ONCE + len(but))).scalars()
    return [each for each in found if each not in but][:MAX_AT_ONCE]


def forget_calls(conn: Connection, calls: Collection[str]) -> None:
    """Delete all that the database has of these calls, what others have not got of them included."""
    call_ids = conn.execute(select(calls_table.c.call_id).where(calls_table.c.uniqueid.in_(calls))).scalars().all()
    signalling = signalling_table
    named = [each for each in call_ids if each]
    conn.execute(delete(signalling).where(signalling.c.call_id.in_(named) | signalling.c.root.in_(named)))
    for table in metadata.sorted_tables:
        if "uniqueid" in table.columns:
            conn.execute(delete(table).where(table.c.uniqueid.in_(calls)))


def forget_words(conn: Connection, before_s: float) -> int:
    """Delete the transcripts and timelines of calls that began before a Unix time, and are over, and what others have
    not got of them: of `MAX_AT_ONCE` of each at most. Returns of how many."""
    return sum(_forget_words_in(conn, table, before_s) for table in _WITH_WORDS)


def forget_events_without_call(conn: Connection, before_s: float) -> int:
    """Delete what others have not got, of before a Unix time, where the call has no record: it is about a call-back
    that outlives it. `MAX_AT_ONCE` of them at most. Returns how many."""
    table = outbox_table
    has_call = exists().where(calls_table.c.uniqueid == table.c.uniqueid)
    query = select(table.c.seq).where(table.c.since < before_s, ~has_call)
    found = list(conn.execute(query.order_by(table.c.seq).limit(MAX_AT_ONCE)).scalars())
    conn.execute(delete(table).where(table.c.seq.in_(found)))
    return len(found)


def _forget_words_in(conn: Connection, table: Table, before_s: float) -> int:
    calls = calls_table
    query = select(table.c.uniqueid).distinct().join(calls, calls.c.uniqueid == table.c.uniqueid)
    query = query.where(calls.c.start < wall_time(before_s), calls.c.is_open.is_(False))
    found = list(conn.execute(query.limit(MAX_AT_ONCE)).scalars())
    if found:
        conn.execute(delete(table).where(table.c.uniqueid.in_(found)))
    return len(found)
