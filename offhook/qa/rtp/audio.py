"""What is in the audio of one stream: level, clipping, silence, keys as tones. Pure.

Level: the active speech level of ITU-T P.56, method B, its envelope taken from blocks of 10 ms, in dBov (RFC 6464 §3:
0 is a full-scale square wave).
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from offhook.telephony.codec import Codec
from offhook.telephony.dtmf_tones import DtmfTones
from offhook.telephony.pcm import RATE_HZ, to_array

OnPcm = Callable[[bytes], None]

BLOCK_S = 0.01
SILENT_DBOV = -60.0
"""Below it nobody hears anything: comfort noise is about here."""
MARGIN_DB = 15.9
"""P.56 §A.3."""
HANGOVER_BLOCKS = 20
"""P.56 table 1: 0.2 s."""
_FLOOR_DB = 100
FULL_SCALE = 32_100
"""From here on a sample of G.711 is at full scale: the largest value of either law. Others: 32700."""
CLIPPED_RUN = 3
"""So many samples in a row are clipped: a single one may be a peak."""
MAX_KEYS = 500
"""The first ones are kept."""


class AudioFigures(NamedTuple):
    """Of all decoded audio. Levels are in dBov, None where there is nothing to measure."""

    duration_s: float
    speech_level_dbov: float | None
    speech_s: float
    """How long somebody spoke, or something sounded."""
    peak_dbov: float | None
    silent_share: float
    longest_silence_s: float
    clipped_s: float
    """Blocks of 10 ms with three clipped samples in a row, summed up."""
    keys: str
    """As tones in the audio (ITU-T Q.24)."""


class Audio:
    """Payload in order of its timestamps in, figures out. `on_pcm` gets all of the audio, 16-bit PCM at the codec's
    rate, what was lost as silence."""

    def __init__(self, codec: Codec, on_pcm: OnPcm | None = None) -> None:
        self.rate_hz = codec.rate_hz
        self._codec = codec
        self._decode = codec.decoder()
        self._on_pcm = on_pcm
        self._top = FULL_SCALE if codec.name in ("PCMU", "PCMA") else 32_700
        self._tones = DtmfTones()
        self._keys: list[str] = []
        self._blocks = self._silent = self._clipped = 0
        self._silence = self._longest = 0
        self._peak = 0
        self._energy = 0.0
        self._above = np.zeros(_FLOOR_DB + 1, np.int64)  # by dB below full scale: blocks whose envelope is there
        self._recent: deque[int] = deque(maxlen=HANGOVER_BLOCKS)

    def take(self, payload: bytes, present: bytes) -> None:
        """Audio of whole blocks, with a byte per tick that is 0 where nothing came."""
        pcm = self._decode(payload)
        if self._on_pcm is not None:
            self._on_pcm(pcm)
        if self.rate_hz == RATE_HZ and len(self._keys) < MAX_KEYS:
            self._keys += [digit.digit for digit in self._tones.receive(pcm)]
        samples = to_array(pcm).astype(np.int32)
        size = round(self.rate_hz * BLOCK_S)
        count = len(samples) // size
        blocks = samples[: count * size].reshape(count, size)
        ticks = np.frombuffer(present, np.uint8)[: count * RATE_HZ // 100].reshape(count, -1)
        came = ticks.min(1, initial=1) > 0
        power = np.square(blocks.astype(np.float64)).mean(1) / 32_768.0**2
        levels = np.maximum(10 * np.log10(np.maximum(power, 1e-12)), -_FLOOR_DB)
        loud = np.abs(blocks) >= self._top
        runs = sliding_window_view(np.where(loud, np.sign(blocks), 0), CLIPPED_RUN, 1).sum(2)
        self._clipped += int(((np.abs(runs) == CLIPPED_RUN).any(1) & came).sum())
        self._peak = max(self._peak, int(np.abs(blocks).max(initial=0)))
        self._count(levels[came], float(power[came].sum()))
        self._count_silence(levels, came)

    def _count(self, levels: np.ndarray, energy: float) -> None:
        self._blocks += len(levels)
        self._energy += energy
        for level in levels.tolist():
            self._recent.append(math.floor(-level))
            self._above[min(self._recent)] += 1

    def _count_silence(self, levels: np.ndarray, came: np.ndarray) -> None:
        for silent, there in zip((levels < SILENT_DBOV).tolist(), came.tolist(), strict=True):
            if silent and there:
                self._silent += 1
                self._silence += 1
                self._longest = max(self._longest, self._silence)
            elif there:
                self._silence = 0

    def figures(self) -> AudioFigures:
        """So far."""
        level, active = self._speech_level()
        return AudioFigures(
            duration_s=self._blocks * BLOCK_S,
            speech_level_dbov=level,
            speech_s=active * BLOCK_S,
            peak_dbov=20 * math.log10(self._peak / 32_768) if self._peak else None,
            silent_share=self._silent / self._blocks if self._blocks else 0.0,
            longest_silence_s=self._longest * BLOCK_S,
            clipped_s=self._clipped * BLOCK_S,
            keys="".join(self._keys),
        )

    def _speech_level(self) -> tuple[float | None, int]:
        """The level and the active blocks: where the level is 15.9 dB above the threshold that tells activity."""
        if self._energy <= 0 or not self._blocks:
            return None, 0
        if 10 * math.log10(self._energy / self._blocks) < SILENT_DBOV:
            return None, 0
        active = 0
        best: tuple[float | None, int] = (None, 0)
        for below in range(_FLOOR_DB):  # thresholds from full scale down
            active += int(self._above[below])
            if not active:
                continue
            level = 10 * math.log10(self._energy / active)
            if level + below + 1 >= MARGIN_DB:  # the threshold is at -(below + 1)
                return level, active
            best = level, active
        return best


class Timeline:
    """Payload of one stream by its timestamps: packets that come out of order within a second are put in theirs, what
    is missing becomes silence."""

    REORDER_TICKS = 8_000
    MAX_FILL_TICKS = 8_000 * 60
    """A longer hole is left out."""
    FILL_FACTOR, FILL_TICKS = 20, 8_000 * 5
    """No more silence is made in all than so many times what came, and five seconds: timestamps may be anything."""

    def __init__(self, audio: Audio, silence: bytes) -> None:
        self._audio = audio
        self._silence = silence
        self._start: int | None = None
        self._payload = bytearray()
        self._present = bytearray()
        self._may_fill_ticks = self.FILL_TICKS

    def put(self, tick: int, payload: bytes) -> None:
        """A packet's payload, a byte per tick, at its place on a time line without wrap."""
        if self._start is None:
            self._start = tick
        at = tick - self._start
        self._may_fill_ticks += self.FILL_FACTOR * len(payload)
        hole = at - len(self._payload)
        if at < -self.REORDER_TICKS or hole > min(self.MAX_FILL_TICKS, self._may_fill_ticks):
            self.flush()
            self._start, at = tick, 0
        elif hole > 0:
            self._may_fill_ticks -= hole
        if at < 0:
            return
        while at > len(self._payload):
            self._append(self._silence * min(at - len(self._payload), self.REORDER_TICKS), 0)
            at = tick - self._start
        end = min(len(payload), len(self._payload) - at)
        self._payload[at : at + end] = payload[:end]
        self._present[at : at + end] = b"\1" * end
        self._append(payload[end:], 1)

    def _append(self, payload: bytes, present: int) -> None:
        self._payload += payload
        self._present += bytes((present,)) * len(payload)
        while len(self._payload) >= 2 * self.REORDER_TICKS:
            self._pass_on(self.REORDER_TICKS)

    def _pass_on(self, ticks: int) -> None:
        self._audio.take(bytes(self._payload[:ticks]), bytes(self._present[:ticks]))
        del self._payload[:ticks], self._present[:ticks]
        self._start = (self._start or 0) + ticks

    def flush(self) -> None:
        """Pass on all that is there, its last block cut off if it is not whole."""
        while ticks := min(len(self._payload) // 80 * 80, self.REORDER_TICKS):
            self._pass_on(ticks)
        self._payload.clear()
        self._present.clear()
        self._start = None
