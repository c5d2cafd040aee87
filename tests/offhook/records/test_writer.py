import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from offhook.records.writer import GATHER_S, MAX_BATCH, MAX_QUEUED_MINOR, RecordWriter


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    one = create_engine(f"sqlite:///{tmp_path}/x.db")
    with one.begin() as conn:
        conn.execute(text("CREATE TABLE numbers (n INTEGER UNIQUE)"))
    yield one
    one.dispose()


class PlainDatabase:
    """Nothing but transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()

    def failed(self, error: Exception) -> None:
        return

    def seen(self) -> None:
        return


def nothing(_conn: Connection) -> None:
    return


def insert(conn: Connection, number: int) -> None:
    conn.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})


def numbers(engine: Engine) -> list[int]:
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT n FROM numbers ORDER BY rowid")).scalars())


def test_jobs_run_in_their_order(engine: Engine) -> None:
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    futures = [writer.put(lambda conn, n=n: insert(conn, n)) for n in range(3 * MAX_BATCH)]  # type: ignore[misc]
    assert writer.close(10)
    assert all(future.result(0) for future in futures)
    assert numbers(engine) == list(range(3 * MAX_BATCH))
    assert writer.counters.written == 3 * MAX_BATCH


def test_what_waits_is_written_in_one_transaction(engine: Engine) -> None:
    transactions: set[int] = set()
    go_on = threading.Event()

    def hold(_conn: Connection) -> None:
        go_on.wait(5)

    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    writer.put(hold)
    futures = [writer.put(lambda conn: transactions.add(id(conn))) for _ in range(100)]
    go_on.set()
    assert all(future.result(5) for future in futures)
    # The first few may have been taken together with the one that held the rest up.
    assert len(transactions) <= 2
    assert writer.close(5)


def test_the_spoilt_job_alone_is_dropped(engine: Engine) -> None:
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    futures = [writer.put(lambda conn, n=n: insert(conn, n)) for n in (1, 2, 2, 3)]  # type: ignore[misc]
    assert [future.result(5) for future in futures] == [True, True, False, True]
    assert numbers(engine) == [1, 2, 3]
    assert writer.counters.dropped == 1
    assert writer.healthy
    assert not writer.close(5)


def test_minor_jobs_leave_room_for_the_others(engine: Engine) -> None:
    go_on = threading.Event()
    held = threading.Event()

    def hold(_conn: Connection) -> None:
        held.set()
        go_on.wait(5)

    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    writer.put(hold)
    assert held.wait(5)
    minor = [writer.put(nothing, minor=True) for _ in range(MAX_QUEUED_MINOR + 10)]
    major = writer.put(nothing)
    assert writer.queued == MAX_QUEUED_MINOR + 1
    go_on.set()
    assert major.result(10)
    assert [future.result(0) for future in minor].count(False) == 10
    assert writer.counters.dropped == 10
    writer.close(5)


def test_minor_jobs_wait_for_each_other(engine: Engine) -> None:
    transactions: list[Connection] = []
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    began = time.monotonic()
    first = writer.put(transactions.append, minor=True)
    with pytest.raises(TimeoutError):
        first.result(GATHER_S / 5)
    second = writer.put(transactions.append, minor=True)
    assert first.result(5)
    assert second.result(5)
    assert time.monotonic() - began >= GATHER_S
    first_in, second_in = transactions
    assert first_in is second_in
    assert writer.close(5)


def test_minor_jobs_are_written_at_once_and_first_when_another_comes(engine: Engine) -> None:
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    began = time.monotonic()
    minor = [writer.put(lambda conn, n=n: insert(conn, n), minor=True) for n in range(3)]  # type: ignore[misc]
    assert writer.put(lambda conn: insert(conn, 3)).result(5)
    assert time.monotonic() - began < GATHER_S
    assert all(future.result(0) for future in minor)
    assert numbers(engine) == [0, 1, 2, 3]
    assert writer.close(5)


def test_the_end_waits_for_no_company(engine: Engine) -> None:
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    began = time.monotonic()
    minor = writer.put(lambda conn: insert(conn, 1), minor=True)
    assert writer.close(5)
    assert time.monotonic() - began < GATHER_S
    assert minor.result(0)


def test_the_regular_job_runs_with_and_without_others(engine: Engine) -> None:
    ran = threading.Semaphore(0)
    writer = RecordWriter(PlainDatabase(engine), lambda _conn: ran.release(), 0.02)
    for _ in range(3):
        assert ran.acquire(timeout=5)
    for _ in range(100):
        writer.put(nothing)
    for _ in range(3):
        assert ran.acquire(timeout=5)
    assert writer.close(5)


def test_after_the_end_nothing_is_taken(engine: Engine) -> None:
    writer = RecordWriter(PlainDatabase(engine), nothing, 60)
    assert writer.close(5)
    assert writer.put(nothing).result(0) is False
