"""Synthetic voices for tests: espeak-ng's from the package that the project installs, the same on every machine."""

import json
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

RATE_HZ = 8_000

Samples = npt.NDArray[np.float64]


@lru_cache
def spoken(voices: tuple[str, ...], texts: tuple[str, ...]) -> tuple[Samples, ...]:
    """Each voice's texts, at 8 kHz on the 16-bit scale, voice by voice; nothing where espeak-ng is not installed."""
    if find_spec("espeakng_loader") is None:
        return ()
    return tuple(audio for voice in voices for audio in _spoken(voice, texts))


def _spoken(voice: str, texts: tuple[str, ...]) -> list[Samples]:
    command = [sys.executable, "-m", "tests.pipeline.speak", voice]
    done = subprocess.run(command, input=json.dumps(texts).encode(), capture_output=True, check=True, timeout=60)
    found, left = [], done.stdout
    while left:
        header, _, rest = left.partition(b"\n")
        values = json.loads(header)
        found.append(_resampled(np.frombuffer(rest[: values["bytes"]], "<i2").astype(np.float64), values["rate_hz"]))
        left = rest[values["bytes"] :]
    return found


def _resampled(audio: Samples, rate_hz: int) -> Samples:
    samples = RATE_HZ * len(audio) // rate_hz
    spectrum = np.fft.rfft(audio)[: samples // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, samples) * samples / len(audio))
