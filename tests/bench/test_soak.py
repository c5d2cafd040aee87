"""The soak's judgement of memory."""

import random

import pytest

from bench.soak import GROWTH_MIB, SLOPE_MIB_PER_H, Sample, memory

MINUTES = 120


def samples(leak_mib_per_h: float, steps: list[tuple[float, float]]) -> list[Sample]:
    """Every five seconds, with noise; each of `steps` is a minute, and what is kept from then on."""
    chance = random.Random(1)

    def at(at_s: float) -> Sample:
        stepped = sum(mib for minute, mib in steps if at_s >= 60 * minute)
        rss_mib = 480 + leak_mib_per_h * at_s / 3_600 + stepped + chance.uniform(0, 0.2)
        return Sample(at_s, rss_mib, 56, 11, 3, 1, 7)

    return [at(float(at_s)) for at_s in range(0, 60 * MINUTES + 5, 5)]


@pytest.mark.parametrize("leak_mib_per_h", [0.0, 0.5])
@pytest.mark.parametrize("step", [(35.0, 3.0), (86.0, 3.0), (110.0, 3.0)])
def test_a_table_that_doubles_once_is_no_leak(leak_mib_per_h: float, step: tuple[float, float]) -> None:
    found = memory(samples(leak_mib_per_h, [step]), MINUTES)
    assert found.slope_mib_per_h == pytest.approx(leak_mib_per_h, abs=SLOPE_MIB_PER_H - 0.6)
    assert found.slope_mib_per_h <= SLOPE_MIB_PER_H and found.growth_mib <= GROWTH_MIB


@pytest.mark.parametrize(
    "steps", [[], [(86.0, 3.0)], [(float(minute), 0.5) for minute in range(0, MINUTES, 10)]], ids=["none", "one", "ten"]
)
def test_a_leak_is_found_whatever_else_happens(steps: list[tuple[float, float]]) -> None:
    assert memory(samples(0.0 if len(steps) > 1 else 1.5, steps), MINUTES).slope_mib_per_h > SLOPE_MIB_PER_H


def test_a_large_step_is_growth() -> None:
    assert memory(samples(0.0, [(60.0, 6.0)]), MINUTES).growth_mib > GROWTH_MIB
