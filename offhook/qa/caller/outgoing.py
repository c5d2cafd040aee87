"""What the caller sends, 20 ms at a time: speech, keys, noise, and the far end's echo. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from offhook.telephony import tones
from offhook.telephony.pcm import RATE_HZ, from_array, to_array
from offhook.telephony.rtp.dtmf_sender import TONE_MS, DtmfSender, EventSlot
from offhook.telephony.wire import telephone_event

FRAME = 160
FRAME_S = FRAME / RATE_HZ
NOISE_S = 20
SILENCE = bytes(2 * FRAME)
MAX_KEYS = 256
END = 0x80
"""The bit of a telephone-event's end (RFC 4733 §2.3.2), in its second byte."""


@dataclass(slots=True)
class Sound:
    """Something that the caller said or pressed: `kind` is "speech", "mumble" or "keys". From its first sample, which
    was spoken a packet's length before it was sent, to its last."""

    kind: str
    what: str
    began_s: float
    ended_s: float
    is_over: bool = False


@dataclass(slots=True)
class _Clip:
    kind: str
    what: str
    pcm: bytes
    at: int = 0
    sound: Sound | None = None


class CallerAudio:
    """The caller's side of the audio. Call `frame` every 20 ms with the time at which it is sent."""

    def __init__(
        self,
        *,
        seed: int,
        noise_dbfs: float | None = None,
        echo_db: float | None = None,
        inband: bool = False,
        on_key: Callable[[str], None] | None = None,
    ) -> None:
        """Keys are packets of their own; or, `inband`, tones in the audio; or each is `on_key`'s when it is pressed."""
        self._seed = seed
        self._noise_gain = 0.0
        self._noise_at = 0
        self.set_noise(noise_dbfs)
        self._echo_gain = 0.0 if echo_db is None else 10 ** (-echo_db / 20)
        self._clips: list[_Clip] = []
        self._keys = DtmfSender(FRAME)
        self._inband = inband
        self._on_key = on_key
        self._tone = b""  # what is left of a key's
        self._to_press = ""
        self._key_sound: Sound | None = None
        self._released = True  # the end of the present key has been sent
        self._said_ticks = 0
        self._queued_ticks = 0
        self.sounds: list[Sound] = []
        """All that have begun."""

    def say(self, pcm: bytes, what: str, kind: str = "speech") -> None:
        """Say it, behind what is queued; it begins and ends with a sound."""
        self._clips.append(_Clip(kind, what, pcm))
        self._queued_ticks += len(pcm) // 2

    def press(self, keys: str) -> None:
        """Press keys, behind what is queued."""
        self._keys.queue(keys, self._queued_ticks, MAX_KEYS)
        self._to_press += keys

    def break_off(self) -> None:
        """Say no more of what is queued; keys stay."""
        for clip in self._clips:
            if clip.sound is not None:
                clip.sound.is_over = True
            self._said_ticks += len(clip.pcm) // 2 - clip.at
        self._clips.clear()

    def set_noise(self, level_dbfs: float | None) -> None:
        """The noise behind the caller; None: none."""
        self._noise_gain = 0.0 if level_dbfs is None else 10 ** (level_dbfs / 20)

    @property
    def busy(self) -> bool:
        """Whether something is still to be said or pressed."""
        return bool(self._clips) or self._keys.busy

    def frame(self, now: float, timestamp: int, heard: bytes = b"") -> tuple[bytes, EventSlot | None, bool]:
        """The next 20 ms as 16-bit PCM; in its place the packet of a key, if one is pressed; and whether a sound
        begins. `heard` is what the far end's echo is made of."""
        known = len(self.sounds)
        if self._keys.due(self._said_ticks):
            slot = self._keys.next_slot(timestamp)
            self._note_keys(slot, now)
            audio, slot = self._pressed(slot)
            return self._mixed(audio, heard), slot, len(self.sounds) > known
        speech = self._speech(now)
        return self._mixed(speech, heard), None, len(self.sounds) > known

    def _speech(self, now: float) -> bytes:
        frame, filled = b"", 0
        # No further than to the next key: it is pressed when what was queued before it has left.
        room = self._keys.audio_before(self._said_ticks)
        most = FRAME if room is None else min(FRAME, room)
        while self._clips and filled < most:
            clip = self._clips[0]
            piece = clip.pcm[2 * clip.at : 2 * (clip.at + most - filled)]
            ticks = len(piece) // 2
            if clip.sound is None:
                began_s = now - FRAME_S + filled / RATE_HZ
                clip.sound = Sound(clip.kind, clip.what, began_s, began_s)
                self.sounds.append(clip.sound)
            frame += piece
            filled += ticks
            clip.at += ticks
            self._said_ticks += ticks
            clip.sound.ended_s = now - FRAME_S + filled / RATE_HZ
            if 2 * clip.at >= len(clip.pcm):
                clip.sound.is_over = True
                self._clips.pop(0)
        return frame.ljust(2 * FRAME, b"\0") if frame else SILENCE

    def _note_keys(self, slot: EventSlot | None, now: float) -> None:
        if self._key_sound is None:
            self._key_sound = Sound("keys", self._to_press, now - FRAME_S, now)
            self._to_press = ""
            self.sounds.append(self._key_sound)
        if slot is not None:
            is_end = bool(slot.payload[1] & END)
            if not (is_end and self._released):  # its end is sent three times
                self._key_sound.ended_s = now
            self._released = is_end
        if not self._keys.busy:
            self._key_sound.is_over = True
            self._key_sound = None

    def _pressed(self, slot: EventSlot | None) -> tuple[bytes, EventSlot | None]:
        """The audio in a key's time, and the packet in its place, if keys are packets."""
        if not self._inband and self._on_key is None:
            return SILENCE, slot
        if slot is not None and slot.marker:
            key = telephone_event.DIGITS[telephone_event.parse(slot.payload).event]
            if self._on_key is not None:
                self._on_key(key)
            else:
                self._tone = tones.dtmf(key, tone_ms=TONE_MS, pause_ms=0)
        audio, self._tone = self._tone[: 2 * FRAME], self._tone[2 * FRAME :]
        return audio.ljust(2 * FRAME, b"\0"), None

    def _mixed(self, speech: bytes, heard: bytes) -> bytes:
        at = self._noise_at % (NOISE_S * RATE_HZ - FRAME)
        self._noise_at += FRAME
        has_echo = self._echo_gain and len(heard) == 2 * FRAME
        if not self._noise_gain and not has_echo:
            return speech
        samples = to_array(speech).astype(np.float64)
        if self._noise_gain:
            samples += self._noise_gain * _noise(self._seed)[at : at + FRAME]
        if has_echo:
            samples += self._echo_gain * to_array(heard)
        return from_array(samples)


@lru_cache(maxsize=8)
def _noise(seed: int) -> npt.NDArray[np.float64]:
    """Full-scale noise, shape (NOISE_S * RATE_HZ,): one for all calls with this seed."""
    return np.random.default_rng(seed).normal(0.0, 32_768.0, NOISE_S * RATE_HZ)
