"""SIP messages beside the records: found by any leg, forgotten after their days, and by whoever else wrote there."""

import json
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select

from offhook.records import RecordStore, signalling
from offhook.records import store as store_module
from offhook.records.database import open_to_read
from offhook.records.signalling import MAX_CONTENT_BYTES, MAX_ROW_BYTES, read_traces, signalling_table
from offhook.usererror import UserError


def trace(call_id: str, at_s: float, root: str = "") -> dict[str, Any]:
    message = {"at_s": at_s, "received": True, "text": "INVITE"}
    return {"call_id": call_id, "root": root or call_id, "omitted": 0, "messages": [message]}


def put(store: RecordStore, one: dict[str, Any]) -> None:
    assert store.signalling(lambda: one)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


def found(store: RecordStore, call_id: str, since: float = 0.0, until: float | None = None) -> list[tuple[str, float]]:
    traces = store.read(lambda conn: read_traces(conn, call_id, since, until))
    return [(each["call_id"], each["messages"][0]["at_s"]) for each in traces]


def test_a_call_with_its_legs_by_any_of_them(path: Path) -> None:
    store = RecordStore.open(str(path))
    for each in (trace("leg", 101.0, "call"), trace("call", 100.0), trace("other", 100.0), trace("call", 100.0)):
        put(store, each)
    assert store.flush()
    for name in ("call", "leg"):
        assert found(store, name) == [("call", 100.0), ("leg", 101.0)]
    assert found(store, "nothing") == found(store, "' OR 1=1 --") == []
    assert store.close()


def test_a_call_id_that_was_used_again(path: Path) -> None:
    store = RecordStore.open(str(path))
    for at_s in (100.0, 900.0):
        put(store, trace("call", at_s))
    store.flush()
    assert found(store, "call", 890.0, 1_000.0) == [("call", 900.0)]
    store.close()


def test_what_is_too_old_is_deleted(path: Path) -> None:
    store = RecordStore.open(str(path))
    put(store, trace("old", 100.0))
    put(store, trace("new", 200.0))
    store.forget_signalling(150.0)
    store.flush()
    assert (found(store, "old"), found(store, "new")) == ([], [("new", 200.0)])
    store.close()


def test_there_are_no_more_than_so_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signalling, "MAX_KEPT", 3)
    store = RecordStore.open(str(path))
    for number in range(8):
        put(store, trace(f"call-{number}", 100.0 + number))
    store.forget_signalling(0.0)
    store.flush()
    assert [number for number in range(8) if found(store, f"call-{number}")] == [5, 6, 7]
    store.close()


def test_noise_takes_no_more_room_than_so_much(path: Path) -> None:
    store = RecordStore.open(str(path))
    noise = trace("call", 100.0)
    words = random.Random(1)
    noise["messages"] = [
        {"at_s": 100.0 + number, "received": True, "text": words.randbytes(1_000).hex()} for number in range(64)
    ]
    put(store, noise)
    store.flush()
    with create_engine(f"sqlite:///{path}").begin() as conn:
        assert len(conn.execute(select(signalling_table.c.messages)).scalar_one()) <= MAX_ROW_BYTES
    (kept,) = store.read(lambda conn: read_traces(conn, "call"))
    assert (kept["messages"][0]["at_s"], kept["messages"][-1]["at_s"]) == (100.0, 163.0)
    assert len(kept["messages"]) + kept["omitted"] == 64
    store.close()


def test_a_leg_that_began_later_than_its_call(path: Path) -> None:
    store = RecordStore.open(str(path))
    earlier, call, leg = trace("call", 10.0), trace("call", 100.0), trace("leg", 220.0, "call")
    for each in (earlier, call, leg):
        put(store, each)
    store.flush()
    assert found(store, "leg", 215.0, 1_000.0) == [("call", 100.0), ("leg", 220.0)]
    assert found(store, "call", 95.0, 1_000.0) == [("call", 100.0), ("leg", 220.0)]
    store.close()


def test_they_are_left_out_while_writes_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_SIGNALLING_QUEUED", 0)
    store = RecordStore.open(str(path))
    assert not store.signalling(lambda: trace("call", 100.0))
    store.flush()
    assert found(store, "call") == []
    assert store.close()


def test_what_others_wrote_there_breaks_nothing(path: Path) -> None:
    store = RecordStore.open(str(path))
    bomb = zlib.compress(b'{"messages":"' + b" " * (MAX_CONTENT_BYTES + 10) + b'"}')
    strange = [b"no zlib", zlib.compress(b"no json"), zlib.compress(json.dumps([1]).encode()), bomb]
    with create_engine(f"sqlite:///{path}").begin() as conn:
        for number, content in enumerate(strange):
            row = {"id": str(number), "call_id": "call", "root": "call", "at": 1.0, "messages": content}
            conn.execute(insert(signalling_table), row)
    assert found(store, "call") == []
    store.close()


def test_a_database_that_is_only_read(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no records"):
        open_to_read(str(tmp_path / "missing.db"))
    assert not (tmp_path / "missing.db").exists()
    strange = tmp_path / "a?mode=rwc&b#c%20.db"
    store = RecordStore.open(str(strange))
    put(store, trace("call", 100.0))
    store.flush()
    store.close()
    engine = open_to_read(str(strange))
    with engine.connect() as conn:
        assert len(read_traces(conn, "call")) == 1
    engine.dispose()
