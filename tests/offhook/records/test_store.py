import json
import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.records.cdr import CallRecord, Disposition, TranscriptLine
from offhook.records.changes import call_change
from offhook.records.owner import ProcessIdentity
from offhook.records.schema import ADDED, SCHEMA_VERSION
from offhook.records.store import STALE_S, RecordStore
from offhook.records.timeline import read_timeline
from offhook.records.unwritten import SEEN_EVERY_S
from offhook.usererror import UserError
from tests.offhook.records.children import call, done
from tests.offhook.records.processes import child, line_of, run


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


def test_closing_writes_everything_and_a_call_left_open_counts_as_crashed(path: Path) -> None:
    store = RecordStore.open(str(path))
    clock, record = call("closed")
    for _ in range(200):
        store.turn(record.uniqueid, TranscriptLine(0.1, "bot", "Hello"))
    store.finish(done(clock, record))
    store.begin(call("open")[1])
    assert store.close()
    assert not store.finish(done(clock, record)).result(0)
    again = RecordStore.open(str(path))
    assert {record.src: record.ended_by for record in again.calls()} == {"closed": "caller", "open": "crash"}
    assert len(again.transcript(record.uniqueid)) == 200
    again.close()


def test_a_killed_process_leaves_exactly_one_row_a_call(path: Path) -> None:
    with child("hold_a_call", str(path)) as process:
        assert line_of(process) == "held"
        # While it lives only it may close its call.
        watcher = RecordStore.open(str(path))
        assert {record.src: record.ended_by for record in watcher.calls()} == {
            "finished": "caller",
            "open": None,
        }
        watcher.close()
        process.kill()
        # Not reaped yet: a zombie's calls are over all the same.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        store = RecordStore.open(str(path))
    found = {record.src: record for record in store.calls()}
    assert len(store.calls()) == 2
    crashed = found["open"]
    assert (crashed.ended_by, crashed.end_reason) == ("crash", "crash")
    assert crashed.disposition is Disposition.ANSWERED
    assert [line.text for line in store.transcript(crashed.uniqueid)] == ["Good morning."]
    assert found["finished"].ended_by == "caller"
    store.close()
    assert sql(path, "SELECT count(*) FROM owners") == [(0,)]


@pytest.mark.parametrize(("silence_s", "expected"), [(STALE_S - 1, None), (STALE_S + 1, "crash")])
def test_a_process_elsewhere_is_judged_by_its_silence(path: Path, silence_s: float, expected: str | None) -> None:
    now = [1_000_000.0]
    there = RecordStore.open(str(path), wall=lambda: now[0])
    _, record = call()
    there.begin(record)
    assert there.flush()
    sql(path, "UPDATE owners SET boot = 'another machine'")
    now[0] += silence_s
    here = RecordStore.open(str(path), wall=lambda: now[0])
    assert [one.ended_by for one in here.calls()] == [expected]
    # If it was alive after all, its own record wins.
    there.finish(replace(record, ended_by="bot"))
    assert there.flush()
    assert [one.ended_by for one in here.calls()] == ["bot"]
    there.close()
    here.close()


def test_a_pid_that_was_given_to_another_process_is_no_alibi() -> None:
    me = ProcessIdentity.current()
    assert me.seen_running(me) is True
    assert replace(me, started=me.started - 1).seen_running(me) is False
    assert replace(me, pid=2**22 + 1).seen_running(me) is False
    assert replace(me, boot="earlier").seen_running(me) is None
    assert replace(me, namespace="pid:[1]").seen_running(me) is None
    assert replace(me, started=0).seen_running(me) is None


def test_a_full_disk_delays_records_and_loses_none(path: Path) -> None:
    output, errors = run("fill_the_disk_under_the_records", str(path))
    assert output == ["False False False", "True True 0", "True"]
    events = [json.loads(line)["event"] for line in errors]
    assert events == [
        "call records cannot be written; calls go on, and writing is retried",
        "call records that wait are kept in memory only",
        "call records are written again",
    ]
    store = RecordStore.open(str(path))
    (record,) = store.calls()
    assert record.ended_by == "caller"
    assert len(store.transcript(record.uniqueid)) == 20
    store.close()


def test_what_a_locked_database_cannot_take_survives_a_kill(path: Path) -> None:
    RecordStore.open(str(path)).close()
    with child("lock_the_database", str(path)) as process:
        assert [line_of(process) for _ in range(3)] == ["True", "True", "True False"]
        assert sql(path, "SELECT count(*) FROM calls") == [(0,)]
        process.kill()
    store = RecordStore.open(str(path))
    found = {record.src: record for record in store.calls()}
    assert {src: record.ended_by for src, record in found.items()} == {"locked": "caller", "open": "crash"}
    assert len(store.transcript(found["locked"].uniqueid)) == 20
    assert store.read(lambda conn: read_timeline(conn, found["locked"].uniqueid))
    assert list(path.parent.glob("unwritten-*")) == [store._unwritten.path]  # type: ignore[union-attr]
    store.close()
    assert not list(path.parent.glob("unwritten-*"))


