"""Audio for tests: 16-bit mono PCM."""

import io
import wave

from offhook.telephony import pcm, tones
from offhook.telephony.resample import Resampler


def sine(frequency_hz: float, duration_ms: float, *, level_dbfs: float = -16.0, rate_hz: int = pcm.RATE_HZ) -> bytes:
    """A sine from phase 0 on. `level_dbfs` as `pcm.level_dbfs` measures it: -3.01 is the loudest."""
    return tones.tones((frequency_hz,), duration_ms, level_dbfs=level_dbfs, rate_hz=rate_hz)


def resample(audio: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole recording at another rate, aligned in time: ceil(samples · to_hz / from_hz) samples."""
    if from_hz == to_hz:
        return audio
    resampler = Resampler(from_hz, to_hz)
    return resampler.push(audio) + resampler.flush()


def wav(audio: bytes, rate_hz: int, *, channels: int = 1, sample_bytes: int = 2) -> bytes:
    """The content of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, sample_bytes, rate_hz, 0, "NONE", ""))
        writer.writeframes(audio)
    return file.getvalue()
