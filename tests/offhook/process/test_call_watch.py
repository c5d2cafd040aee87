"""What is kept of calls: who is captured, and what of their messages is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from offhook.calls.captures import CaptureCall, SipDatagram
from offhook.carriers.place_call import PlaceCall
from offhook.ladder.kept import Bounds, KeptMessages
from offhook.process.call_watch import CallWatch
from offhook.process.signalling_log import KnownCall, SignallingLog, read_ladder
from offhook.records import RecordStore
from offhook.records import store as store_module
from offhook.records.signalling import read_traces
from offhook.settings.config import Config
from offhook.sip.commands import Invite
from offhook.sip.events import Event, IncomingCall
from offhook.sip.message.headers import Headers
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from tests.offhook.ladder.wire import flow, invite

HOST = "127.0.0.1"


class Worker:
    def __init__(self) -> None:
        self.got: list[object] = []

    def send(self, message: object) -> None:
        self.got.append(message)


class Bench:
    def __init__(self, endpoint: Endpoint, store: RecordStore) -> None:
        self.endpoint, self.store = endpoint, store
        self.worker = Worker()
        self.watch = CallWatch(Config.load(None, {}), lambda: 0.0)

    def open(self) -> SignallingLog:
        return self.watch.open(self.endpoint, self.store)

    def traces(self, call_id: str = "one") -> int:
        assert self.store.flush()
        return len(self.store.read(lambda conn: read_traces(conn, call_id)))


def nothing(event: Event) -> None:
    """No call comes in."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    endpoint = await Endpoint.open(HOST, 0, nothing)
    one = Bench(endpoint, RecordStore.open(str(tmp_path / "calls.db")))
    yield one
    one.watch.close()
    endpoint.close()
    one.store.close()


def incoming(call: str = "call", replaces: str = "") -> IncomingCall:
    source = Address("192.0.2.7", 5060)
    return IncomingCall(call, "sip:a", "sip:b", f"{call}-id", None, source, Headers(), replaces=replaces)


def placed(call: str = "leg", part_of: str = "") -> PlaceCall:
    return PlaceCall(Invite("sip:b", b"", call=call, call_id=f"{call}-id", part_of=part_of), "a", "b")


async def test_a_leg_of_another_call_uses_up_no_order(bench: Bench) -> None:
    bench.open()
    name = bench.watch.orders.add(2, "", "")
    bench.watch.placed(placed(part_of="another"), bench.worker)()
    bench.watch.incoming(incoming("replacing", replaces="another"), bench.worker)()
    order = bench.watch.orders.find(name)
    assert order is not None and order.left == 2 and bench.worker.got == []
    bench.watch.incoming(incoming(), bench.worker)()
    bench.watch.placed(placed("out"), bench.worker)()
    assert bench.worker.got == [CaptureCall("call"), CaptureCall("out")]
    assert (order.left, order.open) == (0, {"call", "out"})


async def test_the_legs_of_a_captured_call_are_captured(bench: Bench) -> None:
    signalling = bench.open()
    bench.watch.orders.add(1, "", "")
    bench.watch.incoming(incoming(), bench.worker)()
    bench.watch.placed(placed(part_of="call"), bench.worker)()
    bench.watch.removed("call")
    bench.watch.incoming(incoming("later", replaces="leg"), bench.worker)()
    bench.watch.incoming(incoming("other"), bench.worker)()
    assert bench.worker.got == [CaptureCall(each) for each in ("call", "leg", "later")]
    signalling.traces.on_message(invite(call_id="leg-id"), flow(), False)
    signalling.traces.on_message(invite(call_id="other-id"), flow(), True)
    (datagram,) = bench.worker.got[3:]
    assert isinstance(datagram, SipDatagram) and (datagram.call, datagram.received) == ("leg", False)


async def test_a_call_that_goes_to_another_worker(bench: Bench) -> None:
    bench.open()
    name = bench.watch.orders.add(1, "", "")
    other = Worker()
    bench.watch.incoming(incoming(), bench.worker)()
    bench.watch.removed("call")
    bench.watch.incoming(incoming(), other)()
    assert bench.worker.got == other.got == [CaptureCall("call")]
    order = bench.watch.orders.find(name)
    assert order is not None and (order.left, order.calls, order.open) == (0, ["call-id"], {"call"})
    bench.watch.removed("call")
    assert not order.open


async def test_what_no_worker_took_is_not_open(bench: Bench) -> None:
    bench.open()
    name = bench.watch.orders.add(1, "", "")
    bench.watch.incoming(incoming(), bench.worker)
    order = bench.watch.orders.find(name)
    assert order is not None and not order.open


def trace(at_s: float) -> KeptMessages:
    kept = KeptMessages("one", Bounds())
    kept.add(at_s, invite(), flow(), True)
    return kept


@pytest.mark.parametrize("days", [0.0, 7.0])
async def test_what_is_too_old_is_deleted_at_the_start(bench: Bench, days: float) -> None:
    bench.store.signalling(trace(1_000.0).snapshot())
    assert bench.traces() == 1
    signalling = SignallingLog(bench.endpoint, bench.store, days)
    assert bench.traces() == 0
    signalling.close()


async def test_what_is_left_out_is_counted_and_logged_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = bench.open()
    monkeypatch.setattr(store_module, "MAX_SIGNALLING_QUEUED", 0)
    with structlog.testing.capture_logs() as logs:
        for number in range(3):
            signalling.traces.on_message(invite(call_id=f"{number}"), flow(), True)
            signalling.traces.begin(f"{number}", f"{number}")
        signalling.traces.close()
    assert signalling.dump()["left_out"] == 3
    assert [each["log_level"] for each in logs] == ["warning"]


async def test_a_leg_two_minutes_later_is_shown_with_its_call(bench: Bench) -> None:
    for call_id, at_s in (("one", 1_000.0), ("two", 1_120.0)):
        kept = KeptMessages(call_id, Bounds())
        kept.root = "one"
        kept.add(at_s, invite(call_id=call_id), flow(), True)
        bench.store.signalling(kept.snapshot())
    bench.store.flush()
    known = KnownCall("id", "two", "1970-01-01T00:18:40.000Z")
    found = bench.store.read(lambda conn: read_ladder(conn, "two", known=known))
    assert found is not None and found["legs"] == ["one", "two"]
