"""Sounds to detect."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

FRAME_SAMPLES = 256
AUDIBLE = 32_768 * 10 ** (-45 / 20)

Samples = npt.NDArray[np.float64]


def phrase() -> Samples:
    """ "Check my balance", 1.3 s at 8 kHz, spoken by flite's voice rms."""
    with wave.open(str(Path(__file__).with_name("check_my_balance.wav"))) as reader:
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2").astype(np.float64)


def noise(samples: int, dbfs: float, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).normal(size=samples) * 32_768 * 10 ** (dbfs / 20)


def silence(samples: int) -> Samples:
    return np.zeros(samples)


def tone(samples: int, amplitude: float = 8_000.0) -> Samples:
    return amplitude * np.sin(2 * np.pi * 300 * np.arange(samples) / 8_000)


def frames(audio: Samples) -> list[bytes]:
    whole = audio[: len(audio) // FRAME_SAMPLES * FRAME_SAMPLES].clip(-32_768, 32_767).astype("<i2")
    return [part.tobytes() for part in whole.reshape(-1, FRAME_SAMPLES)]


def audible_span(audio: Samples) -> tuple[int, int]:
    loud = np.flatnonzero(np.abs(audio) > AUDIBLE)
    return int(loud[0]), int(loud[-1]) + 1
