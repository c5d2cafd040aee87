"""WAV files of 8 kHz 16-bit PCM, in memory. Pure."""

import io
import wave

RATE_HZ = 8_000


def wav(pcm: bytes, channels: int = 1) -> bytes:
    """The file; with more than one channel `pcm` has a sample of each in turn."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(channels)
        audio.setsampwidth(2)
        audio.setframerate(RATE_HZ)
        audio.writeframes(pcm)
    return file.getvalue()
