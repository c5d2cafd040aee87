"""The outbox: events of calls that others must get, one row for each event and receiver, until it is delivered.

A row is written in the same transaction as the record that it is about, so that none can be without the other. It
belongs to a process, as an open call does (`owners`): that one alone delivers it, and when it is gone another one takes
over. A number that is never used again (`seq`) orders the events of a call.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, delete, func, insert, or_, select, update

from offhook.records.cdr import MAX_NAME_CHARS, clean_text
from offhook.records.schema import calls_table, outbox_table, owners_table, read_lines

STARTED, ANSWERED, ENDED = "call.started", "call.answered", "call.ended"
TRANSFERRED, MESSAGE = "call.transferred", "message.left"
QUEUE_JOINED, QUEUE_ANSWERED, QUEUE_LEFT = "queue.joined", "queue.answered", "queue.left"
QUEUE_CALL_BACK = "queue.call_back"
TYPES = (STARTED, ANSWERED, ENDED, TRANSFERRED, MESSAGE, QUEUE_JOINED, QUEUE_ANSWERED, QUEUE_LEFT, QUEUE_CALL_BACK)

MAX_BODY_BYTES = 256_000
"""Of an event; a longer transcript is cut."""
MAX_OF_A_CALL = 50
"""Rows of a call that are read at a time."""
MAX_WAITING, MAX_WAITING_BYTES = 250_000, 512 * 2**20
"""Rows that wait for one receiver, and their bodies together; the oldest of more are given up."""
NEARLY_FULL = 0.8
"""The share of either from which on people are warned."""
KEPT_S = 30 * 86_400
"""How long what was given up stays, to be sent again by hand."""
MAX_GIVEN_UP, MAX_GIVEN_UP_BYTES = 50_000, 128 * 2**20
"""Rows for one receiver that stay so, and their bodies together; the oldest of more are deleted."""

NOTHING: Mapping[str, Any] = {"waiting": 0, "waiting_bytes": 0, "given_up": 0, "oldest": None}
"""The totals of a receiver for which there is nothing."""

_NOT_SENT = ("is_open", "owner")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which events a receiver gets, by `TYPES`; with `transcript`, those that have one with it."""

    receiver: str
    types: frozenset[str]
    transcript: bool = True


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """Something that happened in a call. `id` is the same in every delivery, `data` is what JSON can hold.

    `hold_s`: it waits so long for `complete`, which adds to its data.
    """

    uniqueid: str
    type: str
    id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event on its way to a receiver. `body` is JSON: `type`, `timestamp`, `data`."""

    seq: int
    id: str
    receiver: str
    uniqueid: str
    type: str
    body: str
    since: float
    due: float
    attempts: int
    problem: str | None
    given_up: bool


_ROW = [outbox_table.c[name] for name in OutboxRow.__dataclass_fields__]


def event_id(uniqueid: str, name: str) -> str:
    """The id of the event of that name, of which a call has one."""
    return f"evt_{uniqueid}_{name}"


def call_events(uniqueid: str, types: Iterable[str]) -> list[dict[str, Any]]:
    """Events about a call's record, as `put_events` takes them: their data is the record as it is then."""
    return [{"id": event_id(uniqueid, type_.partition(".")[2]), "type": type_} for type_ in types]


def put_events(
    conn: Connection,
    uniqueid: str,
    events: Iterable[Mapping[str, Any]],
    subscriptions: Iterable[Mapping[str, Any]],
    owner: str,
) -> None:
    """Add a row for each event and each receiver that gets it (`Subscription` as plain values). Repeatable while the
    row is there. Events without `data` get the call's record."""
    for event in events:
        bodies: dict[bool, str] = {}
        for each in subscriptions:
            if event["type"] not in each["types"] or _is_there(conn, event["id"], each["receiver"]):
                continue
            whole = bool(each["transcript"])
            if whole not in bodies:
                bodies[whole] = _body(conn, uniqueid, event, transcript=whole)
            now = float(event.get("at") or time.time())
            row = {"id": event["id"], "receiver": each["receiver"], "uniqueid": uniqueid, "type": event["type"]}
            row |= {"owner": owner, "since": now, "due": now + float(event.get("hold_s", 0.0)), **_sized(bodies[whole])}
            conn.execute(insert(outbox_table), row | {"attempts": 0, "problem": None, "given_up": False})


def complete_event(conn: Connection, id_: str, data: Mapping[str, Any]) -> None:
    """Add to the data of an event that waits for it, which may go now. Repeatable."""
    query = select(outbox_table.c.seq, outbox_table.c.body, outbox_table.c.since).where(outbox_table.c.id == id_)
    for seq, body, since in conn.execute(query).all():
        event = json.loads(body)
        values = {**_sized(_dumped({**event, "data": {**event["data"], **data}})), "due": since}
        conn.execute(update(outbox_table).where(outbox_table.c.seq == seq).values(values))


