"""One timer for all media streams of an event loop.

Each far end sends fifty messages a second, in its own time. To wake up for each of them is what a call costs most; so
all are looked after at the same points in time, and who may wait a moment waits for the next of them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

PERIOD_S = 0.02
"""The audio in one of Twilio's messages."""

Tick = Callable[[float], None]
"""`tick(now)`, in monotonic seconds; it returns at once."""


class StreamClock:
    """Calls each tick that has joined once in `PERIOD_S`. Not thread-safe: on the loop's thread only.

    Points are multiples of the period; one that the loop has slept through is left out. While nobody has joined the
    clock does not wake up. What a tick raises goes to the loop's exception handler, the others are called all the same.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        """The time of all that happens to the streams: monotonic seconds, or a test's own."""
        self._ticks: dict[Tick, None] = {}
        self._due: Iterator[Tick] = iter(())  # those still to call at this point
        self._point = 0.0  # the next one
        self._timer: asyncio.Handle | None = None

    def join(self, tick: Tick) -> None:
        """From the next point on. No effect for one that has joined."""
        self._ticks[tick] = None
        if self._timer is None:
            self._arm()

    def leave(self, tick: Tick) -> None:
        """Not any more, and not at this point either. No effect for one that has not joined."""
        self._ticks.pop(tick, None)
        if not self._ticks and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        now = self.now()
        # A timer may be a little early: that must not make the same point due again.
        self._point = max(self._point, now // PERIOD_S * PERIOD_S) + PERIOD_S
        self._timer = asyncio.get_running_loop().call_later(self._point - now, self._fire)

    def _fire(self) -> None:
        self._arm()
        self._due = iter(list(self._ticks))
        self._serve()

    def _serve(self) -> None:
        finished = False
        now = self.now()
        try:
            for tick in self._due:
                if tick in self._ticks:
                    tick(now)
            finished = True
        finally:
            if not finished:
                asyncio.get_running_loop().call_soon(self._serve)
