"""A bad network as a function of a seed: loss, bursts, delay, jitter, order, duplicates, corruption, rate, outages.

Pure: a packet and `now` in, departures with their times out. Whether the n-th packet of a stream is lost, delayed or
corrupted depends on the seed, the stream's name and n alone, never on its arrival time: a run can be repeated.
"""

import math
from dataclasses import dataclass, fields
from random import Random
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

UDP_HEADER_BYTES = 28
"""IPv4 and UDP: the rate includes them."""

MAX_DAMAGED_BYTES = 3

Window: TypeAlias = tuple[float, float]
"""(from, to) in seconds since the stream's beginning."""

JitterShape = Literal["uniform", "normal"]
_SHAPES = ("uniform", "normal")
# Nearly all of a normal distribution lies within three deviations to either side.
_NORMAL = NormalDist(0.5, 1 / 6)


@dataclass(frozen=True, slots=True)
class Impairment:
    """The faults of one direction; by default none. Percentages are 0 to 100. Raises ValueError.

    - `loss_percent`: the share of lost packets. With `burst_packets` losses come in bursts of that mean length
      (Gilbert 1960: a good and a bad state, all packets of the bad one are lost); with 0 each is lost by itself.
    - `delay_ms` for all; `jitter_ms` is the maximum on top, uniform or bell-shaped around its half.
      Jitter keeps the order, as a queue does: a delayed packet delays those behind it.
    - `spike_percent` of the packets start a stall of `spike_ms`.
    - `reorder_percent` are held back by `reorder_ms`, and those behind overtake them.
    - `duplicate_percent` arrive twice; in `corrupt_percent` one to three bytes are changed.
    - `rate_kbps` (0: no limit), headers included, with a queue of at most `queue_ms`.
    - `blackholes`: in these windows nothing passes.
    """

    loss_percent: float = 0.0
    burst_packets: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    jitter_shape: JitterShape = "uniform"
    spike_ms: float = 200.0
    spike_percent: float = 0.0
    reorder_percent: float = 0.0
    reorder_ms: float = 30.0
    duplicate_percent: float = 0.0
    corrupt_percent: float = 0.0
    rate_kbps: float = 0.0
    queue_ms: float = 200.0
    blackholes: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_percent") and not 0 <= value <= 100:
                raise ValueError(f"{field.name} is {value:g}: it goes from 0 to 100")
            if field.name.endswith(("_ms", "_kbps", "_packets")) and not 0 <= value < math.inf:
                raise ValueError(f"{field.name} is {value:g}: it cannot be below 0")
        if self.jitter_shape not in _SHAPES:
            raise ValueError(f"jitter_shape is {self.jitter_shape!r}: it is one of {', '.join(_SHAPES)}")
        if self.burst_packets and self.burst_packets < max(1.0, self._least_burst):
            raise ValueError(f"bursts of {self.burst_packets:g} packets cannot lose {self.loss_percent:g} %")
        for start, end in self.blackholes:
            if not 0 <= start < end:
                raise ValueError(f"a blackhole from {start:g} to {end:g} s has no length")

    @property
    def _least_burst(self) -> float:
        """At this length the good state lasts for one packet; shorter bursts would need less than one."""
        loss = self.loss_percent / 100
        return loss / (1 - loss) if loss < 1 else 0.0


class Departure(NamedTuple):
    """A datagram and the time at which it leaves."""

    send_at: float
    data: bytes