def adopt(conn: Connection, owner: str, receivers: Collection[str]) -> None:
    """Take over what processes that are gone had to deliver to these receivers."""
    if receivers:
        gone = outbox_table.c.owner.not_in(select(owners_table.c.owner))
        mine = outbox_table.c.receiver.in_(sorted(receivers))
        conn.execute(update(outbox_table).where(gone, mine).values(owner=owner))


def forget_unknown(conn: Connection, owner: str, receivers: Collection[str], now: float) -> int:
    """Delete what is as old as what was given up and for nobody that is among the receivers any more, as far as it
    belongs to no other process; returns how many."""
    table = outbox_table
    ours = or_(table.c.owner == owner, table.c.owner.not_in(select(owners_table.c.owner)))
    unknown = table.c.receiver.not_in(sorted(receivers))
    return _count(conn.execute(delete(table).where(unknown, table.c.since < now - KEPT_S, ours)))


# What a queue does with its rows.


def waiting_calls(conn: Connection, owner: str, receiver: str, limit: int) -> list[tuple[str, float]]:
    """The calls with events for a receiver, and when the first event of each is due, the earliest first."""
    mine = _of(owner, receiver)
    first = select(func.min(outbox_table.c.seq)).where(*mine).group_by(outbox_table.c.uniqueid)
    query = select(outbox_table.c.uniqueid, outbox_table.c.due).where(outbox_table.c.seq.in_(first))
    found = conn.execute(query.order_by(outbox_table.c.due, outbox_table.c.seq).limit(limit)).all()
    return [(row.uniqueid, row.due) for row in found]


def waiting_of(conn: Connection, owner: str, receiver: str, uniqueid: str) -> list[OutboxRow]:
    """The events of a call for a receiver, in their order."""
    query = select(*_ROW).where(*_of(owner, receiver), outbox_table.c.uniqueid == uniqueid)
    return [OutboxRow(*row) for row in conn.execute(query.order_by(outbox_table.c.seq).limit(MAX_OF_A_CALL))]


def delivered(conn: Connection, seq: int) -> None:
    """It has arrived."""
    conn.execute(delete(outbox_table).where(outbox_table.c.seq == seq))


def failed(conn: Connection, seq: int, attempts: int, due: float, problem: str) -> None:
    """It has not arrived; the next attempt is at `due`."""
    values = {"attempts": attempts, "due": due, "problem": clean_text(problem, MAX_NAME_CHARS)}
    conn.execute(update(outbox_table).where(outbox_table.c.seq == seq).values(values))


def give_up_old(conn: Connection, owner: str, receiver: str, before: float, *, unsent: bool, now: float) -> int:
    """Give up what waits since before a Unix time and has been tried (`unsent`: or not), and the oldest beyond
    `MAX_WAITING` and `MAX_WAITING_BYTES`; returns how many. What was given up long ago is deleted, and the oldest
    beyond `MAX_GIVEN_UP` and `MAX_GIVEN_UP_BYTES`."""
    mine, table = _of(owner, receiver), outbox_table
    old = [table.c.since < before, *([] if unsent else [table.c.attempts > 0])]
    count = _count(conn.execute(update(table).where(*mine, *old).values(given_up=True)))
    if (last := _last_beyond(conn, mine, MAX_WAITING, MAX_WAITING_BYTES)) is not None:
        count += _count(conn.execute(update(table).where(*mine, table.c.seq <= last).values(given_up=True)))
    given_up = [table.c.receiver == receiver, table.c.given_up.is_(True)]
    conn.execute(delete(table).where(*given_up, table.c.since < now - KEPT_S))
    if (last := _last_beyond(conn, given_up, MAX_GIVEN_UP, MAX_GIVEN_UP_BYTES)) is not None:
        conn.execute(delete(table).where(*given_up, table.c.seq <= last))
    return count


def fullness(waiting: int, waiting_bytes: int) -> float:
    """Which share of what may wait for a receiver does, by rows or by bytes: from 1 on the oldest are given up."""
    return max(waiting / MAX_WAITING, waiting_bytes / MAX_WAITING_BYTES)


def waiting_size(conn: Connection, owner: str, receiver: str) -> tuple[int, int]:
    """How many events wait for a receiver, and the bytes of their bodies."""
    return _size(conn, _of(owner, receiver))


