"""The SIP messages of calls, beside their records: one row a Call-ID, written shortly after its end.

They are kept without secrets (`ladder.redact`), for so many days, and no more than `MAX_KEPT`.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Float, Index, LargeBinary, String, Table, Text, delete, func, or_, select

from offhook.ladder.kept import key_of
from offhook.records.cdr import MAX_NAME_CHARS, clean_text
from offhook.records.schema import metadata, put_row

MAX_CONTENT_BYTES = 2**20
"""Of a row, once it is read. What we write is far below."""
MAX_ROW_BYTES = 16_384
"""Of a row, deflated; a call of ten messages takes 2,000."""
MAX_KEPT = 250_000
"""Rows in all, so that at most 4 GB are taken, and about 500 MB usually."""
MAX_ROWS = 32
"""Of one call: its own, and those of its legs."""

signalling_table = Table(
    "signalling",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("at", Float, nullable=False),  # Unix time of the first message
    Column("messages", LargeBinary, nullable=False),  # JSON, deflated
    Index("signalling_by_call_id", "call_id"),
    Index("signalling_by_root", "root"),
    Index("signalling_by_at", "at"),
)


def put_trace(conn: Connection, trace: Mapping[str, Any]) -> None:
    """Write the messages of a Call-ID (`KeptMessages.to_dict`). Repeatable."""
    if not trace["messages"]:
        return
    row = {
        "id": key_of(trace),
        "call_id": clean_text(trace["call_id"], MAX_NAME_CHARS),
        "root": clean_text(trace["root"], MAX_NAME_CHARS),
        "at": trace["messages"][0]["at_s"],
        "messages": _content(trace),
    }
    put_row(conn, signalling_table, row)


def _content(trace: Mapping[str, Any]) -> bytes:
    """A row's messages, in the middle fewer of them if they take too much: noise cannot be deflated."""
    while True:
        content = zlib.compress(json.dumps(trace, separators=(",", ":")).encode())
        messages = trace["messages"]
        if len(content) <= MAX_ROW_BYTES or len(messages) < 3:
            return content
        kept = [*messages[: (len(messages) + 2) // 4], *messages[-(len(messages) // 4 + 1) :]]
        trace = {**trace, "messages": kept, "omitted": trace["omitted"] + len(messages) - len(kept)}


def read_traces(conn: Connection, call_id: str, since: float = 0.0, until: float | None = None) -> list[dict[str, Any]]:
    """The messages of a call with all its legs, by any leg's Call-ID, as far as it began between two Unix times: a
    Call-ID may be used again."""
    table = signalling_table
    call_id = clean_text(call_id, MAX_NAME_CHARS)
    before = [table.c.at <= until] if until is not None else []
    own = select(table.c.root, table.c.at).where(table.c.call_id == call_id, table.c.at >= since, *before)
    roots = set()
    for root, at in conn.execute(own.limit(MAX_ROWS)).all():
        roots.add(root)
        if root != call_id:
            since = min(since, _began(conn, root, at))
    wanted = or_(table.c.call_id == call_id, table.c.root.in_(roots))
    query = select(table.c.messages).where(wanted, table.c.at >= since, *before).order_by(table.c.at).limit(MAX_ROWS)
    return _read(conn.execute(query).scalars().all())


def _began(conn: Connection, root: str, leg_at: float) -> float:
    """When the call began of which a leg began then; the time of the leg if the call is not there."""
    table = signalling_table
    latest = select(func.max(table.c.at)).where(table.c.call_id == root, table.c.at <= leg_at)
    found = conn.execute(latest).scalar()
    return leg_at if found is None else float(found)


def forget_traces(conn: Connection, before: float) -> None:
    """Delete those that began before a Unix time, and the oldest ones of more than `MAX_KEPT`."""
    table = signalling_table
    newest = select(table.c.at).order_by(table.c.at.desc()).offset(MAX_KEPT).limit(1)
    beyond = conn.execute(newest).scalar()
    conn.execute(delete(table).where(table.c.at < before))
    if beyond is not None:
        conn.execute(delete(table).where(table.c.at <= beyond))


def _read(rows: Sequence[bytes]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        try:
            trace = json.loads(zlib.decompressobj().decompress(row, MAX_CONTENT_BYTES))
            if trace["messages"]:
                found.append(trace)
        except (zlib.error, ValueError, KeyError, TypeError):
            continue  # others may have written to the database
    return found
