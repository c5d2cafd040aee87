"""16-bit little-endian mono PCM as bytes: level, silence, conversion to numpy and back."""

import math
import warnings

import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    # Up to 3.12 the standard library's module announces its removal; from 3.13 on audioop-lts takes its
    # place.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import audioop

__all__ = [
    "RATE_HZ",
    "SAMPLE_BYTES",
    "SILENCE_DBFS",
    "WIDE_RATE_HZ",
    "audioop",
    "from_array",
    "level_dbfs",
    "rms",
    "samples_in",
    "silence",
    "to_array",
]

RATE_HZ = 8_000
"""The narrowband sampling rate, and the rate of the ticks that count all audio time."""

WIDE_RATE_HZ = 16_000
"""The wideband sampling rate: two samples per tick."""

SAMPLE_BYTES = 2
"""Bytes per sample."""

SILENCE_DBFS = -96.0
"""What `level_dbfs` says of digital silence, and its lower bound: 16 bits have no quieter signal."""


def samples_in(pcm: bytes) -> int:
    """How many samples `pcm` holds."""
    return len(pcm) // SAMPLE_BYTES


def silence(samples: int) -> bytes:
    """Digital silence."""
    return bytes(SAMPLE_BYTES * samples)


def rms(pcm: bytes) -> int:
    """Root of the mean square, 0 … 32768; 0 for no samples. ValueError if `pcm` is not whole samples."""
    _require_whole_samples(pcm)
    return audioop.rms(pcm, SAMPLE_BYTES)


def level_dbfs(pcm: bytes) -> float:
    """Level in dB below full scale, at least `SILENCE_DBFS`.

    0 is the full-scale square wave, so a full-scale sine has -3.01 (the dBov of RFC 6464 §3). ValueError if
    `pcm` is not whole samples.
    """
    value = rms(pcm)
    return max(SILENCE_DBFS, 20.0 * math.log10(value / 32_768)) if value else SILENCE_DBFS


def to_array(pcm: bytes) -> npt.NDArray[np.int16]:
    """The samples as a read-only int16 array of shape (samples,). ValueError if they are not whole."""
    return np.frombuffer(pcm, dtype="<i2")


def from_array(samples: npt.ArrayLike) -> bytes:
    """Numbers in 16-bit units, shape (samples,), as PCM: rounded, and clipped to -32768 … 32767."""
    return np.clip(np.rint(samples), -32_768, 32_767).astype("<i2").tobytes()


def _require_whole_samples(pcm: bytes) -> None:
    if len(pcm) % SAMPLE_BYTES:
        raise ValueError(f"{len(pcm)} bytes are not whole 16-bit samples")
