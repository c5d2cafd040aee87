"""The media pump's side in the event loop: what its thread has done is collected in batches and handed out.

The thread itself is `telephony.native`. It needs nothing of the interpreter: while this loop is busy it goes on to
receive and to send, and what has happened waits here.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from offhook.telephony.native import media
from offhook.telephony.rtp import Address, RtpLimits

if TYPE_CHECKING:
    from offhook.telephony.native._media import Counters, Stream

AUDIO, SENT, DRAINED, DATAGRAM, OVERDUE, OUT = range(6)
"""Kinds of what is collected, see `Pump.collect`."""

Happening = tuple[int, int, int, float, object]


def stream_limits(limits: RtpLimits) -> tuple[int, int, float, float, float, float, float]:
    """Those that matter in the fast path, in the order in which the pump takes them."""
    return (
        limits.datagram_octets,
        limits.packets_per_s,
        limits.gap_wait_min_ms,
        limits.gap_wait_max_ms,
        limits.overdue_wait_min_ms,
        limits.lead_ms,
        limits.patience_kept_s,
    )


@dataclass(frozen=True, slots=True)
class AudioFraming:
    """In what pieces received audio is wanted: what a detector of speech needs, not the line.

    Audio is handed over when a frame of `frame_ticks` (up to 512; 0: every packet by itself), counted from tick 0, is
    complete. Audio with a peak of `loud_peak` or more (16-bit PCM) may be an interruption and is handed over at once.
    """

    frame_ticks: int = 0
    loud_peak: int = 0


EVERY_PACKET = AudioFraming()


class Attached(Protocol):
    """A path, as the pump sees it."""

    def happened(self, kind: int, number: int, at: float, data: object) -> bool:
        """One event of the path's stream; returns whether `settle` is wanted at the end of the batch."""

    def settle(self, now: float) -> None:
        """The batch is over."""


class MediaPump:
    """The pump of one event loop. Not thread-safe: on the loop's thread only. Raises OSError for want of a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, framing: AudioFraming = EVERY_PACKET) -> None:
        if media is None:
            raise OSError("the native media pump was not built")
        self._loop = loop
        self._framing = framing
        self._native = media.Pump()
        self._paths: dict[int, Attached] = {}
        self._happenings: Iterator[Happening] = iter(())
        self._unsettled: dict[Attached, None] = {}
        self._closed = False

    def attach(self, path: Attached, fd: int, limits: RtpLimits) -> "Stream":
        """Carry the media of a bound UDP socket, which remains the caller's, until `detach`."""
        stream: Stream = self._native.add(fd, stream_limits(limits), self._framing.frame_ticks, self._framing.loud_peak)
        if not self._paths:
            self._native.start()
            self._loop.add_reader(self._native.fileno(), self.dispatch)
        self._paths[stream.handle] = path
        return stream

    def detach(self, stream: "Stream") -> None:
        """Let go of the socket; nothing of the stream is handed out any more."""
        path = self._paths.pop(stream.handle, None)
        if path is not None:
            self._unsettled.pop(path, None)
        stream.close()
        if not self._paths:
            self._loop.remove_reader(self._native.fileno())

    def dispatch(self) -> None:
        """Hand out what has happened. What a handler raises goes to the loop's exception handler, the rest goes on."""
        finished = False
        try:
            self._hand_out()
            self._happenings = iter(self._native.collect())
            self._hand_out()
            finished = True
        finally:
            if not finished and not self._closed:
                self._loop.call_soon(self.dispatch)
        # Only now has each stream's session seen all that came before.
        now = time.monotonic()
        while self._unsettled:
            self._unsettled.popitem()[0].settle(now)

    def close(self) -> None:
        """End the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._paths:
                self._loop.remove_reader(self._native.fileno())
                self._paths.clear()
            self._native.close()

    def counters(self) -> "Counters":
        """What the thread has done; see `ClockCounters` for the meaning of the histograms."""
        counters: Counters = self._native.counters()
        return counters

    def _hand_out(self) -> None:
        paths = self._paths
        for handle, kind, number, at, data in self._happenings:
            path = paths.get(handle)
            if path is not None and path.happened(kind, number, at, data):
                self._unsettled[path] = None


def address_of(target: Address | None) -> tuple[str | None, int]:
    """As `Stream.set_target` takes it."""
    return (None, 0) if target is None else target
