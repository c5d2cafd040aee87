"""DTMF from the far end (RFC 4733 §2.5.2): one digit per event, whatever part of it was lost."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from offhook.telephony.wire.serial import delta32
from offhook.telephony.wire.telephone_event import DIGITS, MAX_DURATION, TelephoneEvent

_FINISHED_KEPT = 32
_PRESSED_AGAIN_S = 0.25
"""After its end a marker with a press's own timestamp is another press: a copy of the first packet is not that late."""
# Senders end a segment at the last multiple of their packet time below 0xFFFF, or at 0x10000 (§2.5.1.3).
_LONGEST_PACKET_MS = 200
_SEGMENT_MAX = MAX_DURATION + 1


class Digit(NamedTuple):
    """A completed DTMF digit."""

    digit: str
    duration_ms: int


@dataclass(slots=True)
class _Press:
    """A key that is, or was last, down. `timestamp` is of its running segment, `before` the ticks until then."""

    ssrc: int
    timestamp: int
    event: int
    duration: int
    updated_at: float
    before: int = 0
    released: bool = False


class DtmfReceiver:
    """Turns event packets into digits, each reported once, at its end.

    A press is its (SSRC, timestamp, event): some carriers give one timestamp to all the keys of a burst, which only
    the event tells apart; and where the timestamp stands still, a marker begins the same key again. A press ends with
    the first packet that has the E bit, when another press begins, or after `timeout_s` without an update. Neither the
    marker nor the first packets are needed; durations may come in any order, the longest counts. A press longer than 16
    bits of duration goes on in segments (§2.5.1.3) that follow each other without marker and are one digit. So are
    packets of one key, without marker, whose timestamp lies
    within the press: some senders let it advance with each packet.
    """

    __slots__ = (
        "_digits_per_s",
        "_finished",
        "_last",
        "_press",
        "_reported_at",
        "_timeout_s",
        "rate_limited",
        "units_per_ms",
    )

    def __init__(self, *, timeout_s: float = 0.1, digits_per_s: int = 20) -> None:
        self._timeout_s = timeout_s
        self._digits_per_s = digits_per_s
        self._press: _Press | None = None
        self._last: _Press | None = None
        self._finished: deque[tuple[int, int, int]] = deque(maxlen=_FINISHED_KEPT)
        self._reported_at: deque[float] = deque()
        self.rate_limited = 0
        # The clock of timestamps and durations.
        self.units_per_ms = 8

    def receive(self, ssrc: int, timestamp: int, event: TelephoneEvent, now: float, *, marker: bool) -> list[Digit]:
        """One event packet arrived. Returns the digits that ended by it: none, one, or two after losses."""
        if event.event >= len(DIGITS):
            return []
        if (ssrc, timestamp, event.event) in self._finished and not (
            marker and self._pressed_again(ssrc, timestamp, event, now)
        ):
            return []
        return self._take(ssrc, timestamp, event, now, marker=marker)

    def _take(self, ssrc: int, timestamp: int, event: TelephoneEvent, now: float, *, marker: bool) -> list[Digit]:
        """A packet of a press that is not over."""
        press = self._press
        if press is not None and press.ssrc == ssrc:
            step = delta32(timestamp, press.timestamp)
            if step == 0 and event.event == press.event:
                return self._update(press, event, now)
            if step < 0:
                # A late packet of an earlier press: reporting it now would put the digits out of order.
                return []
            if self._continues(press, ssrc, timestamp, event, marker=marker):
                self._finished.append((ssrc, press.timestamp, press.event))
                press.before += step
                press.timestamp, press.duration = timestamp, 0
                return self._update(press, event, now)
            if _is_within(press, ssrc, timestamp, event, marker=marker):
                return self._update(press, event, now)
        last = self._last
        if press is None and last and self._continues(last, ssrc, timestamp, event, marker=marker):
            # A pause between two segments was taken for the end: the rest isn't another press.
            last.timestamp = timestamp
            self._finished.append((ssrc, timestamp, event.event))
            return []
        if press is None and last and _is_within(last, ssrc, timestamp, event, marker=marker):
            return []
        digits = self._end(now)
        self._press = press = _Press(ssrc, timestamp, event.event, 0, now)
        return digits + self._update(press, event, now)

    def get_timer(self) -> float | None:
        """When the key that is down counts as released."""
        return None if self._press is None else self._press.updated_at + self._timeout_s

    def handle_timer(self, now: float) -> list[Digit]:
        """The digit whose end has not come in time."""
        due = self.get_timer()
        return self._end(now) if due is not None and now >= due else []

    def _pressed_again(self, ssrc: int, timestamp: int, event: TelephoneEvent, now: float) -> bool:
        """Whether the latest press, which is over, begins anew: some senders' clock stands without audio."""
        last = self._last
        if self._press is not None or last is None or (ssrc, timestamp) != (last.ssrc, last.timestamp):
            return False
        if last.event != event.event or event.end or now - last.updated_at <= _PRESSED_AGAIN_S:
            return False
        self._finished.remove((ssrc, timestamp, event.event))
        self._last = None
        return True

    def _update(self, press: _Press, event: TelephoneEvent, now: float) -> list[Digit]:
        press.duration = max(press.duration, event.duration)
        press.updated_at = now
        press.released = event.end
        return self._end(now) if event.end else []

    def _continues(self, press: _Press, ssrc: int, timestamp: int, event: TelephoneEvent, *, marker: bool) -> bool:
        if marker or press.released or press.ssrc != ssrc or press.event != event.event:
            return False
        shortest = MAX_DURATION - _LONGEST_PACKET_MS * self.units_per_ms
        return shortest <= delta32(timestamp, press.timestamp) <= _SEGMENT_MAX

    def _end(self, now: float) -> list[Digit]:
        press = self._press
        if press is None:
            return []
        self._press = None
        self._last = press
        self._finished.append((press.ssrc, press.timestamp, press.event))
        recent = self._reported_at
        while recent and now - recent[0] >= 1:
            recent.popleft()
        if len(recent) >= self._digits_per_s:
            self.rate_limited += 1
            return []
        recent.append(now)
        return [Digit(DIGITS[press.event], (press.before + press.duration) // self.units_per_ms)]


def _is_within(press: _Press, ssrc: int, timestamp: int, event: TelephoneEvent, *, marker: bool) -> bool:
    """Whether a packet with a timestamp of its own belongs to the press: another press of the key begins after it."""
    same = not marker and (press.ssrc, press.event) == (ssrc, event.event)
    return same and 0 < delta32(timestamp, press.timestamp) <= press.duration
