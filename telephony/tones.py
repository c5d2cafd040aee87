"""Tones, keys, noise and silence as 16-bit PCM: for tests, demonstrations and call-progress sounds."""

import math

import numpy as np
import numpy.typing as npt

from offhook.telephony import pcm

DTMF_HZ: dict[str, tuple[int, int]] = {
    key: (low, high)
    for low, keys in ((697, "123A"), (770, "456B"), (852, "789C"), (941, "*0#D"))
    for high, key in zip((1_209, 1_336, 1_477, 1_633), keys, strict=True)
}
"""Key -> its low and its high frequency (ITU-T Q.23)."""

_EDGE_MS = 2.0


def silence(duration_ms: float, *, rate_hz: int = pcm.RATE_HZ) -> bytes:
    """Digital silence."""
    return pcm.silence(_samples(duration_ms, rate_hz))


def tones(
    frequencies_hz: tuple[float, ...],
    duration_ms: float,
    *,
    level_dbfs: float = -16.0,
    rate_hz: int = pcm.RATE_HZ,
) -> bytes:
    """Several sines at once, each at `level_dbfs`; what exceeds full scale is clipped."""
    return pcm.from_array(_sum_of_sines(frequencies_hz, duration_ms, level_dbfs, rate_hz))


def dtmf(
    digits: str,
    *,
    tone_ms: float = 100.0,
    pause_ms: float = 100.0,
    level_dbfs: float = -14.0,
    rate_hz: int = pcm.RATE_HZ,
) -> bytes:
    """Key presses in the voice band, each followed by its pause. ValueError for anything but 0-9 * # A-D."""
    unknown = sorted(set(digits) - set(DTMF_HZ))
    if unknown:
        raise ValueError(f"no such key: {' '.join(unknown)}; keys are 0-9 * # A-D")
    edge = _samples(_EDGE_MS, rate_hz)
    pause = silence(pause_ms, rate_hz=rate_hz)
    parts = []
    for digit in digits:
        tone = _sum_of_sines(DTMF_HZ[digit], tone_ms, level_dbfs, rate_hz)
        ramp = np.minimum(np.arange(1, len(tone) + 1), np.arange(len(tone), 0, -1)) / edge
        parts += [pcm.from_array(tone * np.minimum(ramp, 1.0)), pause]
    return b"".join(parts)


def noise(duration_ms: float, *, level_dbfs: float = -60.0, seed: int = 0, rate_hz: int = pcm.RATE_HZ) -> bytes:
    """White Gaussian noise, the same for the same `seed`; at -60 and below it is comfort noise."""
    generator = np.random.default_rng(seed)
    return pcm.from_array(generator.normal(0.0, _rms_of(level_dbfs), _samples(duration_ms, rate_hz)))


def _sum_of_sines(
    frequencies_hz: tuple[float, ...], duration_ms: float, level_dbfs: float, rate_hz: int
) -> npt.NDArray[np.float64]:
    amplitude = _rms_of(level_dbfs) * 2.0**0.5
    phase_per_hz = 2.0 * np.pi / rate_hz * np.arange(_samples(duration_ms, rate_hz))
    total = np.zeros_like(phase_per_hz)
    for frequency_hz in frequencies_hz:
        total += amplitude * np.sin(frequency_hz * phase_per_hz)
    return total


def _rms_of(level_dbfs: float) -> float:
    return 32_768.0 * math.pow(10.0, level_dbfs / 20.0)


def _samples(duration_ms: float, rate_hz: int) -> int:
    return round(duration_ms * rate_hz / 1_000)
