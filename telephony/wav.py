"""WAV files (IBM/Microsoft, Multimedia Programming Interface 1.0), whole and as they arrive. Pure."""

import struct
from dataclasses import dataclass

import numpy as np

from offhook.telephony import pcm
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.pcm import audioop

MAX_HEADER_BYTES = 64 * 1024
"""Before the audio: chunks with titles and the like are skipped up to here."""

MAX_CHANNELS = 16
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 192_000

_LINEAR, _ALAW, _MULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_LAWS = {_ALAW: PCMA, _MULAW: PCMU}
_KINDS = {2: "ADPCM", 3: "floating point", 0x11: "ADPCM", 0x31: "GSM", 0x55: "MP3"}

_OTHERS = {
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"\xff\xf3": "an MP3 file",
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"FORM": "an AIFF file",
    b".snd": "an AU file",
    b"RIFX": "a WAV file for other processors (RIFX)",
}


@dataclass(frozen=True, slots=True)
class WavFormat:
    """How the samples of a file are stored: `kind` is 1 (linear), 6 (A-law) or 7 (mu-law)."""

    kind: int
    channels: int
    rate_hz: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        """One sample of each channel."""
        return self.channels * (1 if self.kind in _LAWS else self.bits // 8)

    def mono(self, payload: bytes) -> bytes:
        """Whole frames as 16-bit mono PCM, the mean of the channels."""
        payload = payload[: len(payload) // self.frame_bytes * self.frame_bytes]
        if self.kind in _LAWS:
            payload = _LAWS[self.kind].decode(payload)
        elif self.bits == 8:  # unsigned, unlike all others
            payload = audioop.lin2lin(audioop.bias(payload, 1, -128), 1, 2)
        if self.channels == 1:
            return payload
        return pcm.from_array(np.frombuffer(payload, "<i2").reshape(-1, self.channels).mean(1))


@dataclass(frozen=True, slots=True)
class WavStart:
    """The header of a file: its format, where its audio begins, and how many bytes it says that it has."""

    format: WavFormat
    data_at: int
    data_bytes: int


class WavHeader:
    """The header of a file as it arrives: each of its chunks is read once."""

    def __init__(self) -> None:
        self._at = 12
        self._format: WavFormat | None = None

    def start(self, data: bytes | bytearray) -> WavStart | None:
        """The header in the first bytes of the file, which are those of the last time and perhaps more; None: still
        more are needed. Raises ValueError, with the reason, if it is no WAV file, or one that nobody here can read."""
        if len(data) >= 12 and (data[:4] != b"RIFF" or data[8:12] != b"WAVE"):
            found = next((kind for mark, kind in _OTHERS.items() if data.startswith(mark)), None)
            raise ValueError(f"it is {found}" if found is not None else "it is not a WAV file")
        while (at := self._at) + 8 <= len(data):
            name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
            if name == b"data":
                if self._format is None:
                    raise ValueError("it does not say what its samples are")
                return WavStart(self._format, at + 8, size)
            if name == b"fmt ":
                if len(data) < at + 8 + min(max(size, 16), 40):
                    return None
                self._format = _format(data, at + 8, size)
            self._at += 8 + size + size % 2
            if self._at > MAX_HEADER_BYTES:
                raise ValueError(f"its audio does not begin in the first {MAX_HEADER_BYTES} bytes")
        return None


def wav_start(data: bytes) -> WavStart | None:
    """The header in the first bytes of a file, as `WavHeader.start` gives it."""
    return WavHeader().start(data)


def read_wav(data: bytes) -> tuple[bytes, int]:
    """16-bit mono PCM and its rate, of a whole file. Raises ValueError as `wav_start` does, and for one without
    audio."""
    start = wav_start(data)
    if start is None or start.data_at >= len(data):
        raise ValueError("it has no audio")
    mono = start.format.mono(data[start.data_at : start.data_at + start.data_bytes])
    if not mono:
        raise ValueError("it has no audio")
    return mono, start.format.rate_hz


def _format(data: bytes | bytearray, at: int, size: int) -> WavFormat:
    if size < 16:
        raise ValueError("its header is damaged")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
    if kind == _EXTENSIBLE and size >= 26:
        kind = struct.unpack_from("<H", data, at + 24)[0]
    if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise ValueError(f"it has {channels} channels at {rate_hz} Hz")
    if kind not in _LAWS and (kind != _LINEAR or bits not in (8, 16)):
        named = f"{bits}-bit linear" if kind == _LINEAR else _KINDS.get(kind, f"of format {kind}")
        raise ValueError(f"its samples are {named}, not linear of 8 or 16 bits or G.711")
    return WavFormat(kind, channels, rate_hz, bits)
