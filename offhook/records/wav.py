"""The recording's file format and alignment: RIFF WAVE, 8 kHz, 16 bit, two channels. Pure."""

import struct
from typing import Any

import numpy as np

RATE_HZ = 8_000
CHANNELS = 2
FRAME_BYTES = 2 * CHANNELS
HEADER_BYTES = 44
WINDOW_SAMPLES = 2 * RATE_HZ
"""How far audio may lag behind the newest sample and still be placed."""
MAX_SAMPLES = 4 * 3_600 * RATE_HZ
"""Four hours, 460 MB; the format itself ends at 4 GiB."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_Samples = np.ndarray[tuple[Any, ...], np.dtype[np.int16]]


def header(data_bytes: int) -> bytes:
    """The 44 bytes before `data_bytes` of samples (IBM/Microsoft, Multimedia Programming Interface 1.0)."""
    byte_rate = RATE_HZ * FRAME_BYTES
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE",
        b"fmt ", 16, 1, CHANNELS, RATE_HZ, byte_rate, FRAME_BYTES, 16,
        b"data", data_bytes,
    )  # fmt: skip


class StereoTimeline:
    """Merges pieces of two channels, in any order, and returns what must be written where.

    The last `WINDOW_SAMPLES` stay open: a late piece changes samples returned before, and the changed range is returned
    again. Gaps are silence. `append_only`: samples are returned when they cannot change any more, each once and in
    order, for a file that is only added to.
    """

    def __init__(self, *, append_only: bool = False) -> None:
        self._append_only = append_only
        self.end = 0
        """Samples from the start to the newest."""
        self.late_samples = 0
        """Samples that arrived too late to be placed."""
        self._base = 0  # the sample at index 0 of the window
        self._window: _Samples = np.zeros((WINDOW_SAMPLES, CHANNELS), "<i2")
        self._changed = 0  # nothing was returned from here on
        self._ready: list[tuple[int, bytes]] = []

    def put(self, channel: int, pcm: bytes | bytearray, at_tick: int) -> bool:
        """Add 16-bit little-endian PCM (an odd last byte is ignored) to `channel` (0 or 1).

        False if part of it cannot be recorded: too late, negative, beyond `MAX_SAMPLES`.
        """
        samples: _Samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2)
        if not len(samples):
            return True
        first = max(at_tick, 0, self._base)
        after = min(at_tick + len(samples), MAX_SAMPLES)
        self.late_samples += max(0, min(self._base, at_tick + len(samples)) - max(at_tick, 0))
        if first < after:
            self._make_room(first, after)
            self._window[first - self._base : after - self._base, channel] = samples[first - at_tick : after - at_tick]
            self._changed = min(self._changed, first)
            self.end = max(self.end, after)
        return after - first == len(samples)

    def take(self, *, last: bool = False) -> list[tuple[int, bytes]]:
        """The changes since the last call: (sample position, interleaved PCM), to write in order. `last`: nothing more
        is put."""
        self._hand_out(max(self._base, self.end if last else self.end - WINDOW_SAMPLES))
        ready, self._ready = self._ready, []
        return ready

    def _make_room(self, first: int, after: int) -> None:
        if first - self.end > WINDOW_SAMPLES:
            # A long gap costs neither memory nor disk: it is a hole in the file, which reads as zeros.
            self._hand_out(first - WINDOW_SAMPLES)
        needed = after - self._base
        if needed > len(self._window):
            grown = np.zeros((max(needed, 2 * len(self._window)), CHANNELS), "<i2")
            grown[: len(self._window)] = self._window
            self._window = grown

    def _hand_out(self, new_base: int) -> None:
        until = min(new_base, self.end) if self._append_only else self.end
        if self._changed < until:
            changed = self._window[self._changed - self._base : until - self._base]
            self._ready.append((self._changed, changed.tobytes()))
        kept = self._window[new_base - self._base : self.end - self._base] if new_base < self.end else None
        self._window = np.zeros((WINDOW_SAMPLES, CHANNELS), "<i2")
        if kept is not None:
            self._window[: len(kept)] = kept
        self._base = new_base
        self._changed = max(until, new_base)
