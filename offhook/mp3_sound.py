"""MP3 as PCM, decoded by libsndfile: the package soundfile, of the extra `mp3`."""

from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np

from offhook.telephony.resample import Resampler

MAX_MP3_BYTES = 16 * 1024 * 1024
MAX_MP3_S = 600
"""Of one sound."""

MP3_WITHIN_S = 30.0
"""How long it may take to come: it is decoded as a whole."""

MP3_TYPES = ("audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg-3")
"""Content types."""

RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Those that MPEG-1, -2 and -2.5 have."""

TODO = "pip install 'offhook[mp3]'"


def is_mp3(data: bytes | bytearray, content_type: str) -> bool:
    """Whether a sound that begins like this is one: by its tag, its first frame, or what the server says of it."""
    is_frame = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2  # 11 bits of sync, layer III
    return data.startswith(b"ID3") or (content_type in MP3_TYPES and (is_frame or not data.startswith(b"RIFF")))


def mp3_pcm(data: bytes, rate_hz: int) -> bytes:
    """16-bit mono PCM at `rate_hz`. May be called in any thread. Raises ValueError for what is no MP3, is too long, or
    cannot be decoded here."""
    try:
        soundfile: Any = import_module("soundfile")
    except (ImportError, OSError):
        raise ValueError(f"MP3 needs the package soundfile: {TODO}") from None
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            return _decoded(file, rate_hz)
    except soundfile.LibsndfileError:
        raise ValueError("it is no MP3 that can be decoded") from None


def _decoded(file: Any, rate_hz: int) -> bytes:
    if file.samplerate not in RATES_HZ:
        raise ValueError(f"it has {file.samplerate} Hz")
    resampler = None if file.samplerate == rate_hz else Resampler(file.samplerate, rate_hz)
    pieces, seconds = list[bytes](), 0
    while len(block := file.read(file.samplerate, dtype="int16", always_2d=True)):
        seconds += 1
        if seconds > MAX_MP3_S:
            raise ValueError(f"it is longer than {MAX_MP3_S} s")
        pcm = block.astype(np.int32).mean(axis=1).astype("<i2").tobytes()
        pieces.append(pcm if resampler is None else resampler.push(pcm))
    if resampler is not None:
        pieces.append(resampler.flush())
    return b"".join(pieces)
