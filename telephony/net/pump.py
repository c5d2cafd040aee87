"""The event loop's side of the media pump: what its thread did is collected in batches and dispatched.

The thread itself is `telephony.native`. It doesn't need the interpreter: while this loop is busy it goes on
receiving and sending, and events wait here.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from offhook.telephony.native import media
from offhook.telephony.rtp import Address, RtpLimits

if TYPE_CHECKING:
    from offhook.telephony.native._media import Counters, Stream

AUDIO, SENT, DRAINED, DATAGRAM, OVERDUE, OUT = range(6)
"""Kinds of what is collected, see `Pump.collect`."""

Happening = tuple[int, int, int, float, Any]


def stream_limits(limits: RtpLimits) -> tuple[int, int, float, float, float, float, float]:
    """The limits of the fast io, in the pump's order."""
    return (
        limits.datagram_octets,
        limits.packets_per_s,
        limits.gap_wait_min_ms,
        limits.gap_wait_max_ms,
        limits.overdue_wait_min_ms,
        limits.lead_ms,
        limits.spike_hold_kept_s,
    )


@dataclass(frozen=True, slots=True)
class AudioFraming:
    """The pieces in which received audio is handed over: as the speech detector needs it.

    Audio is handed over when a frame of `frame_ticks` (up to 512; 0: every packet by itself), counted from tick 0, is
    complete. Audio with a peak of `loud_peak` or more (16-bit PCM) may be an interruption and is handed over at once.
    """

    frame_ticks: int = 0
    loud_peak: int = 0


EVERY_PACKET = AudioFraming()


class Attached(Protocol):
    """RTP I/O as the pump sees it."""

    def happened(self, kind: int, number: int, at: float, data: Any) -> bool:
        """One event of its stream; returns whether `settle` is wanted at the end of the batch."""

    def settle(self, now: float) -> None:
        """The batch is over."""


class MediaPump:
    """The pump of one event loop. Use on the loop's thread only. Raises OSError if no thread can be started."""

    def __init__(self, loop: asyncio.AbstractEventLoop, framing: AudioFraming = EVERY_PACKET) -> None:
        if media is None:
            raise OSError("the native media pump was not built")
        self._loop = loop
        self._framing = framing
        self._native = media.Pump()
        self._attached: dict[int, Attached] = {}
        self._happenings: Iterator[Happening] = iter(())
        self._unsettled: dict[Attached, None] = {}
        self._closed = False

    def attach(self, io: Attached, fd: int, limits: RtpLimits) -> "Stream":
        """Carry the media of a bound UDP socket, which the caller keeps, until `detach`."""
        stream: Stream = self._native.add(fd, stream_limits(limits), self._framing.frame_ticks, self._framing.loud_peak)
        if not self._attached:
            self._native.start()
            self._loop.add_reader(self._native.fileno(), self.dispatch)
        self._attached[stream.handle] = io
        return stream

    def detach(self, stream: "Stream") -> None:
        """Detach the socket; the stream's events end."""
        io = self._attached.pop(stream.handle, None)
        if io is not None:
            self._unsettled.pop(io, None)
        stream.close()
        if not self._attached:
            self._loop.remove_reader(self._native.fileno())

    def dispatch(self) -> None:
        """Dispatch the events. A handler's exception goes to the loop's exception handler; the rest goes on."""
        finished = False
        try:
            self._hand_out()
            self._happenings = iter(self._native.collect())
            self._hand_out()
            finished = True
        finally:
            if not finished and not self._closed:
                self._loop.call_soon(self.dispatch)
        # Only now has each session seen everything before.
        now = time.monotonic()
        while self._unsettled:
            self._unsettled.popitem()[0].settle(now)

    def close(self) -> None:
        """End the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._attached:
                self._loop.remove_reader(self._native.fileno())
                self._attached.clear()
            self._native.close()

    def counters(self) -> "Counters":
        """What the thread has done; see `ClockCounters` for the meaning of the histograms."""
        counters: Counters = self._native.counters()
        return counters

    def _hand_out(self) -> None:
        attached = self._attached
        for handle, kind, number, at, data in self._happenings:
            io = attached.get(handle)
            if io is not None and io.happened(kind, number, at, data):
                self._unsettled[io] = None


def address_of(target: Address | None) -> tuple[str | None, int]:
    """As `Stream.set_target` takes it."""
    return (None, 0) if target is None else target
