"""Closes the rows of calls whose process is gone, as well as it is known when they ended."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from offhook.records.cdr import CallClock, EndedBy
from offhook.records.changes import Outgoing
from offhook.records.outbox import ENDED
from offhook.records.schema import calls_table, owners_table, transcript_table


def close_calls_of(conn: Connection, owner: str, seen_at: float | None, outgoing: Outgoing, now: float) -> None:
    """Close the calls that `owner` left open; it was last seen at that Unix time, if that is known. `now` is Unix time:
    that of the event that they have ended."""
    _close(conn, calls_table.c.owner == owner, seen_at, outgoing, now)


def close_ownerless(conn: Connection, outgoing: Outgoing, now: float) -> None:
    """Close the open calls whose owner has no row any more."""
    _close(conn, calls_table.c.owner.not_in(select(owners_table.c.owner)), None, outgoing, now)


def _close(conn: Connection, whose: ColumnElement[bool], seen_at: float | None, outgoing: Outgoing, now: float) -> None:
    last_line = select(func.max(transcript_table.c.at_s)).where(transcript_table.c.uniqueid == calls_table.c.uniqueid)
    query = select(calls_table.c.uniqueid, calls_table.c.start, calls_table.c.answer, last_line.scalar_subquery())
    for uniqueid, start, answer, last_line_s in conn.execute(query.where(calls_table.c.is_open & whose)).all():
        row = _end(start, answer, last_line_s, seen_at)
        conn.execute(update(calls_table).where(calls_table.c.uniqueid == uniqueid).values(row))
        outgoing.put(conn, uniqueid, (ENDED,), now)


def _end(start: str, answer: str | None, last_line_s: float | None, seen_at: float | None) -> dict[str, Any]:
    """The call lasted at least until its last line, and until its process was last seen."""
    clock = CallClock.of(start, 0.0)
    answered_s = (datetime.fromisoformat(answer) - clock.start_wall).total_seconds() if answer else 0.0
    seen_s = 0.0 if seen_at is None else (datetime.fromtimestamp(seen_at, UTC) - clock.start_wall).total_seconds()
    end_s = max(0.0, answered_s, last_line_s or 0.0, seen_s)
    crash = str(EndedBy.CRASH)
    return {
        "is_open": False,
        "ended_by": crash,
        "end_reason": crash,
        "end": clock.wall(end_s),
        "duration": clock.elapsed_s(end_s),
        "billsec": round(max(0.0, end_s - answered_s), 3) if answer else 0.0,
        # The recorder writes every half second.
        "recording_truncated": calls_table.c.recording.is_not(None),
    }
