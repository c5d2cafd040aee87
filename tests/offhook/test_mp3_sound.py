"""MP3: what it becomes, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from offhook import audio_stream, mp3_sound
from offhook.audio_stream import AudioStreamError, stream_pcm
from offhook.http_request import HttpBody, HttpRequest
from offhook.mp3_sound import is_mp3, mp3_pcm
from offhook.telephony.tones import tones

TONE_HZ, SECONDS = 440.0, 2


def mp3(rate_hz: int = 44_100, channels: int = 2, seconds: int = SECONDS) -> bytes:
    """A tone, the same in all channels."""
    soundfile = pytest.importorskip("soundfile")
    samples = np.frombuffer(tones((TONE_HZ,), 1_000 * seconds, rate_hz=rate_hz), "<i2")
    file = BytesIO()
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate_hz, format="MP3")
    return file.getvalue()


def is_the_tone(pcm: bytes, rate_hz: int) -> bool:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    strongest = np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * rate_hz / len(samples)
    return bool(abs(strongest - TONE_HZ) < 2.0 and abs(len(samples) / rate_hz - SECONDS) < 0.2)


@pytest.mark.parametrize("to_hz", [8_000, 16_000])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (22_050, 1), (16_000, 1)])
def test_a_sound_is_decoded(rate_hz: int, channels: int, to_hz: int) -> None:
    data = mp3(rate_hz, channels)
    assert is_mp3(data, "audio/mpeg")
    assert is_the_tone(mp3_pcm(data, to_hz), to_hz)


def test_its_length_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3_sound, "MAX_MP3_S", SECONDS - 1)
    with pytest.raises(ValueError, match="longer than 1 s"):
        mp3_pcm(mp3(), 8_000)


def test_what_is_none_is_refused() -> None:
    pytest.importorskip("soundfile")
    for data in (b"ID3" * 100, b"\xff\xfb\x90\xc4", b""):
        with pytest.raises(ValueError, match="no MP3"):
            mp3_pcm(data, 8_000)


def test_without_the_package_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr(mp3_sound, "import_module", missing)
    with pytest.raises(ValueError, match=r"pip install 'offhook\[mp3\]'"):
        mp3_pcm(b"ID3", 8_000)


@pytest.mark.parametrize(
    ("data", "content_type", "found"),
    [
        (b"ID3\x04", "", True),
        (b"\xff\xfb\x90\xc4", "audio/mpeg", True),
        (b"\xff\xfb\x90\xc4", "audio/basic", False),
        (b"RIFF....WAVE", "audio/mpeg", False),
        (b"RIFF....WAVE", "audio/wav", False),
    ],
)
def test_what_an_mp3_looks_like(data: bytes, content_type: str, found: bool) -> None:
    assert is_mp3(data, content_type) is found


def played(data: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What a request for this sound comes to, in pieces of 100 bytes."""

    @asynccontextmanager
    async def opened(_request: HttpRequest, _values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 100):
                yield data[at : at + 100]

        yield HttpBody("audio/mpeg", pieces())

    monkeypatch.setattr(HttpRequest, "open", opened)

    async def whole() -> bytes:
        return b"".join([piece async for piece in stream_pcm(HttpRequest("http://ivr.example.com/a.mp3"), 16_000)])

    return asyncio.run(whole())


def test_a_server_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_the_tone(played(mp3(), monkeypatch), 16_000)


def test_a_server_sends_too_much_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_stream, "MAX_MP3_BYTES", 1_000)
    with pytest.raises(AudioStreamError, match="more than"):
        played(b"ID3" + bytes(5_000), monkeypatch)
