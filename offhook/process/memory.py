"""Gives memory back to the system after a wave of calls. Pure but for the giving back itself."""

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress

WAVE_CALLS = 50
"""A fall by this many calls …"""
FALL, FEW_CALLS = 0.1, 5
"""… to this share of the peak, or so few, is the end of a wave. Giving back traverses what all calls in progress have,
100 ms for some hundred of them: with few it is cheap."""
APART_S = 10.0


def give_back() -> None:
    """Free what ended calls left in cycles, and return free memory at the ends and in the middle of the heap."""
    gc.collect()
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class MemoryTrim:
    """Call `calls` a few times a second."""

    def __init__(self, give_back: Callable[[], None] = give_back) -> None:
        self._give_back = give_back
        self._peak = 0
        self._last_at = 0.0

    def calls(self, count: int, now: float) -> None:
        """So many calls are in progress."""
        self._peak = max(self._peak, count)
        over = self._peak - count >= WAVE_CALLS and count <= max(FEW_CALLS, FALL * self._peak)
        if over and now - self._last_at >= APART_S:
            self._peak, self._last_at = count, now
            self._give_back()
