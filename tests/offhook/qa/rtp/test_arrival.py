"""Loss, order, gaps and drift of streams that were made with known ones; and against a plain count."""

import random
from itertools import combinations

import pytest

from offhook.qa.rtp.arrival import ClockDrift, Gaps, Lateness, LossCounts, Sequence


def counts(numbers: list[int]) -> LossCounts:
    sequence = Sequence()
    for number in numbers:
        sequence.update(number & 0xFFFF)
    return sequence.counts()


def test_nothing_yet() -> None:
    assert Sequence().counts() == LossCounts(0, 0, 0, 0, 0, 0, 0)


def test_in_order_over_the_wrap() -> None:
    assert counts(list(range(65_000, 70_000))) == LossCounts(5_000, 0, 0, 0, 0, 0, 0)


def test_runs() -> None:
    numbers = [each for each in range(1_000) if each not in (10, 11, 12, 500) and not 700 <= each < 720]
    assert counts(numbers) == LossCounts(1_000, 24, 3, 20, 0, 0, 0)
    assert counts([0, 2]) == LossCounts(3, 1, 1, 1, 0, 0, 0), "near the end, too"
    assert counts([0, 1_500]) == LossCounts(1_501, 1_499, 1, 1_499, 0, 0, 0), "longer than what is looked at"


def test_duplicates_and_order() -> None:
    assert counts([0, 1, 1, 2, 3, 3, 3]) == LossCounts(4, 0, 0, 0, 3, 0, 0)
    assert counts([0, 2, 1, 3]) == LossCounts(4, 0, 0, 0, 0, 1, 0)
    assert counts([5, 4, 3, 6]) == LossCounts(4, 0, 0, 0, 0, 2, 0), "the first that came was not the first sent"


def test_a_restart_and_a_stray() -> None:
    assert counts([0, 1, 2, 30_000, 3, 4]) == LossCounts(5, 0, 0, 0, 0, 0, 0)
    assert counts([0, 1, 2, 30_000, 30_001, 30_003]) == LossCounts(7, 1, 1, 1, 0, 0, 1)


@pytest.mark.parametrize("seed", range(20))
def test_against_a_plain_count(seed: int) -> None:
    """Loss, duplicates and displacement at random; the first packet and the last are there."""
    chance = random.Random(seed)
    share = chance.choice((0.0, 0.02, 0.3, 0.8))
    first = chance.randrange(65_536)
    kept = [0, *(each for each in range(1, 2_999) if chance.random() > share), 2_999]
    sent = sorted(kept + chance.sample(kept, 20), key=lambda each: each + chance.random() * chance.choice((0, 9)))
    sent = [0, *(each for each in sent if each)]
    found = counts([first + each for each in sent])
    missing = sorted(set(range(3_000)) - set(kept))
    runs = [each for each in missing if each - 1 not in set(missing)]
    assert found.expected == 3_000 and found.lost == len(missing) and found.runs == len(runs)
    assert found.duplicate == len(sent) - len(kept)
    assert found.restarts == 0


def test_gaps() -> None:
    gaps = Gaps()
    times = [0.0, 0.02, 0.04, 0.12, 0.14, 0.3, 0.32, 0.36]
    for at_s in times:
        gaps.update(at_s, 0.02, 3 if at_s == 0.12 else 0, follows_pause=at_s == 0.3)
    assert gaps.count == 1
    assert gaps.found[0].missing_ms == pytest.approx(60.0) and gaps.found[0].at_s == pytest.approx(0.06)
    assert gaps.found[0].lost == 3


def test_of_many_gaps_the_longest_are_kept() -> None:
    gaps = Gaps()
    for number in range(1_000):
        gaps.update(number * 1.0 + (number % 7) * 0.1, 0.02, 0, follows_pause=False)
    assert gaps.count == 999 and len(gaps.found) == Gaps.MOST
    assert min(each.missing_ms for each in gaps.found) > 1_000


@pytest.mark.parametrize("ppm", [-300.0, 0.0, 80.0, 2_000.0])
@pytest.mark.parametrize("seed", range(3))
def test_drift_under_jitter(ppm: float, seed: int) -> None:
    drift, chance = ClockDrift(), random.Random(seed)
    for number in range(3_000):
        media_s = number * 0.02
        # A queue now and then delays by up to 40 ms, never the other way.
        delay_s = chance.random() * (0.04 if chance.random() < 0.3 else 0.002)
        drift.update(1e9 + media_s * (1 + ppm * 1e-6) + delay_s, media_s)
    found = drift.result()
    assert found is not None and found.over_s > 50
    assert abs(found.ppm - ppm) < max(10.0, 5 * found.error_ppm)


def test_drift_over_a_step_and_over_hours() -> None:
    drift = ClockDrift()
    for number in range(90_000):
        at_s = number * 0.5
        drift.update(at_s, at_s * (1 - 150e-6) + (1_000.0 if number > 500 else 0.0))
    found = drift.result()
    assert found is not None and found.ppm == pytest.approx(150, abs=3) and found.over_s > 40_000
    assert ClockDrift().result() is None


@pytest.mark.parametrize("ppm", [-1_000.0, 0.0, 1_000.0])
@pytest.mark.parametrize("stall_s", [-0.04, 0.02, 0.06, 0.3])
def test_a_stall_is_no_drift(ppm: float, stall_s: float) -> None:
    """A sender that stood still, and did not make up for it; or another route."""
    drift, chance = ClockDrift(), random.Random(1)
    for number in range(600):
        media_s = number * 0.02
        stalls_s = stall_s * ((number >= 250) + (number >= 430))
        drift.update(media_s * (1 + ppm * 1e-6) + stalls_s + 0.001 * chance.random(), media_s)
    found = drift.result()
    assert found is not None and found.over_s > 8
    assert found.ppm == pytest.approx(ppm, abs=100)


@pytest.mark.parametrize("stall_s", [0.002, 0.005, 0.009])
@pytest.mark.parametrize("seconds", [6, 8, 13])
def test_a_small_stall_is_never_taken_for_a_drift_that_is_certain(stall_s: float, seconds: int) -> None:
    """Wherever it is in the call, and whether time goes on from there late, or is caught up with."""
    chance = random.Random(seconds)
    for first, last in combinations(range(50, 50 * seconds, 35), 2):
        for up_to in (last, 50 * seconds):
            drift = ClockDrift()
            for number in range(50 * seconds):
                late_s = stall_s * (first <= number < up_to) + 0.0001 * chance.random()
                drift.update(number * 0.02 + late_s, number * 0.02)
            found = drift.result()
            assert found is not None
            assert abs(found.ppm) - 2 * found.error_ppm < 200, (first, up_to, found)


def test_lateness() -> None:
    late = Lateness(60.0)
    for number in range(500):
        late.update(number * 0.02 + (0.1 if number == 250 else 0.0), number * 0.02)
    assert late.late == 1
    stood_still = Lateness(60.0)
    for number in range(500):
        stood_still.update(number * 0.02 + (0.2 if number >= 250 else 0.0), number * 0.02)
    assert 1 <= stood_still.late <= 5, "a buffer adapts"
