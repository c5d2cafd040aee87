"""One breaker, seen by several processes."""

import random

from offhook.pipeline.chain.breaker import HOLD_S, MAX_HOLD_S, PROBE_S, WINDOW_S, Breaker, BreakerState
from offhook.pipeline.chain.table import EngineRows, private_cells, shared_cells


def breakers(processes: int = 3, engines: int = 2) -> list[Breaker]:
    cells = shared_cells(processes, engines)
    return [Breaker(EngineRows(cells, engine=1, engines=engines, process=each)) for each in range(processes)]


def opened(processes: int = 3) -> list[Breaker]:
    found = breakers(processes)
    for now in (100.0, 100.1, 100.2):
        found[0].failed(now)
    return found


def test_failures_of_all_processes_count_together() -> None:
    one, other, third = breakers()
    one.failed(100.0)
    other.failed(100.1)
    assert third.state(100.2) is BreakerState.CLOSED
    third.failed(100.2)
    assert {each.state(100.3) for each in (one, other, third)} == {BreakerState.OPEN}
    assert one.reopens_at() == 100.2 + HOLD_S


def test_a_success_anywhere_begins_the_count_anew() -> None:
    one, other, third = breakers()
    one.failed(100.0)
    one.failed(100.1)
    other.succeeded(100.2)
    third.failed(100.3)
    third.failed(100.4)
    assert one.state(100.5) is BreakerState.CLOSED


def test_old_failures_do_not_count() -> None:
    one, *_ = breakers()
    one.failed(100.0)
    one.failed(100.1)
    one.failed(100.2 + WINDOW_S)
    assert one.state(100.3 + WINDOW_S) is BreakerState.CLOSED


def test_the_other_engine_is_not_concerned() -> None:
    cells = private_cells(1, 2)
    broken, well = (Breaker(EngineRows(cells, engine=each, engines=2)) for each in range(2))
    for now in (100.0, 100.1, 100.2):
        broken.failed(now)
    assert broken.state(100.3) is BreakerState.OPEN
    assert well.state(100.3) is BreakerState.CLOSED


def test_one_call_at_a_time_probes() -> None:
    one, other, _ = opened()
    now = 100.2 + HOLD_S
    assert one.state(now) is BreakerState.HALF_OPEN
    one.probe(now)
    assert other.state(now + 0.1) is BreakerState.PROBED
    one.withdraw()
    assert other.state(now + 0.1) is BreakerState.HALF_OPEN
    other.probe(now + 0.1)
    assert one.state(now + 0.1 + PROBE_S) is BreakerState.HALF_OPEN, "its process may have died"


def test_a_probe_closes_it_or_holds_it_twice_as_long() -> None:
    one, other, third = opened()
    now, hold_s = 100.2, HOLD_S
    for _ in range(8):
        now += hold_s
        other.probe(now)
        other.failed(now, probe=True)
        hold_s = min(MAX_HOLD_S, 2 * hold_s)
        assert third.reopens_at() == now + hold_s
    assert hold_s == MAX_HOLD_S
    now += hold_s
    third.probe(now)
    third.succeeded(now, probe=True)
    assert one.state(now) is BreakerState.CLOSED


def test_a_storm_opens_it_once() -> None:
    found = opened()
    for now in range(1000):
        found[now % 3].failed(100.2 + now / 1000)
    found[1].succeeded(101.0)  # began before it opened
    assert found[0].state(102.0) is BreakerState.OPEN
    assert found[0].reopens_at() == 100.2 + HOLD_S


def test_random_histories_agree_in_all_processes() -> None:
    for seed in range(50):
        rng, now, found = random.Random(seed), 100.0, breakers()
        for _ in range(200):
            now += rng.expovariate(1.0)
            one = rng.choice(found)
            state = one.state(now)
            if state is BreakerState.HALF_OPEN:
                one.probe(now)
            rng.choice((one.failed, one.succeeded))(now, probe=state is BreakerState.HALF_OPEN)
            assert len({each.state(now) for each in found}) == 1
