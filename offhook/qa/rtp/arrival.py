"""What the numbers and arrival times of one SSRC's packets say: loss, order, jitter, gaps, drift of clocks. Pure."""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WINDOW = 512
"""So far behind the highest a packet is late; further, it is another sequence."""
_FULL = (1 << _WINDOW) - 1
_OLDEST = 1 << (_WINDOW - 1)
MAX_DROPOUT = 3_000
"""Steps forward that are loss and no restart (RFC 3550 A.1)."""


class LossCounts(NamedTuple):
    """`expected` packets from the first to the last number, `lost` of them in `runs`, of which the `longest_run` had so
    many; `duplicate` and `reordered` packets, and how often the numbers began anew (`restarts`)."""

    expected: int
    lost: int
    runs: int
    longest_run: int
    duplicate: int
    reordered: int
    restarts: int


class Sequence:
    """Loss, order and duplicates by sequence numbers. A packet that is late by more than 512 others counts as lost."""

    __slots__ = ("_bad", "_base", "_mask", "_past", "_run", "duplicate", "highest", "reordered", "restarts")

    def __init__(self) -> None:
        self.highest = -1
        self.duplicate = self.reordered = self.restarts = 0
        self._base = 0
        self._bad = -1
        self._mask = 0  # bit n: the packet n before the highest has come
        self._past = (0, 0, 0, 0)  # expected, lost, runs, longest: of what has left the mask
        self._run = 0

    def update(self, number: int) -> int | None:
        """One packet. By how much it is ahead of the highest so far (1: in order); 0 and less: it is late or came
        before; None: it does not belong to this sequence, or begins a new one."""
        if self.highest < 0:
            self._begin(number)
            return None
        ahead = (number - self.highest) & 0xFFFF
        if 0 < ahead < MAX_DROPOUT:
            self._advance(ahead)
            self._bad = -1
            return ahead
        behind = -ahead & 0xFFFF
        if behind < _WINDOW:
            if self._mask >> behind & 1:
                self.duplicate += 1
            elif self.highest - behind >= self._base:
                self._mask |= 1 << behind
                self.reordered += 1
            else:
                # It was sent before the first that came.
                self._base = self.highest - behind
                self._mask |= 1 << behind
                self.reordered += 1
            return -behind
        # RFC 3550 A.1: two in a row are a new sequence, one alone is a stray.
        if number == self._bad:
            self._past = self._counts()[:4]
            self.restarts += 1
            self._begin(number - 1 & 0xFFFF)
            self._advance(1)
        else:
            self._bad = number + 1 & 0xFFFF
        return None

    def counts(self) -> LossCounts:
        """So far."""
        return LossCounts(*self._counts(), self.duplicate, self.reordered, self.restarts)

    def _begin(self, number: int) -> None:
        # One cycle up, so that what was sent before the first is positive, too.
        self.highest = self._base = number + 0x10000
        self._mask, self._run, self._bad = 1, 0, -1

    def _advance(self, ahead: int) -> None:
        if ahead == 1 and (self._mask & _OLDEST or self.highest - self._base < _WINDOW - 1):
            # The usual case: nothing is missing where the window ends.
            if self._run:
                self._past = _with_run(self._past, self._run)
                self._run = 0
        else:
            for step in range(min(ahead, _WINDOW)):
                self._leaves(bool(self._mask >> (_WINDOW - 1 - step) & 1), self.highest - _WINDOW + 1 + step)
            if ahead > _WINDOW:
                self._run += ahead - _WINDOW
        self._mask = ((self._mask << ahead) | 1) & _FULL
        self.highest += ahead

    def _leaves(self, came: bool, number: int) -> None:
        if number < self._base:
            return
        if not came:
            self._run += 1
        elif self._run:
            self._past = _with_run(self._past, self._run)
            self._run = 0

    def _counts(self) -> tuple[int, int, int, int]:
        if self.highest < 0:
            return (0, 0, 0, 0)
        past, run = self._past, self._run
        for behind in range(min(_WINDOW - 1, self.highest - self._base), -1, -1):
            if not self._mask >> behind & 1:
                run += 1
            elif run:
                past, run = _with_run(past, run), 0
        expected, lost, runs, longest = past
        return (expected + self.highest - self._base + 1, lost, runs, longest)


def _with_run(past: tuple[int, int, int, int], run: int) -> tuple[int, int, int, int]:
    expected, lost, runs, longest = past
    return (expected, lost + run, runs + 1, max(longest, run))


def marker_may_be_lost(ahead: int | None, step: int, packet_units: int) -> bool:
    """Whether the packet that began a talk spurt (RFC 3551 §4.1) may be among those that are missing: more time is
    missing than they can hold. `ahead` by sequence numbers, as from `Sequence.update`; `step` by timestamps."""
    return ahead is not None and ahead > 1 and packet_units > 0 and step > (ahead + 1) * packet_units


class Gap(NamedTuple):
    """Audio that was not there when it was due: from `at_s` on, for `missing_ms`; `lost` packets never came."""

    at_s: float
    missing_ms: float
    lost: int


class Gaps:
    """Times without a packet that are longer than a packet lasts by `least_ms` or more, silence suppression aside.

    Of more than 200 the longest are kept.
    """

    MOST = 200

    def __init__(self, least_ms: float = 55.0) -> None:
        self.count = 0
        self.found: list[Gap] = []
        self._least_s = least_ms / 1_000
        self._last_s: float | None = None

    def update(self, at_s: float, packet_s: float, lost: int, *, follows_pause: bool) -> None:
        """A packet that lasts so long. `follows_pause`: it begins a talk spurt, so that time before it was silence."""
        last_s, self._last_s = self._last_s, at_s
        if last_s is None or follows_pause:
            return
        missing_s = at_s - last_s - packet_s
        if missing_s < self._least_s:
            return
        self.count += 1
        self.found.append(Gap(last_s + packet_s, missing_s * 1_000, lost))
        if len(self.found) > self.MOST:
            self.found.remove(min(self.found, key=lambda each: each.missing_ms))

    def heard(self, at_s: float) -> None:
        """Something else than audio came, and is no gap: a key."""
        self._last_s = at_s