def _last_beyond(conn: Connection, which: list[Any], most: int, most_bytes: int) -> int | None:
    """The latest of the rows that are too many, counted from the newest; None where there are none."""
    rows, size = _size(conn, which)
    if rows <= most and size <= most_bytes:
        return None
    newest_first = outbox_table.c.seq.desc()
    counted = select(
        outbox_table.c.seq,
        func.row_number().over(order_by=newest_first).label("rows"),
        func.sum(outbox_table.c.body_bytes).over(order_by=newest_first).label("bytes"),
    ).where(*which)
    each = counted.subquery()
    too_many = or_(each.c.rows > most, each.c.bytes > most_bytes)
    return conn.execute(select(func.max(each.c.seq)).where(too_many)).scalar()


def _size(conn: Connection, which: list[Any]) -> tuple[int, int]:
    rows, size = conn.execute(select(func.count(), func.sum(outbox_table.c.body_bytes)).where(*which)).one()
    return int(rows), int(size or 0)


def _of(owner: str, receiver: str) -> list[Any]:
    table = outbox_table
    return [table.c.receiver == receiver, table.c.owner == owner, table.c.given_up.is_(False)]


# What people do with it.


def totals(conn: Connection) -> list[dict[str, Any]]:
    """By receiver: how many events are `waiting` with how many `waiting_bytes`, how many are `given_up`, and since when
    the oldest waits."""
    table = outbox_table
    query = select(
        table.c.receiver, table.c.given_up, func.count(), func.sum(table.c.body_bytes), func.min(table.c.since)
    ).group_by(table.c.receiver, table.c.given_up)
    found: dict[str, dict[str, Any]] = {}
    for receiver, given_up, count, size, since in conn.execute(query).all():
        row = found.setdefault(receiver, {"receiver": receiver, **NOTHING})
        if given_up:
            row["given_up"] = count
        else:
            row |= {"waiting": count, "waiting_bytes": int(size or 0), "oldest": since}
    return [found[name] for name in sorted(found)]


def listed(conn: Connection, receiver: str | None, limit: int) -> list[OutboxRow]:
    """Events, the oldest first."""
    query = select(*_ROW).where(*_named(receiver)).order_by(outbox_table.c.seq)
    return [OutboxRow(*row) for row in conn.execute(query.limit(limit))]


def retry(conn: Connection, receiver: str | None, id_: str | None, now: float) -> int:
    """Have events sent at once, those that were given up too; returns how many."""
    values = {"due": 0.0, "since": now, "attempts": 0, "given_up": False}
    return _count(conn.execute(update(outbox_table).where(*_named(receiver, id_)).values(values)))


def drop(conn: Connection, receiver: str | None, id_: str | None) -> int:
    """Delete events; returns how many."""
    return _count(conn.execute(delete(outbox_table).where(*_named(receiver, id_))))


def _named(receiver: str | None, id_: str | None = None) -> list[Any]:
    given = ((outbox_table.c.receiver, receiver), (outbox_table.c.id, id_))
    return [column == value for column, value in given if value is not None]


def _count(result: CursorResult[Any]) -> int:
    return int(result.rowcount)


# The body.


def _is_there(conn: Connection, id_: str, receiver: str) -> bool:
    same = select(outbox_table.c.seq).where(outbox_table.c.id == id_, outbox_table.c.receiver == receiver)
    return conn.execute(same).first() is not None


def _body(conn: Connection, uniqueid: str, event: Mapping[str, Any], *, transcript: bool) -> str:
    data = event.get("data")
    if data is None:
        data = _record(conn, uniqueid)
        if transcript and event["type"] == ENDED:
            data["transcript"] = [asdict(line) for line in read_lines(conn, uniqueid)]
    elif not transcript:
        data = {key: value for key, value in data.items() if key != "transcript"}
    at = datetime.fromtimestamp(float(event.get("at") or time.time()), UTC)
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _dumped({"type": event["type"], "timestamp": timestamp, "data": data})


def _sized(body: str) -> dict[str, Any]:
    """The columns of a body, which is ASCII."""
    return {"body": body, "body_bytes": len(body)}


def _dumped(body: dict[str, Any]) -> str:
    """As JSON, the transcript cut to what there is room for."""
    while len(text := json.dumps(body, separators=(",", ":"))) > MAX_BODY_BYTES:
        kept = body["data"].get("transcript")
        if not kept:
            break
        body = {**body, "data": {**body["data"], "transcript": kept[: len(kept) // 2], "transcript_cut": True}}
    return text


def _record(conn: Connection, uniqueid: str) -> dict[str, Any]:
    row = conn.execute(select(calls_table).where(calls_table.c.uniqueid == uniqueid)).mappings().one()
    return {name: value for name, value in row.items() if name not in _NOT_SENT}
