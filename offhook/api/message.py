"""Records what a caller says: a message, with a beep before it."""

import asyncio
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from offhook.api.call_audio import CallAudio
from offhook.api.playing import play
from offhook.pipeline.ports import Line
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ
from offhook.pipeline.session import Session
from offhook.pipeline.tts.recording import Recording
from offhook.telephony.codec.convert import rate_converter
from offhook.telephony.tones import tones

EndedBy = Literal["silence", "key", "most", "hang_up", "nothing"]
"""Why a message ends; "nothing": the caller said nothing at all."""

FIRST_SPEECH_S = 6.0
"""How long the caller may be silent before they begin."""

_BEEP_HZ, _BEEP_MS, _BEEP_DBFS = 1_000.0, 400.0, -14.0
_LOOK_S = 0.05
_QUIET_PEAK = 184  # -45 dBFS, as in vad.loudness
_BLOCK_SAMPLES = 160
_KEPT_SAMPLES = 1_600  # of the silence at the end
_KEY_SAMPLES = 1_200  # of the tone of a key in the audio, which is reported before it ends


@dataclass(frozen=True, slots=True)
class Message:
    """What a caller has said: 8 kHz 16-bit mono PCM without the key at its end, usually without the silence there, and
    what ended it."""

    pcm: bytes
    ended_by: EndedBy
    key: str = ""
    """That has ended it."""
    language: str | None = None
    """That of the call, which it was probably said in."""
    mailbox: str = ""
    """It is for that one of the settings; empty: for none."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / NARROW_HZ

    def as_recording(self) -> Recording:
        """To be played."""
        return Recording("message", {NARROW_HZ: self.pcm, WIDE_HZ: rate_converter(NARROW_HZ, WIDE_HZ)(self.pcm)})


class MessageRecorder:
    """Takes a line's audio from now on, up to `most_s`, for the `mailbox`; `language` is the call's. Close it."""

    def __init__(
        self,
        line: Line,
        session: Session,
        most_s: float,
        end_keys: str,
        *,
        trim: bool = True,
        language: str | None = None,
        mailbox: str = "",
    ) -> None:
        self._session = session
        self._language = language
        self._mailbox = mailbox
        self._most_bytes = 2 * round(most_s * NARROW_HZ)
        self._end_keys = end_keys
        self._narrow = rate_converter(line.rate_hz, NARROW_HZ)
        self._pcm = bytearray()
        self._key = ""
        self._trim = trim
        self._spoken_s: float | None = None  # where the latest speech was
        self._remove = line.add_listener(audio=self._on_audio, dtmf=self._on_key)

    async def ended(self, silence_s: float) -> EndedBy:
        """Wait until the message is over."""
        while True:
            await asyncio.sleep(_LOOK_S)
            at_s = len(self._pcm) / 2 / NARROW_HZ
            if self._session.caller_talks:
                self._spoken_s = at_s
            if self._key:
                return "key"
            if len(self._pcm) >= self._most_bytes:
                return "most"
            if self._spoken_s is None and at_s >= max(FIRST_SPEECH_S, silence_s):
                return "nothing"
            if self._spoken_s is not None and at_s - self._spoken_s >= silence_s:
                return "silence"

    def message(self, ended_by: EndedBy) -> Message:
        """What has been recorded; nothing, if nobody spoke."""
        pcm = bytes(self._pcm)
        if ended_by == "key":
            pcm = pcm[: -2 * _KEY_SAMPLES]
        if self._spoken_s is None:
            pcm = b""
        elif self._trim:
            pcm = trimmed(pcm)
        return Message(pcm, ended_by, self._key, self._language, self._mailbox)

    def close(self) -> None:
        """No more audio."""
        self._remove()

    def _on_audio(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        pcm = self._narrow(bytes(len(pcm)) if self._session.held else pcm)
        self._pcm += pcm[: self._most_bytes - len(self._pcm)]

    def _on_key(self, key: str, _at_tick: int) -> None:
        if not self._key and key in self._end_keys:
            self._key = key


def trimmed(pcm: bytes) -> bytes:
    """PCM without the silence at its end, but for a fifth of a second."""
    blocks = len(pcm) // 2 // _BLOCK_SAMPLES
    samples = np.frombuffer(pcm, "<i2", count=blocks * _BLOCK_SAMPLES).reshape(-1, _BLOCK_SAMPLES)
    loud = np.flatnonzero((np.abs(samples.astype(np.int32)) >= _QUIET_PEAK).any(axis=1))
    return pcm[: 2 * ((int(loud[-1]) + 1) * _BLOCK_SAMPLES + _KEPT_SAMPLES)] if loud.size else b""


@cache
def beep() -> Recording:
    """The tone before a message."""
    rates = (NARROW_HZ, WIDE_HZ)
    return Recording("beep", {hz: tones((_BEEP_HZ,), _BEEP_MS, level_dbfs=_BEEP_DBFS, rate_hz=hz) for hz in rates})


async def beeped(audio: CallAudio, session: Session) -> None:
    """Sound the beep; returns when the caller has heard it."""
    await play(audio, beep())
    await session.drained()
