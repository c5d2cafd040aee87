"""A change of the records as a value: it is applied to the database, or kept as a line of a file until it can be."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection

from offhook.records.cdr import CallRecord, TranscriptLine
from offhook.records.schema import call_row, calls_table, line_row, put_lines, put_row, transcript_table
from offhook.records.timeline import Events, put_timeline


@dataclass(frozen=True, slots=True)
class Change:
    """One write of a call's row, of a transcript line, or of a timeline. Applying it again changes nothing."""

    kind: str
    content: Mapping[str, Any]

    def __call__(self, conn: Connection) -> None:
        """Apply it. Raises SQLAlchemyError, TypeError, ValueError, KeyError."""
        _APPLY[self.kind](conn, self.content)

    def to_line(self) -> bytes:
        """As a line of JSON. Raises TypeError, ValueError for what JSON cannot hold."""
        return json.dumps([self.kind, self.content], separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """The inverse of `to_line`; None for anything else, such as a line that was cut off."""
        try:
            kind, content = json.loads(line)
        except (ValueError, TypeError):
            return None
        return cls(kind, content) if kind in _APPLY and isinstance(content, dict) else None


def call_change(record: CallRecord, *, is_open: bool, owner: str) -> Change:
    """The row of a call, and its whole transcript if the record has one."""
    lines = [line_row(record.uniqueid, seq, line) for seq, line in enumerate(record.transcript)]
    return Change("call", {"row": call_row(record, is_open=is_open, owner=owner), "lines": lines})


def line_change(uniqueid: str, seq: int, line: TranscriptLine) -> Change:
    """One line of a transcript."""
    return Change("line", line_row(uniqueid, seq, line))


def timeline_change(uniqueid: str, events: Events) -> Change:
    """The timeline of a call that has ended."""
    return Change("timeline", {"uniqueid": uniqueid, "events": [dict(event) for event in events]})


def _put_call(conn: Connection, content: Mapping[str, Any]) -> None:
    row: Mapping[str, Any] = content["row"]
    put_row(conn, calls_table, row)
    lines: Sequence[Mapping[str, Any]] = content["lines"]
    if lines:
        put_lines(conn, row["uniqueid"], lines)


_APPLY: Mapping[str, Callable[[Connection, Mapping[str, Any]], None]] = {
    "call": _put_call,
    "line": lambda conn, row: put_row(conn, transcript_table, row),
    "timeline": lambda conn, content: put_timeline(conn, content["uniqueid"], content["events"]),
}
