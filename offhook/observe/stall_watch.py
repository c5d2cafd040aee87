"""Logs where the event loop is stuck while it is, from a thread."""

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import structlog

STALL_S = 0.12
"""Lag that counts as a stall. A block of 200 ms delays the beat due within it by more than that."""
CHECK_S, IDLE_CHECK_S = 0.1, 0.5
"""How often the lag is checked; once it is suspicious, more often."""
SUSPICIOUS_S, CLOSE_CHECK_S = 0.05, 0.01
STARVED_S = 0.1
"""If this thread is as late itself, the interpreter lock or another program kept both from running."""
BUSY_SHARE = 0.5
"""Share of that time on the CPU above which this process itself was the cause."""
LOGGED_EVERY_S = 5.0
MAX_FRAMES = 12

log = structlog.get_logger("offhook.loop")


class StallWatch:
    """Calls `on_stall` and logs the stack of the thread `ident`, once each time that `late_s` grows beyond `STALL_S`.

    A paused process, or a thread that waited for a CPU, does not count: its stack would say nothing. Create it on the
    loop.
    """

    def __init__(self, late_s: Callable[[], float], on_stall: Callable[[], None], is_idle: Callable[[], bool]) -> None:
        self._late_s = late_s
        self._is_idle = is_idle
        self._loop = asyncio.get_running_loop()
        self._ident = threading.get_ident()
        self._schedstat = -1
        with suppress(OSError):
            path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
            self._schedstat = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._on_stall = on_stall
        self._stopped = False
        # Held until the end. A lock, because waiting for an Event costs several times as much CPU.
        self._stop = threading.Lock()
        self._stop.acquire()
        self._logged_at = -LOGGED_EVERY_S
        self._thread = threading.Thread(target=self._run, name="offhook-stalls", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End. Idempotent."""
        if not self._stopped:
            self._stopped = True
            self._stop.release()

    def _run(self) -> None:
        try:
            self._watch()
        finally:
            if self._schedstat >= 0:
                os.close(self._schedstat)

    def _watch(self) -> None:
        reported = False
        queued_s = self._queued_s()
        pause_s, before, cpu_before = CHECK_S, time.monotonic(), time.process_time()
        while not self._stop.acquire(timeout=pause_s):
            now, cpu = time.monotonic(), time.process_time()
            away_s = now - before - pause_s
            starved = away_s > STARVED_S and cpu - cpu_before < BUSY_SHARE * away_s
            late_s = 0.0 if starved else self._late_s()
            if late_s < SUSPICIOUS_S:
                queued_s = self._queued_s()
            if late_s < STALL_S:
                reported = False
            elif not reported and late_s - (self._queued_s() - queued_s) >= STALL_S:
                reported = True
                self._report(now, late_s)
            if late_s > SUSPICIOUS_S and not reported:
                pause_s = CLOSE_CHECK_S
            else:
                pause_s = IDLE_CHECK_S if self._is_idle() else CHECK_S
            before, cpu_before = now, cpu

    def _queued_s(self) -> float:
        """Total time that the loop's thread has waited for a CPU (proc(5), sched-stats); 0 if unknown."""
        fields: list[bytes] = []
        with suppress(OSError):
            fields = os.pread(self._schedstat, 100, 0).split()
        return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0

    def _report(self, now: float, late_s: float) -> None:
        frames = [sys._current_frames().get(self._ident)]
        stack = traceback.format_stack(frames[0], MAX_FRAMES) if frames[0] is not None else []
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(frames.clear)  # what ran there may be freed in its own thread alone
        self._on_stall()
        # A careless plug-in must not fill the disk.
        if now - self._logged_at >= LOGGED_EVERY_S:
            self._logged_at = now
            where = " < ".join(" ".join(each.split()) for each in reversed(stack))
            log.warning("the event loop is stalled", so_far_ms=round(1000 * late_s), where=where)
