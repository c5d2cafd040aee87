"""How far received audio may run ahead of real time. Pure."""

from offhook.telephony.rtp.clock import TICK_HZ

REFILL_HZ = TICK_HZ * 1.01
"""The clocks of both ends may differ by 1 %."""


class LeadLimit:
    """A bucket of ticks that real time fills, and delivered or filled audio empties; it holds `lead_ms` at most."""

    __slots__ = ("_began_at", "_most", "at", "ticks")

    def __init__(self, lead_ms: int) -> None:
        self._most = lead_ms * 8.0
        self._began_at = 0.0
        self.ticks = self._most
        self.at = 0.0
        """When `ticks` was true."""

    def begin(self, now: float) -> None:
        """The first audio comes."""
        self._began_at = self.at = now

    def deliver(self, ticks: int, now: float) -> bool:
        """Account for received audio; False, and nothing is taken, if it is too far ahead."""
        left = self.ticks + (now - self.at) * REFILL_HZ - ticks
        if left < 0:
            return False
        self.ticks = left if left < self._most else self._most
        self.at = now
        return True

    def fill(self, ticks: int, now: float) -> None:
        """Account for filled audio, even beyond the limit."""
        self.ticks = min(self._most, self.ticks + (now - self.at) * REFILL_HZ - ticks)
        self.at = now

    def room(self, position: int, now: float) -> float:
        """How many ticks may follow `position`, judged from the whole time since the beginning."""
        return (now - self._began_at) * REFILL_HZ + self._most - position
