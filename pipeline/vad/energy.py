"""A detector by level alone, for machines without onnxruntime. It takes any loud sound for speech."""

import math

import numpy as np

from offhook.pipeline.vad.engine import VadCapabilities

RATE_HZ = 8_000
FRAME_SAMPLES = 256

FLOOR_MIN_DBFS = -65.0
FLOOR_MAX_DBFS = -35.0
FLOOR_FIRST_MAX_DBFS = -45.0  # limit for the first frame, which may already be speech
FLOOR_RISE_DB = 0.1  # per frame, which is 3 dB a second: slower than any word
FLOOR_FALL = 0.3  # share of the distance, per frame
SPEECH_ABOVE_FLOOR_DB = 12.0  # where the probability is one half
SLOPE_DB = 2.0


class EnergyVad:
    """A VadEngine that compares a frame's level with that of the quietest recent frames."""

    capabilities = VadCapabilities(RATE_HZ, FRAME_SAMPLES)

    def stream(self) -> "EnergyStream":
        """A stream for one call."""
        return EnergyStream()


class EnergyStream:
    """A VadStream. Its noise floor falls quickly and rises by 3 dB a second, between -65 and -35 dBFS."""

    __slots__ = ("_floor_dbfs",)

    def __init__(self) -> None:
        self._floor_dbfs: float | None = None

    def infer(self, frame: bytes) -> float:
        """The probability that the next 32 ms (256 samples, 512 bytes) contain speech."""
        if len(frame) != 2 * FRAME_SAMPLES:
            raise ValueError(f"a frame is {2 * FRAME_SAMPLES} bytes, not {len(frame)}")
        level = _level_dbfs(frame)
        floor = min(level, FLOOR_FIRST_MAX_DBFS) if self._floor_dbfs is None else self._floor_dbfs
        floor += min(level - floor, FLOOR_RISE_DB) if level > floor else (level - floor) * FLOOR_FALL
        self._floor_dbfs = floor = min(max(floor, FLOOR_MIN_DBFS), FLOOR_MAX_DBFS)
        above = level - floor - SPEECH_ABOVE_FLOOR_DB
        return 1 / (1 + math.exp(-above / SLOPE_DB))

    def reset(self) -> None:
        """Reset the noise floor."""
        self._floor_dbfs = None


def _level_dbfs(frame: bytes) -> float:
    samples = np.frombuffer(frame, "<i2").astype(np.float32)
    mean_square = float(samples @ samples) / len(samples)
    return 10 * math.log10(max(mean_square, 1e-3) / 32_768**2)
