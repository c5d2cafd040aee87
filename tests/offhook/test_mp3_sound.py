"""MP3: what it becomes, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from offhook import audio_stream, mp3_sound, shared_mp3
from offhook.audio_stream import AudioStreamError, stream_pcm
from offhook.http_request import HttpBody, HttpRequest
from offhook.mp3_sound import Mp3, is_mp3
from offhook.telephony.tones import tones

TONE_HZ, SECONDS = 440.0, 2


def mp3(rate_hz: int = 44_100, channels: int = 2, seconds: int = SECONDS) -> bytes:
    """A tone, the same in all channels."""
    soundfile = pytest.importorskip("soundfile")
    samples = np.frombuffer(tones((TONE_HZ,), 1_000 * seconds, rate_hz=rate_hz), "<i2")
    file = BytesIO()
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate_hz, format="MP3")
    return file.getvalue()


def decoded(data: bytes, rate_hz: int) -> bytes:
    sound, pieces = Mp3(data, rate_hz), list[bytes]()
    while piece := sound.second():
        pieces.append(piece)
    return b"".join(pieces)


def is_the_tone(pcm: bytes, rate_hz: int) -> bool:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    strongest = np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * rate_hz / len(samples)
    return bool(abs(strongest - TONE_HZ) < 2.0 and abs(len(samples) / rate_hz - SECONDS) < 0.2)


@pytest.mark.parametrize("to_hz", [8_000, 16_000])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (22_050, 1), (16_000, 1)])
def test_a_sound_is_decoded(rate_hz: int, channels: int, to_hz: int) -> None:
    data = mp3(rate_hz, channels)
    assert is_mp3(data, "audio/mpeg")
    assert is_the_tone(decoded(data, to_hz), to_hz)


def test_its_length_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3_sound, "MAX_MP3_S", SECONDS - 1)
    with pytest.raises(ValueError, match="longer than 1 s"):
        decoded(mp3(), 8_000)


EMPTY_TAG = b"ID3\x04\x00\x00\x00\x00\x00\x00"
FOOTER = b"3DI\x04\x00\x10\x00\x00\x00\x00"


def test_what_is_none_is_refused() -> None:
    pytest.importorskip("soundfile")
    for data in (
        b"ID3" * 100,
        b"\xff\xfb\x90\xc4",
        b"",
        EMPTY_TAG,
        100 * EMPTY_TAG,
        b"ID3\x04\x00\x10\x7f\x7f\x7f\x7f",
    ):
        with pytest.raises(ValueError, match="no MP3"):
            Mp3(data, 8_000)


@pytest.mark.parametrize("tags", [EMPTY_TAG, EMPTY_TAG[:9] + b"\x7f" + bytes(127), 2 * EMPTY_TAG])
def test_tags_are_skipped(tags: bytes) -> None:
    assert is_the_tone(decoded(tags + mp3(), 8_000), 8_000)


@pytest.mark.parametrize("tag", [b"", EMPTY_TAG, EMPTY_TAG[:5] + b"\x10" + EMPTY_TAG[6:] + FOOTER])
@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF", "AU", "CAF", "W64", "WAV"])
def test_another_format_is_none_whatever_the_server_calls_it(kind: str, tag: bytes) -> None:
    soundfile = pytest.importorskip("soundfile")
    file = BytesIO()
    soundfile.write(file, np.frombuffer(tones((TONE_HZ,), 1_000), "<i2"), 8_000, format=kind)
    with pytest.raises(ValueError, match="no MP3"):
        Mp3(tag + file.getvalue(), 8_000)


def test_it_is_decoded_a_second_at_a_time() -> None:
    sound = Mp3(mp3(seconds=5), 8_000)
    pieces = [sound.second() for _ in range(8)]
    assert all(len(piece) <= 2 * 8_000 * 1.1 for piece in pieces)
    assert pieces[-1] == b"" != pieces[3]


def test_without_the_package_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr(mp3_sound, "import_module", missing)
    with pytest.raises(ValueError, match=r"pip install 'offhook\[mp3\]'"):
        Mp3(EMPTY_TAG + b"\xff\xfb\x90\xc4", 8_000)


def test_without_the_package_nothing_more_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3_sound, "find_spec", lambda _name: None)
    monkeypatch.setattr(audio_stream, "MAX_MP3_BYTES", 1_000)
    with pytest.raises(AudioStreamError, match=r"pip install 'offhook\[mp3\]'"):
        played(EMPTY_TAG + bytes(5_000), monkeypatch)


@pytest.mark.parametrize(
    ("data", "content_type", "found"),
    [
        (b"ID3\x04", "", True),
        (b"\xff\xfb\x90\xc4", "audio/mpeg", True),
        (b"\xff\xfb\x90\xc4", "audio/basic", False),
        (b"OggS\x00\x02", "audio/mpeg", False),
        (b"RIFF....WAVE", "audio/mpeg", False),
        (b"RIFF....WAVE", "audio/wav", False),
    ],
)
def test_what_an_mp3_looks_like(data: bytes, content_type: str, found: bool) -> None:
    assert is_mp3(data, content_type) is found


def served(data: bytes, monkeypatch: pytest.MonkeyPatch) -> HttpRequest:
    """A request for this sound, which comes in pieces of 100 bytes."""

    @asynccontextmanager
    async def opened(_request: HttpRequest, _values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 100):
                yield data[at : at + 100]

        yield HttpBody("audio/mpeg", pieces())

    monkeypatch.setattr(HttpRequest, "open", opened)
    return HttpRequest("http://ivr.example.com/a.mp3")


def played(data: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What a request for this sound comes to."""
    request = served(data, monkeypatch)

    async def whole() -> bytes:
        return b"".join([piece async for piece in stream_pcm(request, 16_000)])

    return asyncio.run(whole())


