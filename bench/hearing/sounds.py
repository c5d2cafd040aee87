"""Sounds that are no speech, as they are heard on phone lines. At 8 kHz, any level: the line sets it."""

from collections.abc import Callable, Mapping

import numpy as np

from bench.hearing.channels import RATE_HZ, Floats

Sound = Callable[[np.random.Generator], Floats]

NOTES_HZ = (262, 294, 330, 392, 440, 523)


def cough(rng: np.random.Generator) -> Floats:
    """Two bursts of dull noise."""
    burst = _coloured(rng, 0.18, 0.6) * _decay(0.18, 0.06)
    return np.concatenate([burst, np.zeros(RATE_HZ // 10), 0.8 * burst, np.zeros(RATE_HZ // 20)])


def breath(rng: np.random.Generator) -> Floats:
    """A breath into the microphone."""
    return _coloured(rng, 0.7, 0.3) * np.hanning(round(0.7 * RATE_HZ))


def knock(rng: np.random.Generator) -> Floats:
    """Three knocks on a table."""
    one = _tone(0.08, rng.uniform(120, 220)) * _decay(0.08, 0.015) + 0.2 * _coloured(rng, 0.08, 0.0) * _decay(
        0.08, 0.004
    )
    return np.concatenate([np.concatenate([one, np.zeros(RATE_HZ // 6)]) for _ in range(3)])


def click(rng: np.random.Generator) -> Floats:
    """A click of the line."""
    return np.concatenate([_coloured(rng, 0.02, 0.0) * _decay(0.02, 0.003), np.zeros(RATE_HZ // 4)])


def noise(rng: np.random.Generator) -> Floats:
    """A second of wind or street."""
    return _coloured(rng, 1.0, 0.9) * (1 + 0.5 * np.sin(2 * np.pi * 3 * np.arange(RATE_HZ) / RATE_HZ))


def hum(rng: np.random.Generator) -> Floats:
    """Mains hum."""
    return sum((_tone(1.0, 50.0 * n) / n for n in (1, 2, 3, 5)), np.zeros(RATE_HZ)) + 0.01 * rng.normal(size=RATE_HZ)


def music(rng: np.random.Generator) -> Floats:
    """A tune with harmonics."""
    notes = []
    for hz in rng.choice(NOTES_HZ, 6):
        note = sum((_tone(0.25, float(hz) * n) / n for n in (1, 2, 3, 4)), np.zeros(RATE_HZ // 4))
        notes.append(note * _decay(0.25, 0.15))
    return np.concatenate(notes)


def ringback(_: np.random.Generator) -> Floats:
    """Two frequencies, as the network rings."""
    return _tone(1.0, 440.0) + _tone(1.0, 480.0)


def dtmf(rng: np.random.Generator) -> Floats:
    """Three keys."""
    rows, columns = rng.choice([697, 770, 852, 941], 3), rng.choice([1209, 1336, 1477], 3)
    pause = np.zeros(RATE_HZ // 12)
    return np.concatenate(
        [np.concatenate([_tone(0.12, r) + _tone(0.12, c), pause]) for r, c in zip(rows, columns, strict=True)]
    )


def laugh(rng: np.random.Generator) -> Floats:
    """Voiced bursts without words."""
    pitch = rng.uniform(150, 260)
    one = sum((_tone(0.09, pitch * n) / n**1.5 for n in range(1, 12)), np.zeros(round(0.09 * RATE_HZ)))
    one = one * np.hanning(len(one)) + 0.1 * _coloured(rng, 0.09, 0.2)
    return np.concatenate([np.concatenate([one * 0.85**n, np.zeros(RATE_HZ // 11)]) for n in range(5)])


SOUNDS: Mapping[str, Sound] = {
    make.__name__: make for make in (cough, breath, knock, click, noise, hum, music, ringback, dtmf, laugh)
}


def _tone(seconds: float, hz: float) -> Floats:
    return np.asarray(np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def _decay(seconds: float, constant_s: float) -> Floats:
    return np.asarray(np.exp(-np.arange(round(seconds * RATE_HZ)) / (constant_s * RATE_HZ)))


def _coloured(rng: np.random.Generator, seconds: float, dullness: float) -> Floats:
    """Noise with its high frequencies damped, the more the closer `dullness` is to 1."""
    white = rng.normal(size=round(seconds * RATE_HZ))
    if not dullness:
        return white
    taps = dullness ** np.arange(64)
    return np.asarray(np.convolve(white, taps)[: len(white)])
