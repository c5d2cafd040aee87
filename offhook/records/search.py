"""Searches calls and computes figures over them. Everything here blocks on the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from offhook.records.cdr import CallRecord, percentile
from offhook.records.schema import calls_table, record_from, transcript_table
from offhook.records.timeline import timelines_table

MAX_FOUND = 200
MAX_COUNTED = 5_000
"""The most calls that go into figures: the latest ones of the period."""
BUCKETS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """A search. `text` is searched in numbers, ids and words; times are as in records, `until` is exclusive."""

    text: str = ""
    since: str | None = None
    until: str | None = None
    outcome: str | None = None
    """A disposition ("ANSWERED"), or who ended the call ("caller", "crash")."""
    barge_in: bool = False
    recorded: bool = False
    calls: frozenset[str] | None = None
    """Only these, by their ids."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The start of the next page: after this call."""

    start: str
    uniqueid: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """The figures of one time slot; `start` is ISO 8601. Percentiles without values are None."""

    start: str
    calls: int
    response_p50_ms: float | None
    response_p95_ms: float | None
    barge_in_p50_ms: float | None
    barge_in_p95_ms: float | None


def find_calls(conn: Connection, wanted: CallFilter, limit: int, after: Cursor | None = None) -> list[CallRecord]:
    """The latest matching calls, newest first, without transcripts."""
    table = calls_table
    conditions = _conditions(wanted)
    if after is not None:
        same = and_(table.c.start == after.start, table.c.uniqueid > after.uniqueid)
        conditions.append(or_(table.c.start < after.start, same))
    query = select(table).where(*conditions).order_by(table.c.start.desc(), table.c.uniqueid)
    rows = conn.execute(query.limit(max(1, min(limit, MAX_FOUND)))).mappings().all()
    return [record_from(dict(row)) for row in rows]


def engines_since(conn: Connection, start: str) -> list[dict[str, Any]]:
    """What each engine did in each call since then, as in `CallRecord.engines`."""
    query = select(calls_table.c.engines).where(calls_table.c.start >= start)
    return [each for engines in conn.execute(query).scalars() for each in engines or ()]


def figures(conn: Connection, wanted: CallFilter) -> list[Bucket]:
    """Percentiles over time of the matching calls, oldest first, in at most `BUCKETS` slots of equal length."""
    table, lines = calls_table, timelines_table
    columns = [table.c.start, lines.c.response_ms, lines.c.barge_in_ms]
    query = select(*columns).join(lines, lines.c.uniqueid == table.c.uniqueid).where(*_conditions(wanted))
    rows = conn.execute(query.order_by(table.c.start.desc()).limit(MAX_COUNTED)).all()
    if not rows:
        return []
    starts = [datetime.fromisoformat(row[0]) for row in rows]
    first, last = min(starts), max(starts)
    width = max(timedelta(minutes=1), (last - first) / (BUCKETS - 1))
    stretches: dict[int, list[tuple[Sequence[float], Sequence[float]]]] = {}
    for start, row in zip(starts, rows, strict=True):
        stretches.setdefault(int((start - first) / width), []).append((row[1], row[2]))
    return [_bucket(first + index * width, stretches[index]) for index in sorted(stretches)]


def _bucket(start: datetime, calls: list[tuple[Sequence[float], Sequence[float]]]) -> Bucket:
    responses = [ms for response_ms, _ in calls for ms in response_ms]
    barge_ins = [ms for _, barge_in_ms in calls for ms in barge_in_ms]
    return Bucket(
        start.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        len(calls),
        percentile(responses, 50),
        percentile(responses, 95),
        percentile(barge_ins, 50),
        percentile(barge_ins, 95),
    )


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    table, lines = calls_table, transcript_table
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        said = select(lines.c.uniqueid).where(lines.c.text.icontains(wanted.text, autoescape=True))
        columns = (table.c.src, table.c.dst, table.c.uniqueid, table.c.call_id)
        in_call = [column.icontains(wanted.text, autoescape=True) for column in columns]
        found.append(or_(*in_call, table.c.uniqueid.in_(said)))
    if wanted.since:
        found.append(table.c.start >= wanted.since)
    if wanted.until:
        found.append(table.c.start < wanted.until)
    if wanted.outcome:
        found.append(or_(table.c.disposition == wanted.outcome, table.c.ended_by == wanted.outcome))
    if wanted.barge_in:
        found.append(table.c.barge_ins > 0)
    if wanted.recorded:
        found.append(table.c.recording.is_not(None))
    if wanted.calls is not None:
        found.append(table.c.uniqueid.in_(sorted(wanted.calls)))
    return found
