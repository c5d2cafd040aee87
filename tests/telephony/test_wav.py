"""WAV files of every kind that is read, and of some that are not."""

import io
import struct
import wave
from typing import Any

import pytest

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.wav import WavFormat, WavHeader, read_wav, wav_start


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def layout(kind: int, channels: int = 1, rate_hz: int = 8_000, bits: int = 16, more: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame, frame, bits) + more


PCM = struct.pack("<6h", 0, 1_000, -1_000, 32_767, -32_768, 5)


@pytest.mark.parametrize(
    ("file", "pcm"),
    [
        (riff((b"fmt ", layout(1)), (b"data", PCM)), PCM),
        (riff((b"LIST", b"a title"), (b"fmt ", layout(1)), (b"fact", b"1234"), (b"data", PCM)), PCM),
        (riff((b"fmt ", layout(1)), (b"data", PCM + b"\x07")), PCM),
        (riff((b"fmt ", layout(1, channels=2)), (b"data", PCM)), struct.pack("<3h", 500, 15_884, -16_382)),
        (riff((b"fmt ", layout(1, bits=8)), (b"data", b"\x80\xff\x00")), struct.pack("<3h", 0, 32_512, -32_768)),
        (riff((b"fmt ", layout(7, bits=8)), (b"data", b"\xff\x00\x80")), PCMU.decode(b"\xff\x00\x80")),
        (riff((b"fmt ", layout(6, bits=8)), (b"data", b"\xd5\x2a")), PCMA.decode(b"\xd5\x2a")),
        (
            riff((b"fmt ", layout(0xFFFE, more=struct.pack("<HHIH14s", 22, 16, 4, 1, b""))), (b"data", PCM)),
            PCM,
        ),
    ],
    ids=["linear", "other chunks", "half a sample", "stereo", "8 bits", "mu-law", "A-law", "extensible"],
)
def test_what_is_read(file: bytes, pcm: bytes) -> None:
    assert read_wav(file) == (pcm, 8_000)


def test_what_python_writes() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((2, 2, 44_100, 0, "NONE", ""))
        audio.writeframes(PCM)
    assert read_wav(file.getvalue()) == (struct.pack("<3h", 500, 15_884, -16_382), 44_100)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "no audio"),
        (b"ID3\x04" + bytes(100), "it is an MP3 file"),
        (b"OggS" + bytes(100), "it is an Ogg file"),
        (b"no sound at all", "not a WAV file"),
        (riff((b"fmt ", layout(1)), (b"data", b"")), "no audio"),
        (riff((b"data", PCM)), "does not say"),
        (riff((b"fmt ", layout(3, bits=32)), (b"data", PCM)), "floating point"),
        (riff((b"fmt ", layout(1, bits=24)), (b"data", PCM)), "24-bit linear"),
        (riff((b"fmt ", layout(0x55)), (b"data", PCM)), "MP3"),
        (riff((b"fmt ", layout(1, channels=0)), (b"data", PCM)), "0 channels"),
        (riff((b"fmt ", layout(1, rate_hz=1)), (b"data", PCM)), "at 1 Hz"),
        (riff((b"fmt ", b"1234"), (b"data", PCM)), "damaged"),
        (riff((b"LIST", bytes(70_000)), (b"fmt ", layout(1)), (b"data", PCM)), "does not begin"),
    ],
)
def test_what_is_not_read(file: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_wav(file)


def test_a_header_that_arrives_byte_by_byte() -> None:
    file = riff((b"LIST", b"odd"), (b"fmt ", layout(7, rate_hz=16_000, bits=8)), (b"data", b"\xff" * 40))
    at = len(file) - 40
    assert all(wav_start(file[:size]) is None for size in range(at))
    start = wav_start(file[:at])
    assert start is not None
    assert (start.format, start.data_at, start.data_bytes) == (WavFormat(7, 1, 16_000, 8), at, 40)


def test_each_chunk_of_a_header_is_read_once() -> None:
    file = riff((b"fmt ", layout(1)), *[(b"LIST", b"")] * 2_000, (b"data", PCM))
    whole = wav_start(file)
    assert whole is not None
    header, seen = WavHeader(), _Counted()
    for at in range(12, whole.data_at):
        seen += file[len(seen) : at]
        assert header.start(seen) is None
    seen += file[len(seen) : whole.data_at]
    assert header.start(seen) == whole
    assert seen.slices < 3 * whole.data_at


class _Counted(bytearray):
    """Bytes that count how often a part of them is read."""

    slices = 0

    def __getitem__(self, at: Any) -> Any:
        self.slices += 1
        return super().__getitem__(at)
