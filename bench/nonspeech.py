"""Sounds on a phone line that are not speech: what a recogniser should answer with nothing.

The weights of the evidence were fitted with `FITTED`, nothing with `HELD_OUT`.
As in `bench.waves`; `bench.phone_line.over_the_line` sets the level.
"""

import numpy as np

from bench.waves import RATE_HZ, Make, Wave, band, cadence, envelope, hits, times, tones


def white_noise(rng: np.random.Generator) -> Wave:
    """Static."""
    return rng.normal(size=len(times(rng)))


def hum_50(rng: np.random.Generator) -> Wave:
    """Mains hum and its harmonics."""
    t = times(rng)
    return np.asarray(sum(np.sin(2 * np.pi * 50 * n * t + n) / n for n in (1, 2, 3, 5, 7, 9))) + rng.normal(
        scale=0.05, size=len(t)
    )


def clicks(rng: np.random.Generator) -> Wave:
    """One or a few."""
    return hits(rng, times(rng), 1.0, lambda: rng.normal(size=40) * np.exp(-np.arange(40) / 8))


def breath(rng: np.random.Generator) -> Wave:
    """In or out."""
    t = times(rng, 0.4, 1.2)
    return np.asarray(band(rng.normal(size=len(t)), 300, 3_400, -0.6) * np.sin(np.pi * t / t[-1]) ** 2)


def dtmf(rng: np.random.Generator) -> Wave:
    """Keys."""
    t = times(rng)
    return tones(t, rng.choice([697, 770, 852, 941]), rng.choice([1_209, 1_336, 1_477])) * cadence(t, 0.12, 0.1)


def ringback_us(rng: np.random.Generator) -> Wave:
    """440 and 480 Hz."""
    return tones(times(rng, 1.0), 440, 480)


def cough(rng: np.random.Generator) -> Wave:
    """Bursts through a throat."""
    t = times(rng, 0.3, 0.6)
    burst = band(rng.normal(size=len(t)), 200, 1_800) * envelope(t, 0.02, 0.09)
    return np.concatenate([burst, np.zeros(800), 0.6 * burst]) if rng.random() < 0.5 else burst


def chords(rng: np.random.Generator) -> Wave:
    """An organ on hold."""
    t = times(rng, 1.0)
    root = 220 * 2 ** (rng.integers(0, 12, 1 + len(t) // 4_000) / 12)
    held = np.repeat(root, 4_000)[: len(t)]
    phase = 2 * np.pi * np.cumsum(held) / RATE_HZ
    return np.asarray(sum(np.sin(phase * ratio) for ratio in (1.0, 1.25, 1.5, 2.0)))


def typing(rng: np.random.Generator) -> Wave:
    """A keyboard."""
    return hits(
        rng, times(rng, 0.8), 6.0, lambda: band(rng.normal(size=240), 900, 3_600) * np.exp(-np.arange(240) / 50)
    )


def pink_noise(rng: np.random.Generator) -> Wave:
    """A car, a fan."""
    return band(rng.normal(size=len(times(rng))), 60, 3_900, -0.5)


def hum_60(rng: np.random.Generator) -> Wave:
    """The other mains, rectified, swelling."""
    t = times(rng)
    return np.asarray(
        np.abs(np.sin(2 * np.pi * 60 * t)) * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t)) - 0.6
    )


def knocks(rng: np.random.Generator) -> Wave:
    """On a table."""

    def knock() -> Wave:
        t = np.arange(1_200) / RATE_HZ
        return np.asarray(np.sin(2 * np.pi * rng.uniform(120, 300) * t) * np.exp(-t / 0.025))

    return hits(rng, times(rng), 1.5, knock)


def sigh(rng: np.random.Generator) -> Wave:
    """A long breath whose colour changes."""
    t = times(rng, 0.8, 1.8)
    dark, bright = band(rng.normal(size=len(t)), 200, 1_200), band(rng.normal(size=len(t)), 1_000, 3_800)
    place = t / t[-1]
    return np.asarray((dark * (1 - place) + bright * place) * np.sin(np.pi * np.sqrt(place)))


def handling(rng: np.random.Generator) -> Wave:
    """A phone that is moved: rubbing and thumps."""
    t = times(rng, 0.6)
    rub = band(rng.normal(size=len(t)), 60, 900, -1.0) * np.abs(band(rng.normal(size=len(t)), 1, 9))
    return np.asarray(rub / (np.abs(rub).max() + 1e-9))


def dial_tone_425(rng: np.random.Generator) -> Wave:
    """Steady or busy."""
    t = times(rng, 0.8)
    return tones(t, 425) * (cadence(t, 0.48, 0.48) if rng.random() < 0.5 else 1.0)


