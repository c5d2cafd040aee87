"""Holes, clipping and level of the far end's speech. Pure."""

from array import array
from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np

from offhook.qa.rtp.audio import CLIPPED_RUN, FULL_SCALE
from offhook.telephony.pcm import RATE_HZ, level_dbfs, to_array

NOTED_MS = 15.0
"""Shorter holes are not noted: timers and the network do that, and no listener hears it."""


class Arrival(NamedTuple):
    """One packet of audio: when it came, its place and length in ticks, whether a talk spurt begins (or may begin)
    there, and whether its first and its last 10 ms are loud."""

    at_s: float
    at_tick: int
    ticks: int
    begins_spurt: bool
    begins_loud: bool
    ends_loud: bool


class Arrivals(Sequence[Arrival]):
    """The packets of a call, in the order in which they came, as columns: objects of their own for hundreds of
    thousands of packets would keep the garbage collector busy for longer than a packet lasts."""

    __slots__ = ("_at_s", "_at_tick", "_flags", "_ticks")

    def __init__(self) -> None:
        self._at_s = array("d")
        self._at_tick = array("q")
        self._ticks = array("q")
        self._flags = bytearray()

    def append(self, each: Arrival) -> None:
        """One more."""
        self._at_s.append(each.at_s)
        self._at_tick.append(each.at_tick)
        self._ticks.append(each.ticks)
        self._flags.append(each.begins_spurt | each.begins_loud << 1 | each.ends_loud << 2)

    def __len__(self) -> int:
        return len(self._at_s)

    @overload
    def __getitem__(self, at: int) -> Arrival: ...

    @overload
    def __getitem__(self, at: slice) -> list[Arrival]: ...

    def __getitem__(self, at: int | slice) -> Arrival | list[Arrival]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        flags = self._flags[at]
        return Arrival(
            self._at_s[at], self._at_tick[at], self._ticks[at], bool(flags & 1), bool(flags & 2), bool(flags & 4)
        )


class Hole(NamedTuple):
    """A hole within speech: when it began, how long it was, and whether packets are missing (or were late)."""

    at_s: float
    hole_ms: float
    is_lost: bool


def holes(arrivals: Sequence[Arrival]) -> list[Hole]:
    """The holes in speech as somebody hears them who plays each packet as it comes, and goes on where it is late.

    Only what interrupts a sound counts: the packets on both sides are loud there, and the second begins no talk spurt.
    """
    found: list[Hole] = []
    if not arrivals:
        return found
    ordered = sorted(arrivals, key=lambda each: each.at_tick)
    before = ordered[0]
    played_until_s = before.at_s + before.ticks / RATE_HZ
    for packet in ordered[1:]:
        lost_ms = 1_000 * (packet.at_tick - before.at_tick - before.ticks) / RATE_HZ
        late_ms = 1_000 * (packet.at_s - played_until_s)
        hole_ms = max(lost_ms, late_ms)
        if hole_ms >= NOTED_MS and before.ends_loud and packet.begins_loud and not packet.begins_spurt:
            found.append(Hole(played_until_s, hole_ms, 2 * lost_ms >= hole_ms))
        played_until_s = max(played_until_s, packet.at_s) + packet.ticks / RATE_HZ
        before = packet
    return found


def clipping_percent(pcm: bytes) -> float:
    """The share of samples that are clipped."""
    samples = np.abs(to_array(pcm).astype(np.int32)) >= FULL_SCALE
    if len(samples) < CLIPPED_RUN or not samples.any():
        return 0.0
    runs = np.convolve(samples.astype(np.int32), np.ones(CLIPPED_RUN, np.int32), "valid") == CLIPPED_RUN
    clipped = np.convolve(runs.astype(np.int32), np.ones(CLIPPED_RUN, np.int32)) > 0
    return 100.0 * float(clipped.mean())


def speech_level_dbfs(pcm: bytes) -> float:
    """The level of a turn."""
    return round(level_dbfs(pcm), 1)
