"""Max-min fair division of events a second among members of several ranks, and what it takes to measure them. Pure."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

RATE_WINDOW_S = 1.0
"""Time constant of the measured rates."""
LEFT_FOR_LOWER_RANKS = 0.1
SLACK = 1.05
"""Of what a rank may have: each member's part is counted by itself, and must not fail for a fraction of a call."""


class Rank(IntEnum):
    """Of a source of calls: who goes first."""

    PEER = 0
    KNOWN = 1
    STRANGER = 2


@dataclass(slots=True)
class Rate:
    """Events a second, over about `RATE_WINDOW_S`. Much smaller than a `Window` with many events."""

    value: float = 0.0
    at: float = 0.0

    def now(self, now: float) -> float:
        """The rate as of `now`."""
        if now > self.at:
            self.value *= math.exp((self.at - now) / RATE_WINDOW_S)
            self.at = now
        return self.value

    def count(self, now: float) -> None:
        """Count one event."""
        self.value = self.now(now) + 1.0


@dataclass(slots=True)
class TokenBucket:
    """Full at the start, and after a second without use."""

    tokens: float
    at: float

    def take(self, per_s: float, now: float) -> bool:
        """Take a token of those that come at `per_s`; False if there is none."""
        self.tokens = min(per_s, self.tokens + (now - self.at) * per_s)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Window:
    """Events in the last second, counted exactly: what is given has to fit the limits of the workers, which do so."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def now(self, now: float) -> int:
        """How many there were in the second before `now`."""
        times = self._times
        while times and times[0] <= now - 1.0:
            times.popleft()
        return len(times)

    def count(self, now: float) -> None:
        """Count one event."""
        self._times.append(now)


class SharingGroup:
    """Members of several ranks that share new calls a second."""

    __slots__ = ("given", "shares")

    def __init__(self) -> None:
        self.given = {rank: Window() for rank in Rank}
        self.shares: Mapping[Rank, tuple[float, float]] = {}
        """For each rank, what one member and what the whole rank may have; empty while all that is wanted fits."""

    def divide(self, total: float, wanted: Iterable[tuple[Rank, float]], *, strangers: float = math.inf) -> None:
        """Divide `total` new calls a second among members who want so many; `strangers` together get no more than
        that, even if the rest is not wanted."""
        by_rank: dict[Rank, list[float]] = {rank: [] for rank in Rank}
        for rank, each in wanted:
            by_rank[rank].append(each)
        sums = {rank: sum(each) for rank, each in by_rank.items()}
        self.shares = shares = {Rank.STRANGER: (strangers, strangers)} if strangers < math.inf else {}
        if sum(sums.values()) <= total:
            return
        left, least = total, LEFT_FOR_LOWER_RANKS * total
        for rank in Rank:
            mine = max(left - min(least, sum(sums[each] for each in Rank if each > rank)), least)
            level = _level(by_rank[rank], mine)
            most = min(mine, strangers) if rank is Rank.STRANGER else mine
            shares[rank] = min(level, most), SLACK * most
            left = max(0.0, left - sum(min(each, level) for each in by_rank[rank]))

    def exceeded(self, rank: Rank, given: float, now: float) -> bool:
        """Whether a member who was `given` so many a second, or its rank, has its share."""
        level, most = self.shares.get(rank, (math.inf, math.inf))
        return given >= level or self.given[rank].now(now) >= most


def _level(wanted: Iterable[float], capacity: float) -> float:
    """Max-min fairness: what each may have at most, so that all together get `capacity`. Infinite if all fits."""
    ascending = sorted(wanted)
    left = capacity
    for index, each in enumerate(ascending):
        share = left / (len(ascending) - index)
        if each > share:
            return share
        left -= each
    return math.inf