def test_what_a_locked_database_cannot_take_is_written_once_it_can(store: RecordStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    clock, record = call()
    assert store.begin(record).result(5)
    assert not store.healthy
    assert store.finish(done(clock, record)).result(5)
    assert store.calls() == []
    other.rollback()
    other.close()
    assert store.flush(10)
    assert store.healthy
    assert [one.ended_by for one in store.calls()] == ["caller"]
    assert store.counters.dropped == 0


def test_a_line_that_was_cut_off_costs_only_itself(path: Path) -> None:
    RecordStore.open(str(path)).close()
    clock, record = call()
    lines = [call_change(done(clock, record), is_open=False, owner="gone").to_line(), b'["call",{"row":{"uniq']
    (path.parent / "unwritten-gone.jsonl").write_bytes(b"".join(lines))
    store = RecordStore.open(str(path))
    assert store.calls() == [done(clock, record)]
    store.close()


@pytest.mark.parametrize("harm", ["removed", "replaced", "folder", "renamed"])
def test_a_database_file_that_goes_away_is_made_again(store: RecordStore, path: Path, harm: str) -> None:
    clock, before = call("before")
    store.begin(before)
    _, going_on = call("open")
    store.begin(going_on)
    store.finish(done(clock, before))
    assert store.flush()
    if harm == "removed":
        path.unlink()
    elif harm == "renamed":
        path.rename(path.with_name("elsewhere.db"))
    elif harm == "replaced":
        other = RecordStore.open(str(path.with_name("other.db")))
        other.close()
        path.with_name("other.db").replace(path)
    else:
        shutil.rmtree(path.parent)
    _, after = call("after")
    store.begin(after)
    store.finish(done(clock, after))
    assert store.flush(10)
    assert {record.src: record.ended_by for record in store.calls()} == {"after": "caller", "open": None}
    if harm == "renamed":
        assert set(sql(path.with_name("elsewhere.db"), "SELECT src FROM calls")) == {("before",), ("open",)}
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.finish(done(clock, going_on))
    assert store.close()
    again = RecordStore.open(str(path))
    assert {record.src: record.ended_by for record in again.calls()} == {"after": "caller", "open": "caller"}
    again.close()


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize("damage", ["emptied", "overwritten"])
def test_a_damaged_database_is_moved_aside(store: RecordStore, path: Path, damage: str, checkpoint: bool) -> None:
    clock, before = call("before")
    store.finish(done(clock, before))
    assert store.flush()
    if checkpoint:
        sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"" if damage == "emptied" else b"no database at all" * 2_000)
    futures = [store.finish(done(*call(f"after {n}"))) for n in range(3)]
    assert all(future.result(10) for future in futures)
    assert store.flush(10)
    assert store.close()
    again = RecordStore.open(str(path))
    assert {record.src for record in again.calls()} >= {f"after {n}" for n in range(3)}
    again.close()
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


def test_calls_of_a_killed_process_end_when_it_was_last_seen(path: Path) -> None:
    lasted_s = 5.0
    with child("hold_a_call", str(path)) as process:
        assert line_of(process) == "held"
        time.sleep(lasted_s)
        process.kill()
    store = RecordStore.open(str(path))
    (crashed,) = (record for record in store.calls() if record.src == "open")
    assert lasted_s - SEEN_EVERY_S - 1.0 <= crashed.duration <= lasted_s + 1.0
    assert crashed.billsec == pytest.approx(crashed.duration - 0.1, abs=0.01)
    assert crashed.end is not None and crashed.answer is not None and crashed.end > crashed.answer
    store.close()


def test_without_a_file_a_call_lasted_at_least_until_its_last_line(path: Path) -> None:
    store = RecordStore.open(str(path))
    _, record = call()
    store.begin(record)
    store.turn(record.uniqueid, TranscriptLine(7.5, "caller", "hello?"))
    assert store.flush()
    sql(path, "DELETE FROM owners")
    again = RecordStore.open(str(path))
    assert [one.duration for one in again.calls()] == [7.5]
    again.close()
    store.close()


def test_giving_up_at_the_end_is_reported(path: Path) -> None:
    output, _ = run("close_with_the_disk_full", str(path))
    assert output == ["False False 1"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("nonsense://x", "nonsense"),
        ("://", "parse"),
        ("/proc/nowhere/calls.db", "No such file"),
        ("postgresql+psycopg://user:hunter2@127.0.0.1:1/x", "psycopg"),
    ],
)
def test_an_impossible_database_is_explained(url: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        RecordStore.open(url)
    text = caught.value.render()
    assert why in text
    assert "sqlite:////" in text or "pip install psycopg" in text
    assert "hunter2" not in text


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but a long enough text to be taken for one" * 10)
    with pytest.raises(UserError, match="not a database"):
        RecordStore.open(str(path))
    assert path.read_text().startswith("not a database, but")


def test_a_database_of_another_version_is_refused(path: Path) -> None:
    RecordStore.open(str(path)).close()
    sql(path, "UPDATE schema_version SET version = 99")
    with pytest.raises(UserError, match="version 99"):
        RecordStore.open(str(path))


@pytest.mark.parametrize("version", ADDED)
def test_a_database_of_an_earlier_version_is_taken_over(path: Path, version: int) -> None:
    _, record = call()
    with closing(RecordStore.open(str(path))) as store:
        store.begin(record)
        assert store.flush()
    for column in ADDED[version]:
        sql(path, f"ALTER TABLE {column.table.name} DROP COLUMN {column.name}")
    sql(path, f"UPDATE schema_version SET version = {version}")
    with closing(RecordStore.open(str(path))) as store:
        (found,) = store.calls()
        assert (found.uniqueid, found.engines) == (record.uniqueid, ())
        engines = ({"part": "asr", "engine": "fixed", "uses": {"answered": 1}},)
        store.finish(replace(record, engines=engines))
        store.turn(record.uniqueid, TranscriptLine(1.0, "caller", "yes", engine="fixed"))
        assert store.flush()
        kept = store.call(record.uniqueid)
        assert kept is not None and kept.engines == engines
        assert kept.transcript[-1].engine == "fixed"
    assert sql(path, "SELECT version FROM schema_version") == [(SCHEMA_VERSION,)]


def test_records_read_are_records_written(store: RecordStore) -> None:
    _, record = call()
    store.begin(record)
    assert store.flush()
    (found,) = store.calls()
    assert CallRecord.from_dict(json.loads(json.dumps(found.to_dict()))) == record
