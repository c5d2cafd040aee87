"""What sounds are made of: tones, noise, envelopes. All are 8 kHz, float, of any level; times are in seconds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8_000

Wave = NDArray[np.float64]
Make = Callable[[np.random.Generator], Wave]


def times(rng: np.random.Generator, low_s: float = 0.4, high_s: float = 3.0) -> Wave:
    """The times of the samples of a sound, of a random length."""
    return np.arange(int(rng.uniform(low_s, high_s) * RATE_HZ)) / RATE_HZ


def band(noise: Wave, low_hz: float, high_hz: float, slope: float = 0.0) -> Wave:
    """Noise within a band, with a slope above and below 1 kHz."""
    hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    shape = ((hz >= low_hz) & (hz <= high_hz)) * (np.maximum(hz, 50.0) / 1_000) ** slope
    return np.fft.irfft(np.fft.rfft(noise) * shape, len(noise))


def tones(t: Wave, *hz: float) -> Wave:
    """Their sum."""
    return np.asarray(sum(np.sin(2 * np.pi * each * t) for each in hz))


def cadence(t: Wave, on_s: float, off_s: float) -> Wave:
    """1 while a tone is on."""
    return (t % (on_s + off_s) < on_s).astype(float)


def envelope(t: Wave, rise_s: float, fall_s: float) -> Wave:
    """A rise, and a decay."""
    return np.minimum(1.0, t / rise_s) * np.exp(-np.maximum(0.0, t - rise_s) / fall_s)


def hits(rng: np.random.Generator, t: Wave, per_s: float, hit: Callable[[], Wave]) -> Wave:
    """Strokes at random times."""
    out = np.zeros(len(t) + RATE_HZ)
    for _ in range(1 + rng.poisson(per_s * len(t) / RATE_HZ)):
        sound, at = hit(), int(rng.uniform(0, len(t)))
        out[at : at + len(sound)] += sound[: len(out) - at] * rng.uniform(0.4, 1.0)
    return out[: len(t)]


def glide(t: Wave, *hz: float) -> Wave:
    """The phase of a tone that goes through these pitches."""
    return np.asarray(2 * np.pi * np.cumsum(np.interp(t / t[-1], np.linspace(0, 1, len(hz)), hz)) / RATE_HZ)


def voiced(phase: Wave, tilt: float, partials: int = 12) -> Wave:
    """Harmonics, each fainter than the one before by `tilt`."""
    return np.asarray(sum(np.sin(n * phase) / n**tilt for n in range(1, partials)))