def ringback_uk(rng: np.random.Generator) -> Wave:
    """400 and 450 Hz, twice."""
    t = times(rng, 1.2)
    return tones(t, 400, 450) * cadence(t, 0.4, 0.2)


def fax(rng: np.random.Generator) -> Wave:
    """CNG or the answer tone, with its phase reversals."""
    t = times(rng, 0.8)
    return tones(t, 1_100) if rng.random() < 0.5 else tones(t, 2_100) * np.sign(np.sin(2 * np.pi * 1.1 * t) + 1e-9)


def siren(rng: np.random.Generator) -> Wave:
    """Outside."""
    t = times(rng, 1.0)
    hz = 900 + 400 * np.sin(2 * np.pi * rng.uniform(0.3, 3) * t)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ))


def throat(rng: np.random.Generator) -> Wave:
    """Clearing it: a rough, low voice without a word."""
    t = times(rng, 0.25, 0.6)
    pulses = np.sign(np.sin(2 * np.pi * np.cumsum(rng.normal(70, 12, len(t))) / RATE_HZ)) + rng.normal(size=len(t))
    return np.asarray(band(pulses, 250, 1_500) * np.sin(np.pi * t / t[-1]))


def plucked(rng: np.random.Generator) -> Wave:
    """A guitar on hold."""

    def note() -> Wave:
        t = np.arange(RATE_HZ) / RATE_HZ
        hz = 110 * 2 ** (rng.integers(0, 30) / 12)
        return np.asarray(sum(np.sin(2 * np.pi * hz * n * t) * np.exp(-t * n * 3) / n for n in range(1, 8)))

    return hits(rng, times(rng, 1.2), 4.0, note)


def crackle(rng: np.random.Generator) -> Wave:
    """A bad line."""
    t = times(rng)
    return (rng.random(len(t)) < 0.003) * rng.normal(size=len(t)) * 5 + rng.normal(scale=0.02, size=len(t))


def laugh(rng: np.random.Generator) -> Wave:
    """Voiced bursts without a word."""
    hz = rng.uniform(140, 280)
    t = np.arange(int(0.09 * RATE_HZ)) / RATE_HZ
    burst = sum(np.sin(2 * np.pi * hz * n * t) / n**1.5 for n in range(1, 10)) * np.hanning(len(t))
    return np.concatenate([np.append(burst * 0.85**n, np.zeros(700)) for n in range(rng.integers(3, 7))])


def wind(rng: np.random.Generator) -> Wave:
    """In gusts."""
    t = times(rng, 1.0)
    return np.asarray(
        band(rng.normal(size=len(t)), 50, 1_500, -0.8) * (1.2 + np.sin(2 * np.pi * rng.uniform(0.5, 3) * t))
    )


def doorbell(rng: np.random.Generator) -> Wave:
    """Two gongs."""
    t = np.arange(int(0.7 * RATE_HZ)) / RATE_HZ
    high, low = (tones(t, hz, 2.76 * hz) * np.exp(-t / 0.25) for hz in (rng.uniform(600, 800), rng.uniform(450, 600)))
    return np.concatenate([high, low])


def sneeze(rng: np.random.Generator) -> Wave:
    """A breath in, and a burst."""
    t = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    noise = rng.normal(size=len(t))
    return np.concatenate([0.2 * band(noise, 500, 2_500) * t, band(noise, 800, 3_800) * envelope(t, 0.01, 0.08)])


def bark(rng: np.random.Generator) -> Wave:
    """A dog, once or twice."""
    t = np.arange(int(0.18 * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(rng.uniform(300, 500) * (1 + 0.6 * np.sin(np.pi * t / t[-1]))) / RATE_HZ
    one = (np.sign(np.sin(phase)) + 0.5 * rng.normal(size=len(t))) * np.hanning(len(t))
    return np.concatenate([band(one, 250, 2_500), np.zeros(1_500)] * int(rng.integers(1, 3)))


def zip_fastener(rng: np.random.Generator) -> Wave:
    """And the like: a rasp that rises."""
    t = times(rng, 0.3, 0.9)
    rasp = np.sign(np.sin(2 * np.pi * np.cumsum(60 + 120 * t / t[-1]) / RATE_HZ)) * rng.normal(size=len(t))
    return band(rasp, 900, 3_700)


FITTED: tuple[Make, ...] = (
    white_noise,
    hum_50,
    clicks,
    breath,
    dtmf,
    ringback_us,
    cough,
    chords,
    typing,
    pink_noise,
    hum_60,
    knocks,
    sigh,
    handling,
    dial_tone_425,
    ringback_uk,
    fax,
    siren,
    throat,
    plucked,
    crackle,
    laugh,
    bark,
)
HELD_OUT: tuple[Make, ...] = (wind, doorbell, sneeze, zip_fastener)
