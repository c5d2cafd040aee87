"""Hold music: chords, a melody over them and, in two of three pieces, drums."""

import numpy as np

from tests.pipeline.front_end.calls import at_level
from tests.pipeline.vad.audio import Samples

RATE = 8_000
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
PARTIALS = {"organ": 4, "pluck": 7, "string": 11, "sine": 1}


def hold_music(seed: int, seconds: float = 10.0) -> Samples:
    """One piece, within the phone band."""
    rng = np.random.default_rng(seed)
    kind = list(PARTIALS)[seed % 4]
    beat_s, root_hz = rng.uniform(0.3, 0.6), rng.uniform(110, 220)
    piece = np.zeros(int(seconds * RATE) + 4 * RATE)
    at = bar = 0
    while at < seconds * RATE:
        base = (0, 9, 5, 7)[bar % 4]
        for step in (0, 4, 7):
            _add(piece, at, 0.4 * _note(root_hz * 2 ** ((base + step) / 12), 4 * beat_s, kind, rng))
        for beat in range(4):
            tone_hz = 2 * root_hz * 2 ** ((base + SCALE[int(rng.integers(8))]) / 12)
            _add(piece, at + int(beat * beat_s * RATE), _note(tone_hz, beat_s * rng.choice([0.5, 1.0]), kind, rng))
        at += int(4 * beat_s * RATE)
        bar += 1
    piece = piece[: int(seconds * RATE)]
    if seed % 3:
        piece += 0.7 * _drums(len(piece), beat_s, rng)
    spectrum, hz = np.fft.rfft(piece), np.fft.rfftfreq(len(piece), 1 / RATE)
    spectrum[(hz < 200) | (hz > 3_500)] = 0
    return at_level(np.fft.irfft(spectrum, len(piece)), rng.uniform(-26, -14))


def _add(piece: Samples, at: int, sound: Samples) -> None:
    end = min(len(piece), at + len(sound))
    piece[at:end] += sound[: max(0, end - at)]


def _note(hz: float, length_s: float, kind: str, rng: np.random.Generator) -> Samples:
    t = np.arange(int(length_s * RATE)) / RATE
    phase = 2 * np.pi * hz * t + (0.05 * hz / 5.5 * np.sin(2 * np.pi * 5.5 * t) if kind == "string" else 0.0)
    partials = [k for k in range(1, PARTIALS[kind] + 1) if hz * k < 3_600]
    sound = sum((np.sin(k * phase + rng.uniform(0, 6)) / k for k in partials), np.zeros(len(t)))
    if kind == "pluck":
        return np.asarray(sound * np.exp(-4 * t) * np.minimum(1, t / 0.005))
    return np.asarray(sound * np.minimum(1, np.minimum(t / 0.02, (length_s - t) / 0.05)))


def _drums(samples: int, beat_s: float, rng: np.random.Generator) -> Samples:
    drums, half = np.zeros(samples), int(beat_s * RATE / 2)
    t = np.arange(half) / RATE
    for index, at in enumerate(range(0, samples - half, half)):
        if index % 4 == 0:
            hit = 2 * np.sin(2 * np.pi * (60 + 80 * np.exp(-30 * t)) * t) * np.exp(-18 * t)
        else:
            hit = rng.normal(size=half) * np.exp(-(25 if index % 4 == 2 else 80) * t)
        drums[at : at + half] += hit
    return drums
