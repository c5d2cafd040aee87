"""Records survive a kill, a full disk, and a database that is locked, lost, damaged or old."""

import json
import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.records.cdr import Disposition, TranscriptLine
from offhook.records.changes import call_change
from offhook.records.owner import ProcessIdentity
from offhook.records.schema import ADDED, SCHEMA_VERSION
from offhook.records.store import STALE_S, RecordStore
from offhook.records.timeline import read_timeline
from offhook.records.unwritten import SEEN_EVERY_S
from offhook.usererror import UserError
from tests.offhook.records.children import call, done
from tests.offhook.records.processes import child, line_of, run
from tests.offhook.records.test_store import path, sql, store

__all__ = ["path", "store"]


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
