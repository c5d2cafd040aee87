"""Protocol time (seconds of `now`) to RTP timestamps and NTP stamps, and back."""

from offhook.telephony.wire.serial import MASK32, delta32

TICK_HZ = 8_000
NTP_SHORT_HZ = 65_536


class TickClock:
    """The RTP timestamp that belongs to a moment, unwrapped: `timestamp` at `now`, 8000 more each second."""

    __slots__ = ("_now", "_timestamp")

    def __init__(self, now: float, timestamp: int) -> None:
        self._now = now
        self._timestamp = timestamp

    @property
    def origin(self) -> tuple[float, int]:
        """The moment it was set, and its timestamp then."""
        return self._now, self._timestamp

    def at(self, now: float) -> int:
        """The timestamp of `now`, not reduced to 32 bits."""
        return self._timestamp + round((now - self._now) * TICK_HZ)


class TickTimeline:
    """RTP timestamps of a clock of `units_per_tick` times 8000 Hz to ticks of 1/8000 s, both of 32 bits."""

    __slots__ = ("_unwrapped", "units_per_tick")

    def __init__(self, units_per_tick: int, timestamp: int) -> None:
        self.units_per_tick = units_per_tick
        self._unwrapped = timestamp

    def ticks(self, timestamp: int) -> int:
        """The tick of a timestamp that is less than half a turn from the last one."""
        if self.units_per_tick == 1:
            return timestamp
        self._unwrapped += delta32(timestamp, self._unwrapped & MASK32)
        return self._unwrapped // self.units_per_tick & MASK32


def ntp_stamp(now: float) -> int:
    """`now` as a 64-bit NTP stamp in 1/2**32 s.

    RFC 3550 §6.4.1 lets a sender without a wall clock count from any start of its own; only differences are used.
    """
    return round(now * (1 << 32)) & 0xFFFFFFFF_FFFFFFFF


def ntp_short(stamp: int) -> int:
    """The middle 32 bits of an NTP stamp: 1/65536 s, wrapping after 18 hours. What LSR and DLSR are made of."""
    return (stamp >> 16) & MASK32


def dlsr_ticks(seconds: float) -> int:
    """A delay as report blocks carry it: in 1/65536 s, bounded to 32 bits."""
    return min(MASK32, max(0, round(seconds * NTP_SHORT_HZ)))
