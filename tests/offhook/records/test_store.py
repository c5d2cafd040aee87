import json
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.records.cdr import CallRecord, Disposition, TranscriptLine
from offhook.records.schema import SCHEMA_VERSION
from offhook.records.store import RecordStore
from tests.offhook.records.children import call, done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records" / "calls.db"


@pytest.fixture
def store(path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(path))
    yield one
    one.close()


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_call_from_begin_to_finish(store: RecordStore) -> None:
    clock, record = call()
    assert store.begin(record).result(5)
    assert store.calls() == [record]
    full = replace(
        done(clock, record),
        turns=3,
        barge_ins=1,
        rtp={"packets_received": 250, "jitter_ms": 1.5},
        recording="/somewhere/x.wav",
        recording_truncated=True,
        response_p50_ms=310.0,
    )
    assert store.finish(full).result(5)
    assert store.calls() == [full]
    assert store.call(record.uniqueid) == full


def test_a_call_that_was_never_begun_has_its_row_too(store: RecordStore) -> None:
    clock, record = call()
    missed = replace(done(clock, record), disposition=Disposition.BUSY, answer=None)
    store.finish(missed)
    assert store.flush()
    assert store.calls() == [missed]


def test_the_transcript_comes_in_the_order_of_time(store: RecordStore) -> None:
    clock, record = call()
    lines = (
        TranscriptLine(0.2, "bot", "Good morning. How can I help?", "Good morning.", "How can I help?"),
        TranscriptLine(1.5, "caller", "opening hours", confidence=0.93, choice="hours"),
        TranscriptLine(3.0, "caller", "balance", confidence=1.0, typed=True, rejected=True),
        TranscriptLine(4.0, "caller", "thank", final=False),
    )
    store.begin(record)
    for line in (lines[1], lines[0], *lines[2:]):
        store.turn(record.uniqueid, line)
    store.finish(done(clock, record))
    assert store.flush()
    assert store.transcript(record.uniqueid) == lines
    whole = store.call(record.uniqueid)
    assert whole is not None
    assert whole.transcript == lines
    assert store.calls()[0].transcript == ()
    assert store.transcript("unknown") == ()
    assert store.call("unknown") is None


def test_a_whole_transcript_replaces_the_lines(store: RecordStore) -> None:
    clock, record = call()
    store.begin(record)
    store.turn(record.uniqueid, TranscriptLine(0.2, "bot", "Hello"))
    final = (TranscriptLine(0.2, "bot", "Hello", "Hel", "lo"),)
    store.finish(replace(done(clock, record), transcript=final))
    assert store.flush()
    assert store.transcript(record.uniqueid) == final


def test_lists_are_newest_first_and_can_be_paged(store: RecordStore) -> None:
    _, record = call()
    records = [replace(record, uniqueid=f"{n:032x}", start=f"2025-01-01T00:00:{n:02}.000Z") for n in range(30)]
    for one in records:
        store.begin(one)
    assert store.flush()
    newest = store.calls(10)
    assert newest == records[:-11:-1]
    assert store.calls(10, before=newest[-1].start) == records[19:9:-1]
    assert store.calls(0) == store.calls(-5) == []


def test_what_a_remote_may_send_can_be_kept(store: RecordStore) -> None:
    _, record = call("\x00\ud800'; DROP TABLE calls; --\r\n\x1b[2J" + "x" * 100_000)
    rude = replace(record, dst="\x00" * 1_000, end_reason="\udfff", call_id="y" * 70_000)
    store.begin(rude)
    store.turn(record.uniqueid, TranscriptLine(0.0, "caller" * 100, "\x00\ud800" + "z" * 100_000))
    assert store.flush()
    (kept,) = store.calls()
    assert kept.src.startswith("\\x00\\ud800'; DROP TABLE calls; --\\r\\n\\x1b[2Jxxx")
    assert len(kept.call_id) < 300
    assert len(store.transcript(record.uniqueid)[0].text) < 5_000
    assert store.counters.errors == 0


def test_one_bad_record_does_not_take_others_with_it(store: RecordStore) -> None:
    clock, record = call()
    futures = []
    for n in range(20):
        rtp = {"broken": object()} if n == 7 else {"fine": 1.0}
        one = replace(record, uniqueid=f"{n:032x}", rtp=rtp)  # type: ignore[arg-type]
        futures.append(store.finish(done(clock, one)))
    assert [future.result(5) for future in futures] == [n != 7 for n in range(20)]
    assert len(store.calls()) == 19
    assert store.counters.dropped == 1
    assert store.healthy


def test_many_threads(store: RecordStore) -> None:
    def work(number: int) -> None:
        for n in range(25):
            clock, record = call(f"{number}/{n}")
            store.begin(record)
            store.turn(record.uniqueid, TranscriptLine(0.1, "bot", "Hello"))
            store.finish(done(clock, record))
            if n % 10 == 0:
                store.calls(5)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.flush(10)
    found = store.calls(1_000)
    assert len({record.src for record in found}) == len(found) == 200
    assert all(record.ended_by == "caller" for record in found)
    assert store.counters.dropped == store.counters.errors == 0


def test_two_stores_share_one_file(store: RecordStore, path: Path) -> None:
    _, ours = call("first")
    store.begin(ours)
    assert store.flush()
    other = RecordStore.open(f"sqlite:///{path}")
    _, theirs = call("second")
    other.begin(theirs)
    assert other.flush()
    assert [record.ended_by for record in store.calls()] == [None, None]
    assert other.close()


def test_the_file_is_ours_alone_and_durable(store: RecordStore, path: Path) -> None:
    store.begin(call()[1])
    assert store.flush()
    for name in os.listdir(path.parent):
        assert stat.S_IMODE(os.stat(path.parent / name).st_mode) == 0o600
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]
    assert sql(path, "SELECT version FROM schema_version") == [(SCHEMA_VERSION,)]


def test_records_read_are_records_written(store: RecordStore) -> None:
    _, record = call()
    store.begin(record)
    assert store.flush()
    (found,) = store.calls()
    assert CallRecord.from_dict(json.loads(json.dumps(found.to_dict()))) == record
