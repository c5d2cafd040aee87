"""The SIP messages of a bot's calls: kept while they go on, written beside their records, found again as ladders."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from offhook.ladder.kept import KeptMessages, key_of
from offhook.ladder.ladder import ladder_of
from offhook.ladder.traces import SipTraces
from offhook.observe.log import get_logger
from offhook.records import RecordStore
from offhook.records.database import open_to_read
from offhook.records.schema import calls_table
from offhook.records.signalling import read_traces
from offhook.records.timeline import read_timeline
from offhook.sip.net.endpoint import Endpoint
from offhook.usererror import UserError

log = get_logger(__name__)

DAY_S = 86_400.0
FORGET_S = 60.0
"""How often messages that are too old are deleted."""
BEFORE_S, AFTER_S = 5.0, 2 * DAY_S
"""Around a record's start: a Call-ID may be used again. A transferred call's other dialogs begin while it lasts."""


class SignallingLog:
    """`days`: how long messages are kept beside the records; 0: in memory only, as long as there is room, and those
    that were written before are deleted."""

    def __init__(self, endpoint: Endpoint, store: RecordStore, days: float) -> None:
        self._endpoint = endpoint
        self._store = store
        self._days = days
        self.traces = SipTraces(asyncio.get_running_loop().call_later, self._on_over)
        self._left_out = 0
        endpoint.message_listeners.append(self.traces.on_message)
        self._forget()

    def close(self) -> None:
        """Write what is left, because the process ends."""
        self._forgets.cancel()
        self.traces.close()

    def dump(self) -> dict[str, object]:
        """The state, for people. `left_out`: how many calls' messages were not written, as writes waited."""
        return {**self.traces.dump(), "left_out": self._left_out}

    async def ladder(self, call: str) -> dict[str, Any] | None:
        """The ladder of a call by its record's id, its handle or a Call-ID, or of the registration with a trunk by its
        name; None if nothing is known of it. Plain values."""
        known = await asyncio.to_thread(self._store.read, lambda conn: record_of(conn, call))
        name = known.call_id if known is not None else self._endpoint.ua.live.call_id_of(call) or call
        live = [each.snapshot() for each in self.traces.find(name)]

        def read(conn: Connection) -> dict[str, Any] | None:
            return read_ladder(conn, name, [make() for make in live], known)

        # In a thread: neither the database nor a large call holds up the loop.
        return await asyncio.to_thread(self._store.read, read)

    def _on_over(self, kept: KeptMessages) -> None:
        if not self._days or self._store.signalling(kept.snapshot()):
            return
        self._left_out += 1
        if self._left_out == 1:
            log.warning("SIP messages of calls are not kept", why="the records' database is too slow; calls come first")

    def _forget(self) -> None:
        self._store.forget_signalling(time() - self._days * DAY_S)
        self._forgets = asyncio.get_running_loop().call_later(FORGET_S, self._forget)


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call's record, as far as its messages are found by it."""

    uniqueid: str
    call_id: str
    start: str


def record_of(conn: Connection, uniqueid: str) -> KnownCall | None:
    """The call with that record; None if there is none."""
    table = calls_table
    found = conn.execute(select(table.c.call_id, table.c.start).where(table.c.uniqueid == uniqueid)).first()
    return None if found is None else KnownCall(uniqueid, *found)


def read_ladder(
    conn: Connection, call_id: str, live: Sequence[Mapping[str, Any]] = (), known: KnownCall | None = None
) -> dict[str, Any] | None:
    """The ladder of a Call-ID, from the records and what is still in memory. It reads the database: not for the event
    loop."""
    began = _unix(known.start) if known is not None else None
    since, until = (0.0, None) if began is None else (began - BEFORE_S, began + AFTER_S)
    found = {key_of(each): each for each in [*read_traces(conn, call_id, since, until), *live] if each["messages"]}
    if not found:
        return None
    traces = list(found.values())
    ladder = ladder_of(traces, _media_facts(conn, traces)).to_dict()
    return ladder | {"call": known.uniqueid if known is not None else None}


def ladder_in_records(url: str, call: str) -> dict[str, Any] | None:
    """The ladder of a call by its record's id or Call-ID, from a database that is only read; None: it is not in there.
    `url` may also be the path of an SQLite file. Raises UserError."""
    engine = open_to_read(url)
    try:
        with engine.connect() as conn:
            known = record_of(conn, call)
            return read_ladder(conn, call if known is None else known.call_id, known=known)
    except SQLAlchemyError as error:
        raise UserError(
            "the records cannot be read", str(error), "dir = … below [records], or --config FILE"
        ) from error
    finally:
        engine.dispose()


def _media_facts(conn: Connection, traces: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the records say of the media, by Call-ID."""
    first = min(float(each["messages"][0]["at_s"]) for each in traces)
    last = max(float(each["messages"][-1]["at_s"]) for each in traces)
    table = calls_table
    query = select(table.c.uniqueid, table.c.call_id, table.c.rtp, table.c.end).where(
        table.c.call_id.in_([each["call_id"] for each in traces]),
        # The records are found by their start, for which there is an index.
        table.c.start >= _wall(first - BEFORE_S),
        table.c.start <= _wall(last + BEFORE_S),
    )
    facts = {}
    for uniqueid, call_id, rtp, end in conn.execute(query).all():
        keys = sum(event["kind"] == "key" for event in read_timeline(conn, uniqueid))
        facts[call_id] = {"rtp": rtp, "keys": keys, "ended_s": None if end is None else _unix(end)}
    return facts


def _unix(wall: str) -> float:
    return datetime.fromisoformat(wall).timestamp()


def _wall(unix: float) -> str:
    """As the records write it."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
