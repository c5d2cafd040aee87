"""When calls begin, in virtual time."""

from itertools import islice, pairwise

import pytest

from offhook.qa.load.schedule import MOST_A_SECOND, Plan, Schedule, arrivals


def run(plan: Plan, lasts_s: float, until_s: float = 1_000.0) -> tuple[list[float], int]:
    """When calls of that length begin, and how many were held back; waits as the timers say."""
    schedule, now_s = Schedule(plan), 0.0
    begun: list[float] = []
    ends: list[float] = []
    while now_s < until_s:
        ends = [each for each in ends if each > now_s]
        while schedule.due(now_s, len(ends)):
            begun.append(now_s)
            ends.append(now_s + lasts_s)
            schedule.placed(now_s)
        timer = schedule.get_timer(now_s, len(ends))
        waits = [each for each in (timer, min(ends, default=None)) if each is not None]
        if not waits:
            break
        assert min(waits) > now_s - 1e-9, "it would spin"
        now_s = max(min(waits), now_s + 1e-6)
    return begun, schedule.held_back


def test_without_a_rate_there_are_always_as_many_calls_as_there_is_room_for() -> None:
    begun, held_back = run(Plan(10, 4), lasts_s=3.0)
    gap_s = 1 / MOST_A_SECOND
    first = [number * gap_s for number in range(4)]
    assert begun == pytest.approx([*first, *(3.0 + each for each in first), 6.0, 6.0 + gap_s], abs=0.001)
    assert held_back == 0


def test_calls_that_fail_at_once_are_not_replaced_by_a_storm() -> None:
    begun, _ = run(Plan(None, 100, for_s=10.0), lasts_s=0.001)
    assert len(begun) == pytest.approx(10 * MOST_A_SECOND, abs=2)


def test_the_room_grows_evenly_in_the_ramp() -> None:
    begun, _ = run(Plan(5, 5, ramp_s=10.0), lasts_s=100.0)
    assert begun == pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0], abs=0.001)


def test_arrivals_are_even_if_that_is_wanted() -> None:
    begun, _ = run(Plan(6, 10, rate=4.0, evenly=True), lasts_s=1.0)
    assert begun == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.25], abs=0.001)


def test_arrivals_by_chance_have_the_rate_and_are_the_same_for_the_same_seed() -> None:
    plan = Plan(None, 1, rate=5.0, seed=3)
    times = list(islice(arrivals(5.0, plan), 4_000))
    assert (
        times
        == list(islice(arrivals(5.0, plan), 4_000))
        != list(islice(arrivals(5.0, Plan(None, 1, 5.0, seed=4)), 4_000))
    )
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((each - mean) ** 2 for each in gaps) / len(gaps)) ** 0.5
    # As far apart as a Poisson process has them: the deviation is the mean.
    assert mean == pytest.approx(0.2, rel=0.1) and deviation == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize("evenly", [True, False])
def test_the_rate_grows_evenly_in_the_ramp(evenly: bool) -> None:
    times = list(islice(arrivals(20.0, Plan(None, 1, rate=20.0, evenly=evenly, ramp_s=20.0)), 2_000))
    counts = [sum(low <= each < low + 10 for each in times) for low in (0, 10, 20, 30)]
    # 20 a second from the twentieth second on; a quarter and three quarters of that on average before.
    assert counts == pytest.approx([50, 150, 200, 200], rel=0.35 if not evenly else 0.03)


def test_arrivals_for_which_there_is_no_room_wait_and_are_counted() -> None:
    begun, held_back = run(Plan(4, 1, rate=1.0, evenly=True), lasts_s=3.0)
    assert begun == pytest.approx([0.0, 3.0, 6.0, 9.0], abs=0.001) and held_back == 3


def test_no_call_begins_after_its_time() -> None:
    begun, _ = run(Plan(None, 2, for_s=7.0), lasts_s=3.0)
    assert begun == pytest.approx([0.0, 0.05, 3.0, 3.05, 6.0, 6.05], abs=0.001)
    begun, _ = run(Plan(None, 5, rate=2.0, evenly=True, for_s=2.0), lasts_s=0.5)
    assert len(begun) == 4
    begun, _ = run(Plan(3, 1, for_s=100.0), lasts_s=1.0)
    assert len(begun) == 3, "so many in all"


def test_no_call_begins_once_it_is_stopped() -> None:
    schedule = Schedule(Plan(10, 10))
    schedule.placed(0.0)
    schedule.stop()
    assert schedule.over(1.0) and not schedule.due(1.0, 0) and schedule.get_timer(1.0, 0) is None
