"""A change of the records as a value: it is applied to the database, or kept as a line of a file until it can be."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection

from offhook.records.cdr import CallRecord, TranscriptLine
from offhook.records.outbox import OutboxEvent, Subscription, call_events, complete_event, put_events
from offhook.records.schema import call_row, calls_table, line_row, put_lines, put_row, transcript_table
from offhook.records.timeline import Events, put_timeline


@dataclass(frozen=True, slots=True)
class Change:
    """One write of a call's row, of a transcript line, of a timeline, or of an event for others. Applying it again
    changes nothing, as long as what it has put into the outbox is there."""

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


def call_change(record: CallRecord, *, is_open: bool, owner: str, outgoing: Mapping[str, Any] | None = None) -> Change:
    """The row of a call, its whole transcript if the record has one, and what others get of it (`Outgoing.of_call`)."""
    lines = [line_row(record.uniqueid, seq, line) for seq, line in enumerate(record.transcript)]
    row = call_row(record, is_open=is_open, owner=owner)
    return Change("call", {"row": row, "lines": lines, **({"outgoing": outgoing} if outgoing else {})})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Which events are put into the outbox, and who gets them."""

    subscriptions: tuple[Subscription, ...]
    owner: str

    def of_call(self, uniqueid: str, types: Sequence[str], at: float) -> dict[str, Any] | None:
        """Events about a call's record, for `call_change`; None if nobody gets any."""
        wanted = [type_ for type_ in types if any(type_ in each.types for each in self.subscriptions)]
        events = [event | {"at": at} for event in call_events(uniqueid, wanted)]
        return {"events": events, "for": self._plain(), "owner": self.owner} if events else None

    def event_change(self, event: OutboxEvent, at: float) -> Change | None:
        """An event of its own; None if nobody gets it."""
        if not any(event.type in each.types for each in self.subscriptions):
            return None
        plain = {"id": event.id, "type": event.type, "data": dict(event.data), "at": at, "hold_s": event.hold_s}
        return Change(
            "event", {"uniqueid": event.uniqueid, "events": [plain], "for": self._plain(), "owner": self.owner}
        )

    def put(self, conn: Connection, uniqueid: str, types: Sequence[str], at: float) -> None:
        """Put events about a call's record into the outbox."""
        if (outgoing := self.of_call(uniqueid, types, at)) is not None:
            _put_outgoing(conn, {"uniqueid": uniqueid, **outgoing})

    def _plain(self) -> list[dict[str, Any]]:
        return [
            {"receiver": each.receiver, "types": sorted(each.types), "transcript": each.transcript}
            for each in self.subscriptions
        ]


def completed_change(id_: str, data: Mapping[str, Any]) -> Change:
    """What was still missing in an event."""
    return Change("completed", {"id": id_, "data": dict(data)})


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
    if (outgoing := content.get("outgoing")) is not None:
        _put_outgoing(conn, {"uniqueid": row["uniqueid"], **outgoing})


def _put_outgoing(conn: Connection, content: Mapping[str, Any]) -> None:
    put_events(conn, content["uniqueid"], content["events"], content["for"], content["owner"])


_APPLY: Mapping[str, Callable[[Connection, Mapping[str, Any]], None]] = {
    "call": _put_call,
    "line": lambda conn, row: put_row(conn, transcript_table, row),
    "timeline": lambda conn, content: put_timeline(conn, content["uniqueid"], content["events"]),
    "event": _put_outgoing,
    "completed": lambda conn, content: complete_event(conn, content["id"], content["data"]),
}