def test_a_server_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_the_tone(played(mp3(), monkeypatch), 16_000)


def test_a_server_sends_too_much_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_stream, "MAX_MP3_BYTES", 1_000)
    with pytest.raises(AudioStreamError, match="more than"):
        played(b"ID3" + bytes(5_000), monkeypatch)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an entry for each second that is decoded from now on."""
    seconds: list[int] = []

    class Counted(Mp3):
        def second(self) -> bytes:
            seconds.append(1)
            return super().second()

    monkeypatch.setattr(shared_mp3, "Mp3", Counted)
    return seconds


def test_who_takes_no_more_of_it_has_no_more_of_it_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    request, seconds = served(mp3(seconds=30), monkeypatch), counted(monkeypatch)

    async def first() -> tuple[bytes, list[str]]:
        told: list[str] = []
        async with aclosing(stream_pcm(request, 16_000, lambda: told.append("mp3"))) as pieces:
            return await anext(pieces), told

    piece, told = asyncio.run(first())
    assert 0 < len(piece) <= 2 * 16_000 * 1.1
    assert (len(seconds), told) == (1, ["mp3"])


def test_what_many_play_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = mp3(seconds=5)
    request, seconds = served(data, monkeypatch), counted(monkeypatch)

    async def whole() -> bytes:
        return b"".join([piece async for piece in stream_pcm(request, 16_000)])

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(whole() for _ in range(20)))

    assert asyncio.run(all_of_them()) == 20 * [decoded(data, 16_000)]
    assert len(seconds) < 20


def test_who_leaves_breaks_it_off_for_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    data = mp3(seconds=6)
    request = served(data, monkeypatch)

    async def one_leaves() -> bytes:
        one, other = stream_pcm(request, 16_000), stream_pcm(request, 16_000)
        await anext(one)
        first = await anext(other)
        leaving = asyncio.ensure_future(anext(one))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        return first + b"".join([piece async for piece in other])

    assert asyncio.run(one_leaves()) == decoded(data, 16_000)


def test_the_connection_is_closed_before_it_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    data, closed = mp3(), list[bool]()

    @asynccontextmanager
    async def opened(_request: HttpRequest, _values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        async def pieces() -> AsyncIterator[bytes]:
            yield data

        yield HttpBody("audio/mpeg", pieces())
        closed.append(True)

    monkeypatch.setattr(HttpRequest, "open", opened)

    async def first() -> None:
        async with aclosing(stream_pcm(HttpRequest("http://ivr.example.com/a.mp3"), 8_000)) as pieces:
            assert await anext(pieces)
            assert closed == [True]

    asyncio.run(first())
