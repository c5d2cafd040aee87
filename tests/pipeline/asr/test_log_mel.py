import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.pipeline.asr.log_mel import RATE_HZ, log_mel

RNG = np.random.default_rng(7)


def tone(hz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def by_definition(samples: NDArray[np.float32], frame: int) -> NDArray[np.float64]:
    """One frame's power in 80 mel bands, by sums: the bands are 200/3 Hz wide up to 1 kHz, then 6.4 ** (1/27)."""
    padded = np.concatenate([samples[200:0:-1], samples, np.zeros(800)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    cut = padded[160 * frame : 160 * frame + 400] * window
    bins = np.arange(201)
    power = np.abs(np.exp(-2j * np.pi * np.outer(bins, np.arange(400)) / 400) @ cut) ** 2
    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [mel * 200 / 3 if mel < 15 else 1_000 * 6.4 ** ((mel - 15) / 27) for mel in np.linspace(0, top, 82)]
    sums = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        hz = bins * 40.0
        rising, falling = (hz - low) / (centre - low), (high - hz) / (high - centre)
        sums.append((np.clip(np.minimum(rising, falling), 0, None) * 2 / (high - low)) @ power)
    return np.array(sums)


@pytest.mark.parametrize("frame", [0, 1, 37, 99])
def test_it_is_what_the_definition_says(frame: int) -> None:
    samples = RNG.normal(scale=0.1, size=RATE_HZ).astype(np.float32)
    found = log_mel(samples, 100)[:, frame]
    assert found == pytest.approx((np.log10(by_definition(samples, frame)) + 4) / 4, abs=2e-3)


def test_silence_behind_the_sound_costs_nothing_and_changes_nothing() -> None:
    samples = tone(440) + RNG.normal(scale=0.01, size=RATE_HZ).astype(np.float32)
    padded = np.concatenate([samples, np.zeros(RATE_HZ, np.float32)])
    assert log_mel(samples, 300) == pytest.approx(log_mel(padded, 300), abs=1e-5)


def test_the_shape_is_what_was_asked_for() -> None:
    for size in (0, 1, 199, 200, 201, 16_000, 48_000):
        found = log_mel(np.zeros(size, np.float32), 200, bands=128)
        assert found.shape == (128, 200)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def test_a_tone_is_loudest_where_it_belongs_and_nothing_is_more_than_80_db_below() -> None:
    low, high = log_mel(tone(300), 100), log_mel(tone(3_000), 100)
    assert low[:, 50].argmax() < 10 < high[:, 50].argmax() < 65
    assert high.max() - high.min() == pytest.approx(2.0)
