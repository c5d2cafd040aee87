"""Sounds that are not speech with which nothing was fitted: written after the weights, for the measurement.

As in `bench.waves`.
"""

import numpy as np

from bench.waves import RATE_HZ, Make, Wave, band, cadence, envelope, glide, hits, times, tones, voiced


def goose(rng: np.random.Generator) -> Wave:
    """Or a bicycle's horn."""
    t, hz = np.arange(int(0.22 * RATE_HZ)) / RATE_HZ, rng.uniform(260, 420)
    one = band(voiced(glide(t, hz, 1.3 * hz, 0.9 * hz), 0.5, 14), 400, 2_800) * np.hanning(len(t))
    return np.concatenate([one, np.zeros(int(rng.uniform(800, 3_000)))] * int(rng.integers(1, 5)))


def rooster(rng: np.random.Generator) -> Wave:
    """In the yard."""
    t, hz = times(rng, 0.7, 1.3), rng.uniform(450, 700)
    crow = voiced(glide(t, 0.6 * hz, hz, 0.9 * hz, 1.4 * hz, 0.8 * hz), 0.9, 6)
    return np.asarray(band(crow, 400, 3_500) * (0.4 + np.abs(np.sin(2 * np.pi * 2 * t))))


def kettle(rng: np.random.Generator) -> Wave:
    """It boils."""
    t, hz = times(rng, 0.8), rng.uniform(1_200, 2_400)
    tone = np.sin(glide(t, 0.7 * hz, hz, 1.02 * hz)) * np.linspace(0.2, 1, len(t))
    return np.asarray(tone + 0.3 * band(rng.normal(size=len(t)), 500, 3_800))


def creak(rng: np.random.Generator) -> Wave:
    """Of a chair."""
    t = times(rng, 0.3, 0.9)
    pulses = np.sign(np.sin(glide(t, *rng.uniform(25, 140, 4)))) + 1
    return np.asarray(band(pulses * rng.normal(size=len(t)), 400, 2_400) * np.hanning(len(t)))


def squeak(rng: np.random.Generator) -> Wave:
    """A toy, a brake, a marker."""
    t, hz = times(rng, 0.15, 0.5), rng.uniform(700, 1_500)
    one = voiced(glide(t, hz, 1.6 * hz, 1.2 * hz), 1.2, 3) * np.hanning(len(t))
    return np.concatenate([one, np.zeros(1_200)] * int(rng.integers(1, 4)))


def clapping(rng: np.random.Generator) -> Wave:
    """Of one pair of hands."""
    t, beat = times(rng, 0.6, 2.0), rng.uniform(0.18, 0.45)
    return np.asarray(band(rng.normal(size=len(t)), 500, 3_500) * np.exp(-(t % beat) / 0.012))


def stream_of_water(rng: np.random.Generator) -> Wave:
    """From a tap."""
    t = times(rng, 0.8)
    bubbles = np.sin(np.cumsum(2 * np.pi * (700 + 500 * band(rng.normal(size=len(t)), 1, 30) * 8) / RATE_HZ))
    return np.asarray(0.3 * bubbles + band(rng.normal(size=len(t)), 300, 3_900))


def burp(rng: np.random.Generator) -> Wave:
    """Excuse me."""
    t = times(rng, 0.25, 0.8)
    pulses = np.maximum(0, np.sin(2 * np.pi * np.cumsum(rng.normal(55, 15, len(t))) / RATE_HZ)) ** 4
    return np.asarray(band(pulses, 100, 1_100) * np.hanning(len(t)))


def nose(rng: np.random.Generator) -> Wave:
    """Blown."""
    t, hz = times(rng, 0.3, 0.8), rng.uniform(180, 320)
    reed = voiced(glide(t, hz, 1.1 * hz, 0.8 * hz), 0.6, 12) * (1 + 0.5 * rng.normal(size=len(t)))
    return np.asarray(band(reed, 300, 2_200) * envelope(t, 0.05, 0.3) + 0.1 * rng.normal(size=len(t)))


def accordion(rng: np.random.Generator) -> Wave:
    """In the street."""
    t = times(rng, 1.0)
    roots = np.repeat(rng.choice([196, 220, 247, 262, 294, 330], 1 + len(t) // 2_600), 2_600)[: len(t)]
    reeds = sum(voiced(2 * np.pi * np.cumsum(roots * each) / RATE_HZ, 0.8, 8) for each in (1.0, 1.005, 1.26))
    return np.asarray(reeds * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * t)))


def alarm(rng: np.random.Generator) -> Wave:
    """Of a clock or a smoke detector."""
    t = times(rng, 0.8)
    return np.asarray(
        tones(t, rng.uniform(900, 3_100)) * cadence(t, *rng.choice([(0.1, 0.1), (0.5, 0.5), (0.06, 0.2)]))
    )


def crickets(rng: np.random.Generator) -> Wave:
    """At night."""
    t = times(rng, 1.0)
    return np.asarray(
        tones(t, rng.uniform(2_600, 3_400)) * np.maximum(0, np.sin(2 * np.pi * 25 * t)) * cadence(t, 0.25, 0.2)
    )


def keys_on_a_ring(rng: np.random.Generator) -> Wave:
    """Shaken."""

    def one() -> Wave:
        t = np.arange(700) / RATE_HZ
        return tones(t, *rng.uniform(2_000, 3_800, 3)) * np.exp(-t / 0.015)

    return hits(rng, times(rng, 0.4, 1.5), 12.0, one)


FRESH: tuple[Make, ...] = (
    goose,
    rooster,
    kettle,
    creak,
    squeak,
    clapping,
    stream_of_water,
    burp,
    nose,
    accordion,
    alarm,
    crickets,
    keys_on_a_ring,
)
