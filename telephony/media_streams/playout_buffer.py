"""Outbound audio: written ahead of its playout; what has been played is counted by marks and by time.

The far end plays what it gets in order, so its buffer can be calculated: a *run* begins when audio is written into an
empty buffer and goes on while more comes in time. Runs tell what has been played by now; the rest can still be dropped
by `clear`.

Two delays correct the calculation, both measured. The echo of a mark comes `lag` after the mark was due:
a round trip plus the far end's playout delay. The round trip is measured separately (`round_trip_s`); the rest is the
playout delay.
"""

from collections import deque
from typing import NamedTuple

from offhook.telephony.media_streams.dialect import Writing
from offhook.telephony.media_streams.limits import MARKS_PENDING

RATE_HZ = 8_000

LEAD_S = 0.44
"""How far ahead of real time audio is written: topped up every `PERIOD_S`, it survives stalls of 320 ms."""

PERIOD_S = 0.1
"""How often it is topped up, and played audio is reported."""

MARK_SAMPLES = 1_600
"""A mark every 200 ms, and after the last sample."""

FRAME_SAMPLES = 160
"""What is being played counts as played 20 ms at a time, as with RTP: `clear` comes too late for it."""

MARK_GRACE_S = 1.0
"""An echo this late will not come: some far ends return no marks, and only time counts."""

MARKS_LOST_MAX = 4
"""A far end that returned none of the first marks is no longer waited for."""

_WAIT_MAX_S = 0.5
_LAGS = 8
_RUNS = 16


class _Run(NamedTuple):
    starts_at: float
    ordinal: int
    samples: int

    @property
    def ends_at(self) -> float:
        return self.starts_at + self.samples / RATE_HZ


class _Mark(NamedTuple):
    number: int
    ordinal: int
    due: float


class Played(NamedTuple):
    """This payload has been played and cannot be taken back; `ordinal` counts the ticks before it."""

    payload: bytes
    ordinal: int


