"""Callers who talk over the bot on lines without echo are not an echo, whatever their voice."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.pipeline.front_end.calls import new_front_end, report
from tests.pipeline.front_end.talks import Talk, in_order, recorded, same_voice
from tests.rates import is_at_least, is_at_most

TALKS = 20
SETTLED = (8_000, 20_000)  # the line has been silent for long enough to show that it does not echo
EARLY = (800, 8_000)


def _delays_ms(name: str, make: Callable[[int], Talk]) -> list[float]:
    delays_ms: list[float] = []
    missed = disordered = echoes = 0
    for seed in range(TALKS):
        front_end = new_front_end()
        guarded, plain = make(seed).run(front_end), make(seed).run(None)
        echoes += front_end.echo.knows_path
        disordered += not in_order(guarded)
        for with_guard, without in zip(guarded.turns, plain.turns, strict=True):
            if without.start is None:
                continue
            if with_guard.start is None or (with_guard.confirmed is None and without.confirmed is not None):
                missed += 1
            else:
                delays_ms.append(with_guard.late_ms() - without.late_ms())
    p50, p95 = np.percentile(delays_ms, [50, 95])
    report(
        f"no echo, {name}: {len(delays_ms)} starts, later by p50 {p50:.0f}, p95 {p95:.0f}, most {max(delays_ms):.0f} ms"
    )
    assert len(delays_ms) >= 2 * TALKS
    assert is_at_most(echoes, TALKS, 0.02)
    assert is_at_most(disordered, TALKS, 0.02)
    assert is_at_most(missed, missed + len(delays_ms), 0.01)
    return delays_ms


@pytest.mark.parametrize("noise_dbfs", [None, -60.0])
def test_a_caller_with_a_voice_like_the_bots_is_accepted_at_once(noise_dbfs: float | None) -> None:
    delays_ms = _delays_ms(f"noise {noise_dbfs}", lambda seed: recorded(seed, after=SETTLED, noise_dbfs=noise_dbfs))
    assert is_at_least(sum(ms <= 40 for ms in delays_ms), len(delays_ms), 0.97)


@pytest.mark.parametrize("noise_dbfs", [None, -55.0])
def test_a_caller_with_the_same_voice_as_the_bot_is_accepted(noise_dbfs: float | None) -> None:
    make = lambda seed: same_voice(seed, after=SETTLED, noise_dbfs=noise_dbfs)  # noqa: E731
    delays_ms = _delays_ms(f"same voice, noise {noise_dbfs}", make)
    assert is_at_least(sum(ms <= 40 for ms in delays_ms), len(delays_ms), 0.95)


def test_a_caller_in_the_first_second_of_a_prompt_mostly_waits_a_tenth_of_a_second_at_most() -> None:
    delays_ms = _delays_ms("early", lambda seed: recorded(seed, after=EARLY))
    # 100 ms and the rest of a frame; more where a path was found and did not hold.
    assert is_at_least(sum(ms <= 130 for ms in delays_ms), len(delays_ms), 0.9)
    assert max(delays_ms) <= 350
