"""MP3 as PCM, decoded by libsndfile: the package soundfile, of the extra `mp3`.

libsndfile reads many formats, whatever the type that a server claims: before it sees anything, the first frame has to
be one of MP3.
"""

from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np

from offhook.telephony.resample import Resampler

MAX_MP3_BYTES = 16 * 1024 * 1024
MAX_MP3_S = 600
"""Of one sound."""

MP3_WITHIN_S = 30.0
"""How long it may take to come: it begins when all of it is there."""

MP3_TYPES = ("audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg-3")
"""Content types."""

RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Those that MPEG-1, -2 and -2.5 have."""

MAX_CHANNELS = 2

TODO = "pip install 'offhook[mp3]'"

_TAG_BYTES = 10
_HAS_FOOTER = 0x10
_NEEDED = f"MP3 needs the package soundfile: {TODO}"
_NOT_ONE = "it is no MP3 that can be decoded"


def is_mp3(data: bytes | bytearray, content_type: str) -> bool:
    """Whether a sound that begins like this is one: by its tag, or by its first frame and what the server says."""
    return data.startswith(b"ID3") or (content_type in MP3_TYPES and _is_frame(data))


def check_decoder() -> None:
    """Raises ValueError where the package is missing."""
    if find_spec("soundfile") is None:
        raise ValueError(_NEEDED)


class Mp3:
    """One sound as 16-bit mono PCM at `rate_hz`, a second at a time. May be used in any thread, by one at a time.

    Raises ValueError for what is no MP3, or cannot be decoded here.
    """

    def __init__(self, data: bytes, rate_hz: int) -> None:
        frames = data[_end_of_tags(data) :]
        if not _is_frame(frames):
            raise ValueError(_NOT_ONE)
        try:
            soundfile: Any = import_module("soundfile")
        except (ImportError, OSError):
            raise ValueError(_NEEDED) from None
        self._error: type[Exception] = soundfile.LibsndfileError
        try:
            self._file = file = soundfile.SoundFile(BytesIO(frames))
        except self._error:
            raise ValueError(_NOT_ONE) from None
        if file.format != "MP3" or file.channels > MAX_CHANNELS or file.samplerate not in RATES_HZ:
            raise ValueError(_NOT_ONE)
        self._resampler = None if file.samplerate == rate_hz else Resampler(file.samplerate, rate_hz)
        self._seconds = 0
        self._is_over = False

    def second(self) -> bytes:
        """What follows; empty at the end. Raises ValueError for what is longer than MAX_MP3_S, or broken."""
        pcm = b""
        while not pcm and not self._is_over:
            pcm = self._next()
        return pcm

    def _next(self) -> bytes:
        try:
            block = self._file.read(self._file.samplerate, dtype="int16", always_2d=True)
        except self._error:
            raise ValueError(_NOT_ONE) from None
        if not len(block):
            self._is_over = True
            return b"" if self._resampler is None else self._resampler.flush()
        self._seconds += 1
        if self._seconds > MAX_MP3_S:
            raise ValueError(f"it is longer than {MAX_MP3_S} s")
        pcm: bytes = block.astype(np.int32).mean(axis=1).astype("<i2").tobytes()
        return pcm if self._resampler is None else self._resampler.push(pcm)


def _is_frame(data: bytes | bytearray) -> bool:
    """Whether it begins with a frame of layer III: 11 bits of sync, version, layer (ISO/IEC 11172-3, §2.4.1.3)."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08


def _end_of_tags(data: bytes) -> int:
    """Where the first frame is: behind the tags (ID3v2.4, §3.1), whose length has 4 × 7 bits."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + _TAG_BYTES:
        size = 0
        for octet in data[at + 6 : at + _TAG_BYTES]:
            size = size << 7 | octet & 0x7F
        at += _TAG_BYTES + size + (_TAG_BYTES if data[at + 5] & _HAS_FOOTER else 0)
    return at
