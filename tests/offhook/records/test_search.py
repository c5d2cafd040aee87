from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offhook.records.cdr import CallClock, CallRecord, EndedBy, TranscriptLine
from offhook.records.search import CallFilter, Cursor, figures, find_calls
from offhook.records.store import RecordStore
from offhook.records.timeline import read_timeline

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(tmp_path / "calls.db"))
    yield one
    one.close()


def put(store: RecordStore, minute: int, src: str = "sip:ada@example.org", said: str = "", barge_ins: int = 0) -> str:
    clock = CallClock(NOON + timedelta(minutes=minute), 0.0)
    begun = CallRecord.begun(clock, src=src, dst="sip:bot@example.org", call_id=f"id-{minute}").answered(clock, 0.0)
    ended = begun.ended(clock, 10.0, answered_now=0.0, ended_by=EndedBy.CALLER, end_reason="caller hung up")
    lines = (TranscriptLine(1.0, "caller", said),) if said else ()
    store.finish(replace(ended, transcript=lines, barge_ins=barge_ins)).result(5)
    return begun.uniqueid


def found(store: RecordStore, wanted: CallFilter, limit: int = 50, after: Cursor | None = None) -> list[str]:
    return [one.call_id for one in store.read(lambda conn: find_calls(conn, wanted, limit, after))]


def test_the_newest_come_first_page_by_page(store: RecordStore) -> None:
    for minute in (3, 1, 2):
        put(store, minute)
    first = store.read(lambda conn: find_calls(conn, CallFilter(), 2))
    assert [one.call_id for one in first] == ["id-3", "id-2"]
    assert found(store, CallFilter(), after=Cursor(first[-1].start, first[-1].uniqueid)) == ["id-1"]


def test_pages_lose_no_call_of_the_same_moment(store: RecordStore) -> None:
    for _ in range(5):
        put(store, 1)
    seen: list[str] = []
    after = None
    while page := store.read(lambda conn, after=after: find_calls(conn, CallFilter(), 2, after)):  # type: ignore[misc]
        seen += [one.uniqueid for one in page]
        after = Cursor(page[-1].start, page[-1].uniqueid)
    assert len(seen) == len(set(seen)) == 5


def test_text_is_looked_for_in_numbers_and_words(store: RecordStore) -> None:
    put(store, 1, src="sip:ada@example.org")
    put(store, 2, said="Check my Balance")
    put(store, 3, said="100% sure")
    assert found(store, CallFilter(text="ADA@")) == ["id-3", "id-2", "id-1"]
    assert found(store, CallFilter(text="balance")) == ["id-2"]
    assert found(store, CallFilter(text="id-3")) == ["id-3"]
    assert found(store, CallFilter(text="0% s")) == ["id-3"]
    assert found(store, CallFilter(text="%")) == ["id-3"]
    assert found(store, CallFilter(text="' OR 1=1 --")) == []


def test_the_other_filters(store: RecordStore) -> None:
    put(store, 1)
    put(store, 2, barge_ins=1)
    assert found(store, CallFilter(barge_in=True)) == ["id-2"]
    assert found(store, CallFilter(outcome="caller")) == ["id-2", "id-1"]
    assert found(store, CallFilter(outcome="ANSWERED")) == ["id-2", "id-1"]
    assert found(store, CallFilter(outcome="crash")) == []
    assert found(store, CallFilter(recorded=True)) == []
    assert found(store, CallFilter(since="2026-01-01T12:02:00.000Z")) == ["id-2"]
    assert found(store, CallFilter(until="2026-01-01T12:02:00.000Z")) == ["id-1"]


def turn(ms: float) -> dict[str, object]:
    return {"kind": "turn", "at": 1.0, "response_ms": ms}


def test_a_timeline_is_kept_and_read(store: RecordStore) -> None:
    events = [turn(500.0), {"kind": "bot", "at": 2.0, "text": "Hello \ud800 \x00"}]
    store.timeline("one", events)
    store.flush()
    assert store.read(lambda conn: read_timeline(conn, "one")) == events
    assert store.read(lambda conn: read_timeline(conn, "two")) == []


def test_figures_over_time(store: RecordStore) -> None:
    for minute in range(0, 100, 10):
        one = put(store, minute)
        store.timeline(one, [turn(100.0 + minute), turn(300.0), {"kind": "barge_in", "at": 2.0, "silent_ms": 90}])
    put(store, 5)  # without a timeline
    store.flush()
    buckets = store.read(lambda conn: figures(conn, CallFilter()))
    assert sum(bucket.calls for bucket in buckets) == 10
    assert (buckets[0].start, buckets[0].calls) == ("2026-01-01T12:00:00Z", 1)
    assert (buckets[0].response_p50_ms, buckets[0].response_p95_ms) == (100.0, 300.0)
    assert (buckets[-1].barge_in_p50_ms, buckets[-1].barge_in_p95_ms) == (90, 90)
    assert store.read(lambda conn: figures(conn, CallFilter(text="nobody"))) == []


def test_figures_of_one_moment_and_of_a_long_time(store: RecordStore) -> None:
    for minute in (0, 0, 1_000_000):
        store.timeline(put(store, minute), [turn(100.0)])
    store.flush()
    buckets = store.read(lambda conn: figures(conn, CallFilter()))
    assert [bucket.calls for bucket in buckets] == [2, 1]
    assert buckets[0].barge_in_p50_ms is None
