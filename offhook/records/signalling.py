"""The SIP messages of calls, beside their records: one row a Call-ID, written shortly after its end.

They are kept without secrets (`ladder.redact`), and for so many days.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Float, Index, LargeBinary, String, Table, Text, delete, insert, or_, select

from offhook.ladder.kept import key_of
from offhook.records.cdr import MAX_NAME_CHARS, clean_text
from offhook.records.schema import metadata

MAX_CONTENT_BYTES = 2**20
"""Of a row, once it is read. What we write is far below."""
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
    key = key_of(trace)
    content = zlib.compress(json.dumps(trace, separators=(",", ":")).encode())
    conn.execute(delete(signalling_table).where(signalling_table.c.id == key))
    conn.execute(
        insert(signalling_table),
        {
            "id": key,
            "call_id": clean_text(trace["call_id"], MAX_NAME_CHARS),
            "root": clean_text(trace["root"], MAX_NAME_CHARS),
            "at": trace["messages"][0]["at_s"],
            "messages": content,
        },
    )


def read_traces(conn: Connection, call_id: str, since: float = 0.0, until: float | None = None) -> list[dict[str, Any]]:
    """The messages of a call with all its legs, by any leg's Call-ID, as far as it began between two Unix times: a
    Call-ID may be used again."""
    table = signalling_table
    call_id = clean_text(call_id, MAX_NAME_CHARS)
    within = [table.c.at >= since, *([table.c.at <= until] if until is not None else [])]
    roots = set(conn.execute(select(table.c.root).where(table.c.call_id == call_id, *within).limit(MAX_ROWS)).scalars())
    wanted = or_(table.c.call_id == call_id, table.c.root.in_(roots))
    query = select(table.c.messages).where(wanted, *within).order_by(table.c.at).limit(MAX_ROWS)
    return _read(conn.execute(query).scalars().all())


def forget_traces(conn: Connection, before: float) -> None:
    """Delete those that began before a Unix time."""
    conn.execute(delete(signalling_table).where(signalling_table.c.at < before))


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
