"""Measures the lag of the event loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

from offhook.observe.health import HealthStatus
from offhook.observe.stall_watch import StallWatch

BEAT_S = 0.05
IDLE_BEAT_S = 0.25
RECENT_S = 10.0
LATEST_S = 1.0
"""The window of the percentile, which leaves out a single late beat caused by another program."""
STUCK_S = 5.0
"""After a stall this long the calls' media is lost."""


class LoopWatch:
    """Measures the running loop's lag every `BEAT_S`, `IDLE_BEAT_S` while it `is_idle`, and calls `report(seconds)`.

    With `on_stall`, called from a thread, it logs where a stalled loop is stuck, see `StallWatch`.
    """

    def __init__(
        self,
        report: Callable[[float], None] | None = None,
        on_stall: Callable[[], None] | None = None,
        is_idle: Callable[[], bool] = lambda: False,
    ) -> None:
        self._report = report
        self._is_idle = is_idle
        self._on_stall = on_stall
        self._stalls: StallWatch | None = None
        self._recent: deque[float] = deque(maxlen=round(RECENT_S / BEAT_S))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin; call it on the loop. Idempotent."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._arm(self._loop)
            if self._on_stall is not None:
                self._stalls = StallWatch(self._late_s, self._on_stall, self._is_idle)

    def stop(self) -> None:
        """End. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stalls is not None:
            self._stalls.stop()
            self._stalls = None

    @property
    def lag_s(self) -> float:
        """The greatest lag of the last `RECENT_S`, including one still growing."""
        growing = self._loop.time() - self._due if self._loop is not None and self._timer is not None else 0.0
        return max(growing, 0.0, *self._recent)

    @property
    def lag_p95_s(self) -> float:
        """The 95th percentile of the last `LATEST_S`."""
        beats = round(LATEST_S / BEAT_S)
        latest = sorted(islice(reversed(self._recent), beats), reverse=True)
        return latest[len(latest) // 20] if latest else 0.0

    def health(self) -> HealthStatus:
        """The loop's part of `StatusSource.health`: not alive for `RECENT_S` after a lag of `STUCK_S`."""
        lag_s = self.lag_s
        stuck = lag_s > STUCK_S
        return HealthStatus(not stuck, f"the event loop was stalled for {lag_s:.1f} s" if stuck else "", lag_s)

    def _late_s(self) -> float:
        # uvloop's cached time stops with the loop; it is the same clock.
        return time.monotonic() - self._due

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + (IDLE_BEAT_S if self._is_idle() else BEAT_S)
        self._timer = loop.call_at(self._due, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        lag_s = max(0.0, loop.time() - self._due)
        self._recent.append(lag_s)
        if self._report is not None:
            self._report(lag_s)
        self._arm(loop)
