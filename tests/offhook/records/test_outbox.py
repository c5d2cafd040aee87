"""The outbox: written with the records, wherever those go, and taken over from processes that are gone."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from offhook.records import outbox as outbox_module
from offhook.records.cdr import TranscriptLine
from offhook.records.outbox import (
    ANSWERED,
    ENDED,
    KEPT_S,
    MAX_BODY_BYTES,
    MESSAGE,
    STARTED,
    OutboxEvent,
    OutboxRow,
    Subscription,
    delivered,
    give_up_old,
    listed,
    totals,
    waiting_calls,
    waiting_of,
    waiting_size,
)
from offhook.records.store import RecordStore
from tests.offhook.records.children import CRM, call, done
from tests.offhook.records.kept import NOW_S
from tests.offhook.records.processes import child, line_of
from tests.offhook.records.test_store import path

__all__ = ["path"]


def opened(path: Path) -> RecordStore:
    return RecordStore.open(str(path), subscriptions=[CRM])


def rows(store: RecordStore, uniqueid: str | None = None) -> list[OutboxRow]:
    assert store.flush(10)
    found = store.read(lambda conn: listed(conn, None, 1_000))
    return [row for row in found if uniqueid in (None, row.uniqueid)]


def test_a_locked_database_gets_the_events_with_the_records_once_it_can(path: Path) -> None:
    store = opened(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        clock, record = call()
        assert store.begin(record).result(5)
        assert store.finish(done(clock, record)).result(5)
        assert not store.healthy and store.read(lambda conn: listed(conn, None, 10)) == []
        other.rollback()
    assert [row.type for row in rows(store)] == [STARTED, ANSWERED, ENDED]
    assert store.close()


def test_a_killed_process_leaves_its_events_in_the_file_and_another_one_has_them(path: Path) -> None:
    opened(path).close()
    with child("lock_the_database", str(path)) as process:
        assert [line_of(process) for _ in range(3)] == ["True", "True", "True False"]
        process.kill()
    store = opened(path)
    for src, ended_by in (("locked", "caller"), ("open", "crash")):
        (record,) = [record for record in store.calls() if record.src == src]
        found = rows(store, record.uniqueid)
        assert [row.type for row in found] == [STARTED, ANSWERED, ENDED]
        assert json.loads(found[2].body)["data"]["ended_by"] == ended_by
        # They are ours to deliver now.
        mine = store.read(partial(waiting_of, owner=store.owner, receiver="crm", uniqueid=record.uniqueid))
        assert mine == found
    assert store.close()


def test_what_is_written_twice_is_one_row(path: Path) -> None:
    store = opened(path)
    clock, record = call()
    store.begin(record)
    store.begin(record)
    for _ in range(2):
        store.finish(done(clock, record))
    assert [row.type for row in rows(store)] == [STARTED, ANSWERED, ENDED]
    store.close()


def test_a_call_that_is_placed_is_answered_later(path: Path) -> None:
    store = opened(path)
    _, record = call()
    store.begin(replace(record, answer=None))
    assert [row.type for row in rows(store)] == [STARTED]
    store.begin(record)
    assert [row.type for row in rows(store)] == [STARTED, ANSWERED]
    store.close()


def test_what_becomes_known_of_a_call_is_no_second_answer(path: Path) -> None:
    store = opened(path)
    clock, record = call()
    store.begin(record)
    for row in rows(store):
        store.settle(partial(delivered, seq=row.seq))
    consented = replace(record, consent="given")
    store.begin(consented)
    assert rows(store) == []
    store.finish(done(clock, consented))
    (ended,) = rows(store)
    assert ended.type == ENDED and json.loads(ended.body)["data"]["consent"] == "given"
    store.close()


def test_a_long_transcript_is_cut(path: Path) -> None:
    store = opened(path)
    clock, record = call()
    store.begin(record)
    for second in range(200):
        store.turn(record.uniqueid, TranscriptLine(float(second), "caller", "blah " * 800))
    store.finish(done(clock, record))
    body = rows(store)[-1].body
    data = json.loads(body)["data"]
    assert len(body) <= MAX_BODY_BYTES and data["transcript_cut"]
    assert 10 < len(data["transcript"]) < 200 and data["transcript"][0]["at_s"] == 0.0
    store.close()


def test_too_much_is_given_up_the_oldest_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 4)
    store = opened(path)
    for _ in range(2):
        clock, record = call()
        store.begin(record)
        store.finish(done(clock, record))
    assert len(rows(store)) == 6
    given_up: list[int] = []
    store.settle(
        lambda conn: given_up.append(give_up_old(conn, store.owner, "crm", 0.0, unsent=False, now=1.0))
    ).result(5)
    assert given_up == [2] and [row.given_up for row in rows(store)] == [True] * 2 + [False] * 4
    calls = store.read(lambda conn: waiting_calls(conn, store.owner, "crm", 10))
    assert len(calls) == 2  # the event that is left of the first, and the second
    store.close()


def test_not_all_that_was_given_up_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 1)
    monkeypatch.setattr(outbox_module, "MAX_GIVEN_UP", 2)
    store = opened(path)
    for _ in range(2):
        clock, record = call()
        store.begin(record)
        store.finish(done(clock, record))
    seqs = [row.seq for row in rows(store)]
    store.settle(lambda conn: given_up(conn, store.owner))
    assert [(row.seq, row.given_up) for row in rows(store)] == [
        (seqs[-3], True),
        (seqs[-2], True),
        (seqs[-1], False),
    ]
    store.close()


def swept(store: RecordStore) -> int:
    """How many are given up."""
    counts: list[int] = []
    store.settle(lambda conn: counts.append(give_up_old(conn, store.owner, "crm", 0.0, unsent=False, now=1.0))).result(
        5
    )
    return counts[0]


def test_what_is_too_large_together_is_given_up_and_deleted_the_oldest_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(path)) as store:
        for _ in range(2):
            clock, record = call()
            store.begin(record)
            store.finish(done(clock, record))
        found = rows(store)
        sizes = [len(row.body) for row in found]
        monkeypatch.setattr(outbox_module, "MAX_WAITING_BYTES", sum(sizes))
        assert swept(store) == 0
        monkeypatch.setattr(outbox_module, "MAX_WAITING_BYTES", sum(sizes) - 1)
        assert swept(store) == 1
        monkeypatch.setattr(outbox_module, "MAX_WAITING_BYTES", sum(sizes[3:]))
        monkeypatch.setattr(outbox_module, "MAX_GIVEN_UP_BYTES", sum(sizes[1:3]))
        assert swept(store) == 2
        assert [(row.seq, row.given_up) for row in rows(store)] == [
            (row.seq, number < 3) for number, row in enumerate(found) if number > 0
        ]
        assert store.read(lambda conn: waiting_size(conn, store.owner, "crm")) == (3, sum(sizes[3:]))
        (total,) = store.read(totals)
        assert (total["waiting"], total["waiting_bytes"], total["given_up"]) == (3, sum(sizes[3:]), 2)


def test_what_is_added_to_an_event_counts(path: Path) -> None:
    with closing(opened(path)) as store:
        store.notify(OutboxEvent("1", MESSAGE, "evt_1", {"seconds": 2.0}, hold_s=60.0))
        store.complete("evt_1", {"transcript": "call me back"})
        (row,) = rows(store)
        assert "call me back" in row.body
        assert store.read(lambda conn: waiting_size(conn, store.owner, "crm")) == (1, len(row.body))


def given_up(conn: Connection, owner: str) -> None:
    assert give_up_old(conn, owner, "crm", 0.0, unsent=False, now=1.0) == 5


def test_what_nobody_gets_any_more_stays_as_long_as_what_was_given_up(path: Path) -> None:
    clock, record = call()
    old = Subscription("old", CRM.types)
    with closing(RecordStore.open(str(path), wall=partial(float, NOW_S), subscriptions=[old])) as store:
        store.begin(record)
        store.finish(done(clock, record))
        assert len(rows(store)) == 3
    for after_s, left in ((-1.0, 3), (1.0, 0)):
        with closing(RecordStore.open(str(path), wall=partial(float, NOW_S + KEPT_S + after_s))) as store:
            assert len(rows(store)) == left


def test_nothing_is_written_for_nobody(path: Path) -> None:
    store = RecordStore.open(str(path), subscriptions=[Subscription("crm", frozenset({"message.left"}))])
    clock, record = call()
    store.begin(record)
    store.finish(done(clock, record))
    assert rows(store) == []
    store.close()