@dataclass(slots=True)
class ImpairCounters:
    """Counters of packets; `received_bytes` of their bytes.

    `lost_between` are those lost between the first and the last that were sent, which a receiver can detect.
    """

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    lost: int = 0
    lost_between: int = 0
    loss_bursts: int = 0
    reordered: int = 0
    duplicated: int = 0
    corrupted: int = 0
    spikes: int = 0
    overflowed: int = 0
    blackholed: int = 0

    def add(self, other: "ImpairCounters") -> None:
        """Sum up streams."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class _Fate(NamedTuple):
    """One packet's random numbers in [0, 1): always all, so that one impairment does not change another's."""

    loss: float
    jitter: float
    spike: float
    reorder: float
    duplicate: float
    corrupt: float
    damage: float


class Impairer:
    """One stream through the bad network. `start` and `now` are monotonic seconds."""

    def __init__(self, impairment: Impairment, *, seed: int, stream: str, start: float) -> None:
        self._impairment = impairment
        self._random = Random(f"{seed}/{stream}")
        self._start = start
        self._bad = False
        self._lost_since_sent = 0
        self._link_free_at = start
        self._last_send_at = start
        self.counters = ImpairCounters()

    def packet(self, data: bytes, now: float) -> list[Departure]:
        """The next packet arrives: its departures, in order of time; empty when it is lost."""
        fate = _Fate(*(self._random.random() for _ in _Fate._fields))
        counters, impairment = self.counters, self._impairment
        counters.received += 1
        counters.received_bytes += len(data)
        lost = self._is_lost(fate.loss)
        if any(start <= now - self._start < end for start, end in impairment.blackholes):
            counters.blackholed += 1
            return []
        if lost:
            counters.lost += 1
            self._lost_since_sent += 1
            return []
        passed_at = self._through_link(len(data), now)
        if passed_at is None:
            counters.overflowed += 1
            return []
        if _happens(fate.corrupt, impairment.corrupt_percent):
            data = _damaged(data, Random(fate.damage))
            counters.corrupted += 1
        departure = Departure(self._send_at(passed_at, fate), data)
        if counters.sent:
            counters.lost_between += self._lost_since_sent
        self._lost_since_sent = 0
        counters.sent += 1
        if not _happens(fate.duplicate, impairment.duplicate_percent):
            return [departure]
        counters.duplicated += 1
        return [departure, departure]

    def _is_lost(self, draw: float) -> bool:
        loss, burst = self._impairment.loss_percent / 100, self._impairment.burst_packets
        if not burst or loss in (0.0, 1.0):
            was_bad, self._bad = self._bad, draw < loss
        else:
            # The chain's share of bad packets is `loss`, and a bad run's mean length is `burst`.
            was_bad = self._bad
            self._bad = draw >= 1 / burst if was_bad else draw < loss / (burst * (1 - loss))
        self.counters.loss_bursts += self._bad and not was_bad
        return self._bad

    def _through_link(self, size_bytes: int, now: float) -> float | None:
        """When the link has sent the packet; None when its queue is full."""
        rate_kbps = self._impairment.rate_kbps
        if not rate_kbps:
            return now
        begins_at = max(now, self._link_free_at)
        if (begins_at - now) * 1_000 > self._impairment.queue_ms:
            return None
        self._link_free_at = begins_at + (size_bytes + UDP_HEADER_BYTES) * 8 / (rate_kbps * 1_000)
        return self._link_free_at

    def _send_at(self, passed_at: float, fate: _Fate) -> float:
        impairment = self._impairment
        delay_ms = impairment.delay_ms + impairment.jitter_ms * _spread(fate.jitter, impairment.jitter_shape)
        if _happens(fate.spike, impairment.spike_percent):
            delay_ms += impairment.spike_ms
            self.counters.spikes += 1
        send_at = max(self._last_send_at, passed_at + delay_ms / 1_000)
        if _happens(fate.reorder, impairment.reorder_percent):
            self.counters.reordered += 1
            return send_at + impairment.reorder_ms / 1_000
        self._last_send_at = send_at
        return send_at


class ByteLink:
    """One direction of a TCP connection: bytes leave in order, delayed, at a limited rate, and not in a stall.

    Of an Impairment it knows `delay_ms`, `rate_kbps` and `blackholes`; nothing is lost in the latter, it waits.
    """

    def __init__(self, impairment: Impairment, *, start: float) -> None:
        self._impairment = impairment
        self._start = start
        self._free_at = start

    def send_at(self, size_bytes: int, now: float) -> float:
        """When the next `size_bytes` have left."""
        impairment = self._impairment
        self._free_at = max(now, self._free_at)
        if impairment.rate_kbps:
            self._free_at += size_bytes * 8 / (impairment.rate_kbps * 1_000)
        for start, end in sorted(impairment.blackholes):
            if start <= self._free_at - self._start < end:
                self._free_at = self._start + end
        return self._free_at + impairment.delay_ms / 1_000


def _happens(draw: float, percent: float) -> bool:
    return draw * 100 < percent


def _spread(draw: float, shape: JitterShape) -> float:
    if shape == "uniform":
        return draw
    return min(1.0, max(0.0, _NORMAL.inv_cdf(draw))) if draw > 0 else 0.0


def _damaged(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for at in random.sample(range(len(data)), min(len(data), random.randint(1, MAX_DAMAGED_BYTES))):
        changed[at] ^= random.randrange(1, 256)
    return bytes(changed)
