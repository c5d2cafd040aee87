"""Which calls are captured."""

from typing import Any

import pytest

from offhook.process.capture_orders import MAX_FINISHED, MAX_ORDERED, MAX_ORDERS, ORDER_S, CaptureOrders
from offhook.settings.config import Config
from offhook.usererror import UserError


class Bench:
    def __init__(self, records: dict[str, Any] | None = None, **trunks: dict[str, Any]) -> None:
        self.now = 0.0
        self.chance = 0.5
        config = Config.load(
            None, {"records": records or {}, "trunks": {n: {"host": n, **t} for n, t in trunks.items()}}
        )
        self.orders = CaptureOrders(config, lambda: self.now, lambda: self.chance)


def test_pjsip_s_calls_cannot_be_captured() -> None:
    orders = CaptureOrders(Config.model_validate({"sip": {"backend": "pjsua2"}}), lambda: 0.0)
    with pytest.raises(UserError, match="captures no calls") as raised:
        orders.add(1, "", "")
    assert "tshark" in raised.value.problems[0].todo
    assert not orders.dump()


def test_nothing_is_captured_unless_asked_for() -> None:
    assert not Bench().orders.wants("one", "192.0.2.1", "")


def test_the_settings_of_a_trunk_come_first() -> None:
    bench = Bench({"capture": True}, quiet={"capture": False}, other={})
    assert bench.orders.wants("one", "", "") and bench.orders.wants("two", "", "other")
    assert not bench.orders.wants("three", "", "quiet")
    alone = Bench(None, loud={"capture": True})
    assert alone.orders.wants("one", "", "loud") and not alone.orders.wants("two", "", "")


def test_a_leg_is_captured_as_its_call_is_unless_its_trunk_has_a_setting() -> None:
    bench = Bench(None, quiet={"capture": False}, loud={"capture": True}, other={})
    wanted = {
        (trunk, captured): bench.orders.wants_leg("leg", "call", trunk, captured=captured)
        for trunk in ("", "quiet", "loud", "other")
        for captured in (True, False)
    }
    assert {case for case, captured in wanted.items() if captured} == {
        ("", True), ("other", True), ("loud", True), ("loud", False),
    }  # fmt: skip
    few = Bench({"capture_share": 0.2}, loud={"capture": True})
    assert few.orders.wants_leg("leg", "call", "loud", captured=True)
    assert not few.orders.wants_leg("leg", "call", "loud", captured=False)


def test_a_leg_belongs_to_the_order_of_its_call_and_uses_up_none() -> None:
    bench = Bench(None, quiet={"capture": False})
    name = bench.orders.add(2, "", "")
    assert bench.orders.wants("call-id", "", "")
    bench.orders.begun("call", "call-id")
    assert bench.orders.wants_leg("leg-id", "call", "quiet", captured=True)
    bench.orders.begun("leg", "leg-id")
    order = bench.orders.find(name)
    assert order is not None
    assert (order.left, order.calls, order.leg_call_ids, order.open) == (1, ["call-id"], ["leg-id"], {"call", "leg"})
    bench.orders.removed("call")
    assert not bench.orders.wants_leg("late", "call", "", captured=False)
    for number in range(2 * MAX_ORDERED):
        assert bench.orders.wants_leg(f"leg-{number}", "leg", "", captured=True)
    assert len(order.leg_call_ids) == MAX_ORDERED


def test_a_share_of_the_calls() -> None:
    bench = Bench({"capture": True, "capture_share": 0.2})
    assert not bench.orders.wants("one", "", "")
    bench.chance = 0.1
    assert bench.orders.wants("two", "", "")


def test_an_order_is_for_so_many_calls_of_one_source() -> None:
    bench = Bench(None, main={})
    name = bench.orders.add(2, "192.0.2.1", "main")
    wanted = [
        bench.orders.wants(call_id, host, trunk)
        for call_id, host, trunk in (
            ("a", "192.0.2.2", "main"), ("b", "192.0.2.1", ""), ("c", "192.0.2.1", "main"), ("d", "192.0.2.1", "main"),
            ("e", "192.0.2.1", "main"),
        )
    ]  # fmt: skip
    assert wanted == [False, False, True, True, False]
    order = bench.orders.find(name)
    assert order is not None and (order.left, order.calls) == (0, ["c", "d"])
    bench.orders.end(name)
    assert bench.orders.find(name) is None


def test_an_order_does_not_wait_for_ever_and_there_are_not_many() -> None:
    bench = Bench()
    bench.orders.add(1, "", "")
    bench.now = ORDER_S
    assert not bench.orders.wants("late", "", "")
    for _ in range(MAX_ORDERS):
        bench.orders.add(1, "", "")
    with pytest.raises(UserError, match="no more captures"):
        bench.orders.add(1, "", "")
    bench.now = 3 * ORDER_S
    bench.orders.add(1, "", "")


def test_orders_that_have_their_calls_block_no_others() -> None:
    bench = Bench()
    names = []
    for number in range(3 * MAX_FINISHED):
        names.append(bench.orders.add(1, "", ""))
        assert bench.orders.wants(f"call-{number}", "", "")
    assert bench.orders.find(names[-1]) and bench.orders.find(names[-MAX_FINISHED])
    assert len(bench.orders.dump()) <= MAX_FINISHED + 1


def test_a_call_that_goes_to_another_worker_counts_once() -> None:
    bench = Bench()
    name = bench.orders.add(2, "", "")
    assert bench.orders.wants("call-id", "", "")
    bench.orders.begun("handle", "call-id")
    bench.orders.removed("handle")
    assert bench.orders.wants("call-id", "", "")
    bench.orders.begun("handle", "call-id")
    order = bench.orders.find(name)
    assert order is not None and (order.left, order.calls, order.open) == (1, ["call-id"], {"handle"})
    bench.orders.removed("handle")
    assert not order.open


@pytest.mark.parametrize(("calls", "trunk"), [(0, ""), (MAX_ORDERED + 1, ""), (1, "nobody")])
def test_what_cannot_be_ordered(calls: int, trunk: str) -> None:
    with pytest.raises(UserError):
        Bench().orders.add(calls, "", trunk)