class PlayoutBuffer:
    """Payload (G.711, 8 kHz) in, messages and `Played` out. `now` is monotonic seconds."""

    def __init__(self, writer: Writing) -> None:
        self._writer = writer
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes of it
        self._written = 0  # the ordinal after what the far end has and was not asked to drop
        self._unreported = bytearray()  # written, and not yet in a Played
        self._sent = 0
        self._played_to = 0
        self._runs: deque[_Run] = deque(maxlen=_RUNS)
        self._marks: deque[_Mark] = deque(maxlen=MARKS_PENDING)
        self._mark_number = 0
        self._marked = 0  # the ordinal of the last mark written
        self._cleared_before = 0  # lower-numbered marks may be returned by a `clear`
        self._lags: deque[float] = deque(maxlen=_LAGS)
        self._reported_at = 0.0
        self.round_trip_s: float | None = None
        """The round trip of the connection, if it is known; set from outside."""
        self.messages: list[bytes] = []
        self.played: list[Played] = []
        self.drained = False
        """The last sample has been played. Reset from outside."""
        self._suspended = False
        self.messages_sent = self.octets_sent = self.skipped_ticks = self.underruns = 0
        self.marks_echoed = self.marks_returned = self.marks_lost = self.marks_unknown = 0

    # Outbound.

    def play(self, payload: bytes, now: float, *, writable: bool = True) -> None:
        """Append; written at once if little is buffered. Played audio is reported by `handle_timer` only."""
        if payload:
            self._queue.append(payload)
            self._queued += len(payload)
            self._write(now, writable)

    def clear(self, now: float) -> int:
        """Drop what has not been played; returns the ticks dropped."""
        self._tell(now)
        cut = self._sent
        dropped = self._written - cut + self._queued
        if self._written > self.played_ticks(now):
            self.messages.append(self._writer.clear)
        self._queue.clear()
        self._queued = 0
        self._unreported.clear()
        self._written = cut
        while self._runs and self._runs[-1].ordinal >= cut:
            self._runs.pop()
        if self._runs:
            last = self._runs.pop()
            self._runs.append(last._replace(samples=min(last.samples, cut - last.ordinal)))
        # A clear returns all marks at once. Those after the cut are void; those before it have been reached.
        self._cleared_before = self._mark_number + 1
        while self._marks and self._marks[-1].ordinal > cut:
            self._marks.pop()
        self._marked = cut
        return dropped

    @property
    def sent_ticks(self) -> int:
        """Played, or too late to take back. It advances with `Played` only."""
        return self._sent

    @property
    def queued_ticks(self) -> int:
        """Ticks that can still be taken back."""
        return self._written - self._sent + self._queued

    def played_ticks(self, now: float) -> int:
        """How many of `sent_ticks` have been played by now: by time, never beyond a mark without its echo."""
        position = self._position(now - self._delay_s())
        marks = self._marks
        while marks and now > marks[0].due + self._lag_s() + MARK_GRACE_S:
            marks.popleft()
            self.marks_lost += 1
        if marks and (self.marks_echoed or self.marks_lost < MARKS_LOST_MAX):
            position = min(position, marks[0].ordinal)
        self._played_to = max(self._played_to, min(position, self._sent))
        return self._played_to

    # Change of the far end.

    def suspend(self, now: float) -> None:
        """The far end is gone. What it has not played waits for the one that replaces it."""
        self._tell(now)
        if self._unreported:
            self._queue.appendleft(bytes(self._unreported))
            self._queued += len(self._unreported)
            self._unreported.clear()
        self._suspended = True
        self._played_to = self._written = self._marked = self._sent
        self._cleared_before = self._mark_number + 1
        self._runs.clear()
        self._marks.clear()
        self._lags.clear()
        self.round_trip_s = None
        self.messages.clear()

    def resume(self, writer: Writing, now: float) -> None:
        """The far end was replaced: continue where the last one stopped."""
        self._writer = writer
        self._suspended = False
        self._write(now, writable=True)

    # Inbound.

    def echo(self, name: str, now: float) -> None:
        """A mark's echo. An unknown one is only counted."""
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 18 else -1
        marks = self._marks
        if not marks or number < marks[0].number or number > marks[-1].number:
            if 0 < number < self._cleared_before:
                self.marks_returned += 1
            else:
                self.marks_unknown += 1
            return
        while marks and marks[0].number <= number:
            mark = marks.popleft()
            self.marks_echoed += 1
            self._played_to = max(self._played_to, min(mark.ordinal, self._sent))
            if mark.number == number and number >= self._cleared_before:
                self._lags.append(max(0.0, now - mark.due))

    # Time.

    def get_timer(self) -> float | None:
        """When `handle_timer` is due: to write more, or to report what has been played."""
        if self._suspended or (self._sent == self._written and not self._queued):
            return None
        due = self._reported_at + PERIOD_S
        if self._queued:
            return min(due, self._buffered_until() - LEAD_S + PERIOD_S)
        return min(due, self._buffered_until() + self._wait_s() - FRAME_SAMPLES / RATE_HZ)

    def handle_timer(self, now: float, *, writable: bool = True) -> None:
        """Write what is due, report what has been played. Not `writable`: what is due is dropped, as it
        would come too late."""
        if self._suspended:
            return
        self._write(now, writable)
        speaking = self._sent < self._written
        self._tell(now)
        self.drained = self.drained or (speaking and not self.queued_ticks)

    def _write(self, now: float, writable: bool) -> None:
        ends_at = self._buffered_until()
        buffered_s = max(0.0, ends_at - now)
        # Timer granularity: from half a period early, do both.
        if not self._queued or self._suspended or buffered_s > LEAD_S - PERIOD_S / 2:
            return
        room = int((LEAD_S - buffered_s) * RATE_HZ)
        samples = min(self._queued, max(FRAME_SAMPLES, room - room % FRAME_SAMPLES))
        payload = self._take(samples)
        if ends_at < now:
            if self._runs and self._sent < self._written:
                self.underruns += 1
            self._runs.append(_Run(now, self._written, samples))
            self._reported_at = now - PERIOD_S  # report the beginning at once
        else:
            last = self._runs.pop()
            self._runs.append(last._replace(samples=last.samples + samples))
        self._written += samples
        self._unreported += payload
        if writable:
            self.messages += self._writer.media(payload)
            self.messages_sent += 1
            self.octets_sent += samples
            if not self._queued or self._written - self._marked >= MARK_SAMPLES:
                self._mark()
        else:
            self.skipped_ticks += samples

    def _mark(self) -> None:
        self._mark_number += 1
        self._marked = self._written
        self._marks.append(_Mark(self._mark_number, self._written, self._buffered_until()))
        self.messages.append(self._writer.mark(self._mark_number))

    def _take(self, samples: int) -> bytes:
        self._queued -= samples
        parts = []
        while samples:
            part = self._queue.popleft()
            if len(part) > samples:
                self._queue.appendleft(part[samples:])
                part = part[:samples]
            parts.append(part)
            samples -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _tell(self, now: float) -> None:
        position = self._position(now - self._wait_s())
        sent = max(self._sent, min(self._written, position + FRAME_SAMPLES))
        new = sent - self._sent
        if new:
            self.played.append(Played(bytes(self._unreported[:new]), self._sent))
            del self._unreported[:new]
            self._sent = sent
        self._reported_at = now

    # The far end's buffer.

    def _buffered_until(self) -> float:
        return self._runs[-1].ends_at if self._runs else float("-inf")

    def _position(self, at: float) -> int:
        """The ordinal that was being played at that time."""
        position = 0
        for run in reversed(self._runs):
            if at >= run.starts_at:
                return run.ordinal + min(run.samples, round((at - run.starts_at) * RATE_HZ))
            position = run.ordinal
        return position

    def _lag_s(self) -> float:
        """The recent minimum: anything above it is network jitter, or the far end's granularity."""
        return min(self._lags, default=0.0)

    def _wait_s(self) -> float:
        """The far end's playout delay."""
        if self.round_trip_s is None:
            return 0.0
        return min(_WAIT_MAX_S, max(0.0, self._lag_s() - self.round_trip_s))

    def _delay_s(self) -> float:
        """From writing to playout; without a measured round trip the return path is included, to be safe."""
        return max(0.0, self._lag_s() - (self.round_trip_s or 0.0) / 2)
