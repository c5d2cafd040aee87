"""A call's timeline of events, for the page that shows it: JSON beside the record.

It has more detail than the transcript, but is only written at the call's end, so that a crash loses it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Connection, String, Table, select

from offhook.records.schema import metadata, put_row

timelines_table = Table(
    "timelines",
    metadata,
    Column("uniqueid", String(64), primary_key=True),
    Column("events", JSON, nullable=False),
    # A separate table, so that figures over many calls need not read their events.
    Column("response_ms", JSON, nullable=False),
    Column("barge_in_ms", JSON, nullable=False),
)

Events = Sequence[Mapping[str, Any]]


def put_timeline(conn: Connection, uniqueid: str, events: Events) -> None:
    """Write a call's events, each with `kind` and `at`."""
    row = {
        "uniqueid": uniqueid,
        "events": [dict(event) for event in events],
        "response_ms": [event["response_ms"] for event in events if event["kind"] == "turn"],
        "barge_in_ms": [event["silent_ms"] for event in events if event["kind"] == "barge_in"],
    }
    put_row(conn, timelines_table, row)


def read_timeline(conn: Connection, uniqueid: str) -> list[dict[str, Any]]:
    """A call's events in order; empty if there are none."""
    query = select(timelines_table.c.events).where(timelines_table.c.uniqueid == uniqueid)
    return list(conn.execute(query).scalars().first() or ())
