"""Sound that a server sends while it is played: WAV, or mu-law without a header; and MP3, once all of it is there."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from offhook.http_request import HttpRequest
from offhook.mp3_sound import MAX_MP3_BYTES, MP3_WITHIN_S, check_decoder, is_mp3
from offhook.pipeline.closed import ignore
from offhook.shared_mp3 import shared_mp3
from offhook.telephony.resample import Resampler
from offhook.telephony.wav import WavFormat, WavHeader

LAW_TYPES = ("audio/basic", "audio/x-mulaw", "audio/mulaw", "audio/pcmu", "application/octet-stream", "")
"""The content types of mu-law (audio/basic is RFC 2046 §4.3), and those that say nothing."""

LAW = WavFormat(kind=7, channels=1, rate_hz=8_000, bits=8)
"""What comes without a header."""

RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Of WAV. The filter for another one, such as 47,999, takes a second to make, in which all calls would stand still."""

_KNOWN_BYTES = 12
"""By which its format is known: RIFF, its length, WAVE."""

_ENDLESS_BYTES = 0x7FFF_0000
"""What the header of a live stream claims at least, or 0."""


class AudioStreamError(Exception):
    """What a server sends cannot be played: why."""


async def stream_pcm(
    request: HttpRequest, rate_hz: int, on_mp3: Callable[[], None] = ignore
) -> AsyncGenerator[bytes, None]:
    """16-bit mono PCM at `rate_hz` (8000 or 16000), as it comes. Raises AudioStreamError, and HttpRequestError.

    `on_mp3` is called when it turns out to be an MP3, which has to come within MP3_WITHIN_S before anything is given.
    """
    async with request.open({}) as body:
        data, header, start = bytearray(), WavHeader(), None
        async for piece in body.pieces:
            data += piece
            if len(data) < _KNOWN_BYTES:
                continue
            if is_mp3(data, body.content_type) or (start := _start(header, data, body.content_type)) is not None:
                break
        if start is not None:
            layout, at, size = start
            resampler = None if layout.rate_hz == rate_hz else Resampler(layout.rate_hz, rate_hz)
            async for pcm in _mono(layout, bytes(data[at:]), size, body.pieces):
                yield pcm if resampler is None else resampler.push(pcm)
            if resampler is not None:
                yield resampler.flush()
            return
        if not is_mp3(data, body.content_type):
            raise AudioStreamError("it ended before its audio began")
        on_mp3()
        await _add_rest(data, body.pieces)
    async for pcm in _decoded(data, rate_hz):
        yield pcm


async def _add_rest(data: bytearray, pieces: AsyncIterator[bytes]) -> None:
    """All of an MP3 that begins with `data`."""
    try:
        check_decoder()
        async with asyncio.timeout(MP3_WITHIN_S):
            async for piece in pieces:
                data += piece
                if len(data) > MAX_MP3_BYTES:
                    raise AudioStreamError(f"it is an MP3 of more than {MAX_MP3_BYTES // 1024 // 1024} MiB")
    except TimeoutError:
        raise AudioStreamError(f"it is an MP3 that has not come within {MP3_WITHIN_S:g} s") from None
    except ValueError as error:
        raise AudioStreamError(str(error)) from None


async def _decoded(data: bytearray, rate_hz: int) -> AsyncIterator[bytes]:
    """A whole MP3, a second at a time: who takes no more of it has no more of it decoded."""
    whole = bytes(data)
    data.clear()
    sound, number = await shared_mp3(whole, rate_hz), 0
    del whole  # another call may have brought it
    try:
        while pcm := await sound.second(number):
            yield pcm
            number += 1
    except ValueError as error:
        raise AudioStreamError(str(error)) from None


async def _mono(
    layout: WavFormat, first: bytes, size: int | None, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The whole frames of each piece, up to `size` bytes in all; None: as long as it lasts."""
    rest, left = first, size
    while True:
        if left is not None:
            rest = rest[:left]
        whole = len(rest) // layout.frame_bytes * layout.frame_bytes
        if whole:
            yield layout.mono(rest[:whole])
            rest = rest[whole:]
            left = None if left is None else left - whole
        if left is not None and left < layout.frame_bytes:
            return
        piece = await anext(pieces, None)
        if piece is None:
            return
        rest += piece


def _start(header: WavHeader, data: bytearray, content_type: str) -> tuple[WavFormat, int, int | None] | None:
    """The format of the samples, where they begin, and how many bytes they have; None: more is needed."""
    if not data.startswith(b"RIFF"):
        if content_type in LAW_TYPES and not data.startswith((b"ID3", b"OggS", b"fLaC", b"<")):
            return LAW, 0, None
        raise AudioStreamError(f"it is neither WAV, mu-law nor MP3 ({content_type[:40]!r})")
    try:
        found = header.start(data)
    except ValueError as error:
        raise AudioStreamError(str(error)) from None
    if found is None:
        return None
    if found.format.rate_hz not in RATES_HZ:
        raise AudioStreamError(f"it has {found.format.rate_hz} Hz, which cannot be converted as it comes")
    endless = not 0 < found.data_bytes < _ENDLESS_BYTES
    return found.format, found.data_at, None if endless else found.data_bytes
