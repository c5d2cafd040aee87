"""Plays sounds into a call: recordings, and streams of a server, which may be late."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Literal

from offhook.api.call_audio import CallAudio, GivenUtterance
from offhook.audio_stream import AudioStreamError, stream_pcm
from offhook.http_request import HttpRequest, HttpRequestError
from offhook.mp3_sound import MP3_WITHIN_S
from offhook.pipeline.dialog.limits import MAX_PLAY_S
from offhook.pipeline.events import NOTHING, Interruption, Playback
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.recording import SPEAKER, Recording
from offhook.telephony.pcm import audioop

Until = Literal["end", "key", "speech"]
UNTIL: tuple[Until, ...] = ("end", "key", "speech")
"""What may end it, beside its own end."""

LEAD_S = 2.0
"""How far the audio is ahead of what the caller hears."""

MAX_SILENCE_S = 2.0
"""How long a stream may be late before it is given up."""

FIRST_AUDIO_S = 5.0
"""How long the first audio of a stream may take; an MP3, of which all has to be there, may take MP3_WITHIN_S longer."""

_PIECE_S = 0.5
_POLICIES: dict[str, Interruption] = {
    "end": NOTHING,
    "key": Interruption(by="keys", resume="word"),
    "speech": Interruption(by="speech", resume="word"),
}


@dataclass(slots=True)
class _Patience:
    """For the next audio of a stream."""

    seconds: float

    def grow(self) -> None:
        """It is an MP3."""
        self.seconds += MP3_WITHIN_S


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: for how long, whether the caller has ended it, and why it broke off, if a stream did."""

    playback: Playback
    failed: str = ""


async def play(
    audio: CallAudio,
    sound: Recording | HttpRequest | AsyncGenerator[bytes, None],
    *,
    loop: bool = False,
    for_s: float | None = None,
    until: Until = "end",
    volume_db: float = 0.0,
) -> Played:
    """Play a sound; returns when it has been played, `for_s` are over, or the caller has ended it."""
    length_s = min(MAX_PLAY_S if for_s is None else for_s, MAX_PLAY_S)
    factor, patience = 10 ** (volume_db / 20), _Patience(FIRST_AUDIO_S)
    source: AsyncGenerator[bytes, None]
    if isinstance(sound, Recording):
        source = _recorded(audio, sound, factor, loop=loop)
    elif isinstance(sound, HttpRequest):
        source = _streamed(audio, stream_pcm(sound, audio.line_rate_hz, patience.grow), factor)
    else:
        source = _streamed(audio, sound, factor)
    utterance = audio.start_saying(SPEAKER, _POLICIES[until])
    try:
        async with aclosing(source):
            failed = await _feed(utterance, _cut(source, length_s, audio), audio, patience)
        utterance.finish()
        return Played(await utterance, failed)
    finally:
        utterance.cancel()


async def _feed(utterance: GivenUtterance, source: AsyncIterator[bytes], audio: CallAudio, patience: _Patience) -> str:
    """Add audio, no further ahead than it has to be, until there is no more or the utterance is over. Why it broke
    off."""
    fed_s = 0.0
    while not utterance.over:
        ahead_s = fed_s - utterance.played.played_s
        if ahead_s > LEAD_S:
            await _over_within(utterance, ahead_s - LEAD_S)
            continue
        getting = asyncio.ensure_future(anext(source, None))
        try:
            await _late(getting, utterance, ahead_s, patience)
            if not getting.done():
                return "" if utterance.over else f"there was no audio for {patience.seconds:g} s"
            payload = getting.result()
        except (HttpRequestError, AudioStreamError) as error:
            return str(error)
        finally:
            getting.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await getting
        if payload is None:
            return ""
        utterance.append_audio(payload)
        fed_s += len(payload) / audio.bytes_per_tick / TICK_HZ
        patience.seconds = MAX_SILENCE_S
    return ""


async def _late(
    getting: "asyncio.Future[bytes | None]", utterance: GivenUtterance, ahead_s: float, patience: _Patience
) -> None:
    """Until it is there, the utterance is over, or the patience is, which may grow meanwhile."""
    waited_s = 0.0
    while True:
        until_s = ahead_s + patience.seconds
        ending = asyncio.ensure_future(_over_within(utterance, until_s - waited_s))
        try:
            await asyncio.wait((getting, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
        waited_s = until_s
        if getting.done() or utterance.over or ahead_s + patience.seconds == until_s:
            return


async def _over_within(utterance: GivenUtterance, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await utterance


async def _cut(source: AsyncIterator[bytes], seconds: float, audio: CallAudio) -> AsyncIterator[bytes]:
    left = math.ceil(seconds * TICK_HZ) * audio.bytes_per_tick
    async for payload in source:
        yield payload[:left]
        left -= len(payload)
        if left <= 0:
            return


async def _recorded(
    audio: CallAudio, recording: Recording, factor: float, *, loop: bool
) -> AsyncGenerator[bytes, None]:
    rate_hz = audio.line_rate_hz
    pcm = recording.pcm[rate_hz]
    piece_bytes = round(_PIECE_S * rate_hz) * 2
    while True:
        for at in range(0, len(pcm), piece_bytes):
            yield _encoded(audio, pcm[at : at + piece_bytes], factor)
        if not loop:
            return


async def _streamed(
    audio: CallAudio, stream: AsyncGenerator[bytes, None], factor: float
) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream) as pieces:
        async for pcm in pieces:
            if pcm:
                yield _encoded(audio, pcm, factor)


def _encoded(audio: CallAudio, pcm: bytes, factor: float) -> bytes:
    pcm = pcm if factor == 1 else audioop.mul(pcm, 2, factor)
    return audio.encode(pcm + bytes(-len(pcm) % (2 * audio.line_rate_hz // TICK_HZ)))
