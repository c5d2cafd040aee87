"""A worker's own measurement of its load."""

import time
from typing import Protocol

from offhook.calls.registry import Calls
from offhook.engines.engine_set import EngineSet
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.totals import media_ticks
from offhook.process.messages import Report
from offhook.process.os_limits import calls_by_descriptors, calls_by_memory
from offhook.telephony.net.clock import MediaClock

SHORTEST_S = 0.05
"""The shortest time over which CPU use can be measured."""


class Slots(Protocol):
    """What calls over SIP take, and what may run out."""

    def free(self, now: float) -> int:
        """How many more there are."""


class LoadReporter:
    """Create it before the first call. `descriptors`: how many the process may open."""

    def __init__(
        self,
        calls: Calls,
        engines: EngineSet,
        watch: LoopWatch,
        clock: MediaClock,
        ports: Slots,
        descriptors: int,
    ) -> None:
        self._calls = calls
        self._engines = engines
        self._watch = watch
        self._clock = clock
        self._ports = ports
        self._room = calls_by_descriptors(descriptors)
        self._at, self._cpu_s = time.monotonic(), time.process_time()
        self._late = 0

    def restart(self) -> None:
        """Start measuring here, to leave out the cost of the start itself."""
        self._at, self._cpu_s = time.monotonic(), time.process_time()

    def report(self) -> Report:
        """Report the time since the last report."""
        at, cpu_s, late = time.monotonic(), time.process_time(), media_ticks(self._clock.counters).late
        passed_s = at - self._at
        report = Report(
            calls=len(self._calls),
            cpu=(cpu_s - self._cpu_s) / passed_s if passed_s >= SHORTEST_S else 0.0,
            lag_s=self._watch.lag_p95_s,
            lag_max_s=self._watch.lag_s,
            late_ticks=late - self._late,
            room=self._room_left(),
            ports=self._ports.free(at),
            behind_s=self._engines.behind_s,
        )
        self._at, self._cpu_s, self._late = at, cpu_s, late
        return report

    def _room_left(self) -> int:
        by_descriptors, by_memory = self._room - len(self._calls), calls_by_memory()
        return by_descriptors if by_memory is None else min(by_descriptors, by_memory)