class Drift(NamedTuple):
    """How much faster (positive: slower) than the capture's clock the sender's runs, in parts per million; `error_ppm`
    is the standard error, or by how much the parts of the time disagree, if that is more: a sender that is held up once
    is late in all that follows, but not ever later. `over_s` is the time over which it was observed."""

    ppm: float
    error_ppm: float
    over_s: float


class ClockDrift:
    """Drift of the sender's clock, by the line through the earliest packet of each second: queues only delay."""

    MOST_POINTS = 1_024
    STEP_S = 0.5
    """A step of the timestamps against the time: the sender's clock was set, or its audio stopped and went on."""
    STALL_S = 0.01
    """A smaller step, from one point to the next, is a stall of the sender's or another route, and no drift."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._kept: list[tuple[float, float]] = []
        self._second = 1.0
        self._bucket: tuple[float, float, float] | None = None  # its end, and its earliest packet
        self._first_s = 0.0

    def update(self, at_s: float, media_s: float) -> None:
        """A packet came, whose timestamp is so many seconds of the sender's clock."""
        if self._bucket is None:
            self._first_s = at_s
            self._bucket = (self._second, 0.0, at_s - media_s)
            return
        elapsed, offset = at_s - self._first_s, at_s - media_s
        end, when, least = self._bucket
        if abs(offset - least) > self.STEP_S:
            self._restart(at_s, offset)
        elif elapsed < end:
            if offset < least:
                self._bucket = (end, elapsed, offset)
        else:
            self._add((when, least))
            self._bucket = (elapsed + self._second, elapsed, offset)

    def _add(self, point: tuple[float, float]) -> None:
        self._points.append(point)
        if len(self._points) > self.MOST_POINTS:
            pairs = zip(self._points[::2], self._points[1::2], strict=False)
            self._points = [min(pair, key=lambda each: each[1]) for pair in pairs]
            self._second *= 2

    def _restart(self, at_s: float, offset: float) -> None:
        self._kept = max(self._kept, self._points, key=len)
        self._points = []
        self._first_s = at_s
        self._bucket = (self._second, 0.0, offset)

    def result(self) -> Drift | None:
        """Over the longest time without a step; None below five seconds."""
        points = max(self._kept, self._points, key=len)
        if len(points) < 5:
            return None
        when, offset = np.array(points).T
        offset = offset - self._steps(when, offset)
        slope, error = _line(when, offset)
        half = len(points) // 2
        slopes = (
            slope,
            _line(when[: half + 1], offset[: half + 1])[0],
            _line(when[half:], offset[half:])[0],
            _median_slope(when, offset),
        )
        error = max(error, (max(slopes) - min(slopes)) / 2)
        return Drift(slope * 1e6, error * 1e6, float(when[-1] - when[0]))

    def _steps(self, when: Floats, offset: Floats) -> Floats:
        """What stalls have added to each offset: where it grew by much more, or less, than it usually does."""
        elapsed, grown = np.diff(when), np.diff(offset)
        beyond = grown - _median_slope(when, offset) * elapsed
        return np.concatenate(([0.0], np.cumsum(np.where(np.abs(beyond) >= self.STALL_S, beyond, 0.0))))


def _line(when: Floats, offset: Floats) -> tuple[float, float]:
    """The slope of the line through three points or more, and its standard error if each is off by itself."""
    offset, spread = offset - offset.mean(), when - when.mean()
    slope = float(spread @ offset / (spread @ spread))
    residual = offset - slope * spread
    return slope, math.sqrt(float(residual @ residual) / (len(when) - 2) / float(spread @ spread))


def _median_slope(when: Floats, offset: Floats) -> float:
    """From each point to the next."""
    return float(np.median(np.diff(offset) / np.diff(when)))


class Lateness:
    """Packets that an adaptive jitter buffer would have had to do without: it plays what comes `buffer_ms` after the
    earliest packets of the last five seconds. After one that is later it waits longer, and is back after a while."""

    WINDOW_S = 5.0
    MARGIN_S = 0.03
    BACK_S_PER_S = 0.005

    def __init__(self, buffer_ms: float = 60.0) -> None:
        self.late = 0
        self._buffer_s = buffer_ms / 1_000
        self._earliest: deque[tuple[float, float]] = deque()  # (when, offset), offsets rising: a sliding minimum
        self._deadline = (-math.inf, 0.0)  # offset, and when that was

    def update(self, at_s: float, media_s: float) -> None:
        """A packet came, whose timestamp is so many seconds of the sender's clock."""
        offset, earliest = at_s - media_s, self._earliest
        if earliest and abs(offset - earliest[0][1]) > ClockDrift.STEP_S:
            earliest.clear()
            self._deadline = (-math.inf, at_s)
        while earliest and earliest[-1][1] >= offset:
            earliest.pop()
        earliest.append((at_s, offset))
        while at_s - earliest[0][0] > self.WINDOW_S:
            earliest.popleft()
        before, then_s = self._deadline
        deadline = max(earliest[0][1] + self._buffer_s, before - self.BACK_S_PER_S * (at_s - then_s))
        if offset > deadline:
            self.late += 1
            deadline = offset + self.MARGIN_S
        self._deadline = (deadline, at_s)
