"""The media clock: one timer that paces the packets of all lines of the process.

Time is absolute: slot n begins n · 2 ms after the clock was made, however busy the loop is, so that pacing does not
drift. A line that begins to send joins at the slot nearest to now and is ticked every packet time; lines thus spread
over the slots, and while none sends the clock does not wake up at all.
"""

import asyncio
import math
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from offhook.telephony import native
from offhook.telephony.errors import LocalError
from offhook.telephony.net.pump import EVERY_PACKET, AudioFraming, MediaPump

SLOT_MS = 2

Tick = Callable[[float], bool]
"""`tick(now) -> stay`: once each packet time, until it returns false."""

_SLOT_S = SLOT_MS / 1_000

# Both event loops count timers in whole milliseconds: the standard one rounds up, uvloop rounds to the
# nearest, from a time that may be stale. Aiming half a millisecond early puts the error around zero; a slot
# nearer than a millisecond is served rather than waited for, to avoid spinning.
_AIM_EARLY_S = 0.000_5
_SERVE_EARLY_S = 0.001

_BUCKETS_MS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(slots=True)
class ClockCounters:
    """What the clock has done.

    `late_ms_histogram[i]` counts the ticks up to `late_ms_bounds[i]` late, its last entry all later ones.
    `skipped` are the ticks that would have been due while the loop was busy with something else.

    Only the native pump counts the rest: `underruns` and `stalls` of all lines (see `RtpStats`), and the lag of the
    event loop, from the pump's notification until its collection, by the same bounds.
    """

    wakeups: int = 0
    ticks: int = 0
    skipped: int = 0
    late_ms_max: float = 0.0
    late_ms_bounds: tuple[float, ...] = _BUCKETS_MS
    late_ms_histogram: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS_MS) + 1))
    underruns: int = 0
    stalls: int = 0
    lag_ms_max: float = 0.0
    lag_ms_histogram: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS_MS) + 1))

    def count(self, late_ms: float, ticks: int) -> None:
        """`ticks` lines were served this late."""
        self.ticks += ticks
        self.late_ms_max = max(self.late_ms_max, late_ms)
        self.late_ms_histogram[bisect_left(self.late_ms_bounds, late_ms)] += ticks


class MediaClock:
    """Ticks for many lines from one timer of the event loop. Not thread-safe: `add` on the loop's thread.

    `media` is "native" for the pump in C, which lines then use where it was built, or "python" for none; by default
    what the environment wants. `framing` is how the pump hands over what the lines receive.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        media: str | None = None,
        framing: AudioFraming = EVERY_PACKET,
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._media = media or native.WANTED
        self._framing = framing
        self._pump: MediaPump | None = None
        self._epoch = time.monotonic()
        self._slots: dict[int, list[tuple[Tick, int]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = math.inf
        self._closed = False
        self._counters = ClockCounters()

    def add(self, tick: Tick, period_ms: int = 20) -> None:
        """Call `tick` at the slot nearest to now, never from within this call, and then every `period_ms`.

        It is given the slot's own time, or the real one where that is more than a slot late; ticks that were
        missed are not made up for, so it must send by that time whatever has become due. It stays until it returns
        false, even if it raises. It must not be added again before it has left. LocalError if the period is not a whole
        number of slots.
        """
        if period_ms <= 0 or period_ms % SLOT_MS:
            raise LocalError(f"a packet time of {period_ms} ms is not a multiple of {SLOT_MS} ms")
        slot = round((time.monotonic() - self._epoch) / _SLOT_S)
        self._slots.setdefault(slot, []).append((tick, period_ms // SLOT_MS))
        self._arm()

    @property
    def pump(self) -> MediaPump | None:
        """The native pump that lines of this clock use; None where it was not built, or is not wanted."""
        if self._pump is None and self._media == "native" and native.media is not None:
            self._pump = MediaPump(self._loop, self._framing)
        return self._pump

    @property
    def counters(self) -> ClockCounters:
        """What the clock and the pump have done so far, together."""
        if self._pump is None:
            return replace(self._counters, late_ms_histogram=list(self._counters.late_ms_histogram))
        own, pump = self._counters, self._pump.counters()
        return ClockCounters(
            wakeups=own.wakeups + pump["wakeups"],
            ticks=own.ticks + pump["ticks"],
            skipped=own.skipped + pump["skipped"],
            late_ms_max=max(own.late_ms_max, pump["late_ms_max"]),
            late_ms_histogram=[a + b for a, b in zip(own.late_ms_histogram, pump["late"], strict=True)],
            underruns=pump["underruns"],
            stalls=pump["stalls"],
            lag_ms_max=pump["lag_ms_max"],
            lag_ms_histogram=pump["lag"],
        )

    @property
    def active(self) -> int:
        """Lines that are being served."""
        return sum(map(len, self._slots.values()))

    def close(self) -> None:
        """Drop all lines; nothing is called from then on. Idempotent."""
        self._closed = True
        if self._pump is not None:
            self._pump.close()
        self._slots.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def dump(self) -> dict[str, object]:
        """Live state and counters."""
        c = self.counters
        bounds = [f"{bound:g}" for bound in c.late_ms_bounds] + ["more"]
        return {
            "active": self.active,
            "wakeups": c.wakeups,
            "ticks": c.ticks,
            "skipped": c.skipped,
            "late_ms_max": round(c.late_ms_max, 3),
            "late_ms": dict(zip(bounds, c.late_ms_histogram, strict=True)),
            "pump": None if self._pump is None else self._pump.counters(),
        }

    def _arm(self) -> None:
        if not self._slots or self._closed:
            return
        due = self._epoch + min(self._slots) * _SLOT_S - _AIM_EARLY_S
        if self._timer is not None:
            if due >= self._armed_for:
                return
            self._timer.cancel()
        self._armed_for = due
        self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._counters.wakeups += 1
        try:
            self._serve()
        finally:
            # Also after a tick has raised: the rest of its slot is still there, and due.
            self._arm()

    def _serve(self) -> None:
        slots = self._slots
        while slots:
            slot = min(slots)
            now = time.monotonic()
            due = self._epoch + slot * _SLOT_S
            late_s = now - due
            if late_s < -_SERVE_EARLY_S:
                return
            self._counters.count(1_000 * max(0.0, late_s), len(slots[slot]))
            self._serve_slot(slot, due if late_s < _SLOT_S else now, int(max(0.0, late_s) / _SLOT_S))

    def _serve_slot(self, slot: int, now: float, slots_late: int) -> None:
        lines = self._slots[slot]
        try:
            while lines:
                tick, period = lines.pop()
                stays = True
                try:
                    stays = tick(now)
                finally:
                    if stays and not self._closed:
                        missed = slots_late // period
                        self._counters.skipped += missed
                        self._slots.setdefault(slot + (missed + 1) * period, []).append((tick, period))
        finally:
            if not lines:
                self._slots.pop(slot, None)
