"""When the caller's sounds reached us, by the audio that was delayed least. Pure."""

import math

from offhook.pipeline.rates import NARROW_HZ

_SPAN_SAMPLES = 4_000  # 0.5 s


class ArrivalClock:
    """Times of samples, by the least delayed audio of the last 0.5 to 1 s.

    The packet of one sound says little about when it was made: the network may have held it up, and what stands in for
    packets that do not come is itself late by the time that they were waited for, so that a caller whose phone stops
    sending in silence would seem to fall silent later than one whose phone goes on.
    """

    __slots__ = ("_before", "_latest", "_until")

    def __init__(self) -> None:
        self._before = self._latest = math.inf  # arrival of sample 0, by the span before and by the current one
        self._until = 0  # where the current span ends

    def arrived(self, zero_at: float, at_tick: int) -> None:
        """Audio up to `at_tick` came; sample 0 would have come at `zero_at` (monotonic seconds) with the same delay."""
        if at_tick >= self._until:
            # Before a stretch that was left out, the clocks of both ends may have stood otherwise.
            self._before = self._latest if at_tick < self._until + _SPAN_SAMPLES else math.inf
            self._latest = zero_at
            self._until = at_tick + _SPAN_SAMPLES
        elif zero_at < self._latest:
            self._latest = zero_at

    def time_of(self, at_tick: int) -> float:
        """When a sample of the last half second came; infinite if nothing has."""
        return min(self._before, self._latest) + at_tick / NARROW_HZ
