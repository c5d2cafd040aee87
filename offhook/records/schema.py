"""The tables of the records, and the conversion between rows and values. The types suit any database."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from offhook.records.cdr import MAX_NAME_CHARS, CallRecord, TranscriptLine, clean_text

SCHEMA_VERSION = 10

metadata = MetaData()

version_table = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

owners_table = Table(
    "owners",
    metadata,
    Column("owner", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),  # ticks since boot exceed 32 bits after some months
    Column("heartbeat", Float, nullable=False),  # Unix time
)

calls_table = Table(
    "calls",
    metadata,
    Column("uniqueid", String(64), primary_key=True),
    Column("src", Text, nullable=False),
    Column("dst", Text, nullable=False),
    Column("start", String(32), nullable=False),
    Column("answer", String(32)),
    Column("end", String(32)),
    Column("duration", Float, nullable=False),
    Column("billsec", Float, nullable=False),
    Column("disposition", String(16), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("transport", String(16), nullable=False),
    Column("call_id", Text, nullable=False),
    Column("ended_by", String(16)),
    Column("end_reason", Text),
    Column("turns", Integer, nullable=False),
    Column("barge_ins", Integer, nullable=False),
    Column("response_p50_ms", Float),
    Column("response_p95_ms", Float),
    Column("rtp", JSON, nullable=False),
    Column("recording", Text),
    Column("recording_truncated", Boolean, nullable=False),
    Column("engines", JSON),
    Column("agent", JSON(none_as_null=True)),
    Column("trunk", String(64)),
    Column("outcome", String(32)),
    Column("sip_status", Integer),
    Column("q850", Integer),
    Column("ring_s", Float),
    Column("answered_by", String(32)),
    Column("early_media_s", Float),
    Column("consent", String(16)),
    Column("part_of", String(64)),
    Column("queue", String(64)),
    Column("queue_wait_s", Float),
    Column("queue_agent", Text),
    Column("is_open", Boolean, nullable=False),
    Column("owner", String(32), nullable=False),
    Index("calls_by_start", "start"),
    Index("calls_by_is_open", "is_open"),
)

transcript_table = Table(
    "transcript",
    metadata,
    Column("uniqueid", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at_s", Float, nullable=False),
    Column("who", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("heard", Text),
    Column("unheard", Text),
    Column("final", Boolean, nullable=False),
    Column("confidence", Float),
    Column("choice", Text),
    Column("typed", Boolean, nullable=False),
    Column("rejected", Boolean, nullable=False),
    Column("value", Text),
    Column("engine", Text),
)

outbox_table = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(128), nullable=False),
    Column("receiver", String(64), nullable=False),
    Column("uniqueid", String(64), nullable=False),
    Column("type", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("owner", String(32), nullable=False),
    Column("since", Float, nullable=False),  # Unix time
    Column("due", Float, nullable=False),  # Unix time; 0: at once, even where the receiver is gone
    Column("attempts", Integer, nullable=False),
    Column("problem", Text),
    Column("given_up", Boolean, nullable=False),
    Column("body_bytes", Integer, nullable=False),
    UniqueConstraint("id", "receiver"),
    Index("outbox_by_receiver", "receiver", "owner", "given_up", "uniqueid", "seq"),
    # All that sums are made of: bodies need not be read for them.
    Index("outbox_by_size", "receiver", "given_up", "owner", "seq", "body_bytes", "since"),
    # A late job for a row that is gone must not meet a new one with its number.
    sqlite_autoincrement=True,
)

_QUEUED = (calls_table.c.queue, calls_table.c.queue_wait_s, calls_table.c.queue_agent)
_WHOSE = (calls_table.c.consent, calls_table.c.part_of, *_QUEUED)
_EARLY = (calls_table.c.early_media_s, *_WHOSE)
_WHO = (calls_table.c.ring_s, calls_table.c.answered_by, *_EARLY)
_OUT = (calls_table.c.trunk, calls_table.c.outcome, calls_table.c.sip_status, calls_table.c.q850, *_WHO)

ADDED = {
    3: (transcript_table.c.value, calls_table.c.engines, calls_table.c.agent, transcript_table.c.engine, *_OUT),
    4: (calls_table.c.engines, calls_table.c.agent, transcript_table.c.engine, *_OUT),
    5: (calls_table.c.agent, *_OUT),
    6: _OUT,
    7: _WHO,
    8: _EARLY,
    9: _WHOSE,
}
"""By version: the columns that came after it. All may be null, so that older tables can be taken over."""

_KEY = "the_"
"""Distinguishes a primary key's parameter from the column's new value."""

_NOT_OF_THE_RECORD = ("is_open", "owner")


def call_row(record: CallRecord, *, is_open: bool, owner: str) -> dict[str, Any]:
    """The row of a record, with its texts made safe to store."""
    row: dict[str, Any] = record.to_dict()
    del row["transcript"]
    for name, value in row.items():
        if isinstance(value, str):
            # Numbers and Call-IDs have their own limit; paths and reasons get that of a transcript line.
            row[name] = clean_text(value, MAX_NAME_CHARS) if name in ("src", "dst", "call_id") else clean_text(value)
    return row | {"is_open": is_open, "owner": owner}


def record_from(row: Mapping[str, Any]) -> CallRecord:
    """The inverse of `call_row`, without the transcript."""
    return CallRecord.from_dict({name: value for name, value in row.items() if name not in _NOT_OF_THE_RECORD})


def line_row(uniqueid: str, seq: int, line: TranscriptLine) -> dict[str, Any]:
    """The row of one line."""
    return {
        "uniqueid": uniqueid,
        "seq": seq,
        "at_s": line.at_s,
        "who": clean_text(line.who, 16),
        "text": clean_text(line.text),
        "heard": None if line.heard is None else clean_text(line.heard),
        "unheard": None if line.unheard is None else clean_text(line.unheard),
        "final": line.final,
        "confidence": line.confidence,
        "choice": None if line.choice is None else clean_text(line.choice),
        "typed": line.typed,
        "rejected": line.rejected,
        "value": None if line.value is None else clean_text(line.value),
        "engine": None if line.engine is None else clean_text(line.engine, MAX_NAME_CHARS),
    }


def put_row(conn: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or overwrite the one with its primary key, in SQL for any database. Repeatable."""
    same = {_KEY + column.name: row[column.name] for column in table.primary_key}
    if conn.execute(_overwrite(table), {**row, **same}).rowcount == 0:
        conn.execute(insert(table), row)


@cache
def _overwrite(table: Table) -> Update:
    """Cached: building a statement takes longer than running it."""
    return update(table).where(*(column == bindparam(_KEY + column.name) for column in table.primary_key))


def put_lines(conn: Connection, uniqueid: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace a call's whole transcript by these rows (`line_row`)."""
    conn.execute(delete(transcript_table).where(transcript_table.c.uniqueid == uniqueid))
    conn.execute(insert(transcript_table), list(rows))


def read_lines(conn: Connection, uniqueid: str) -> tuple[TranscriptLine, ...]:
    """A call's transcript in the order of time."""
    table = transcript_table
    wanted = [
        table.c.at_s,
        table.c.who,
        table.c.text,
        table.c.heard,
        table.c.unheard,
        table.c.final,
        table.c.confidence,
        table.c.choice,
        table.c.typed,
        table.c.rejected,
        table.c.value,
        table.c.engine,
    ]
    query = select(*wanted).where(table.c.uniqueid == uniqueid).order_by(table.c.at_s, table.c.seq)
    return tuple(TranscriptLine(*row) for row in conn.execute(query))
