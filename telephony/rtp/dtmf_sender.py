"""DTMF to the far end (RFC 4733 §2.5.1), one packet time at a time."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from offhook.telephony.errors import LocalError
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.telephone_event import DIGITS, TelephoneEvent

TONE_MS = 100
GAP_MS = 80
"""From the tone's end to the next beginning; the repetitions of the end are sent within it."""

END_PACKETS = 3
VOLUME = 10
"""-10 dBm0, the level of a keypad."""


class EventSlot(NamedTuple):
    """What goes out in one packet time of a key press."""

    timestamp: int
    marker: bool
    payload: bytes


@dataclass(slots=True)
class _Press:
    """A key being pressed: `slot` counts the packet times since its beginning."""

    event: int
    timestamp: int
    slot: int = 0


class DtmfSender:
    """Digits in order, each after the audio that was queued before it.

    The audio before a digit is named by `barrier`, a count of ticks that were played or dropped before it. A digit
    is TONE_MS long in whole packet times; its duration rises with each packet, the end is sent END_PACKETS times, and
    GAP_MS pass before the next one. All packets of a digit carry the timestamp of its beginning.
    """

    __slots__ = ("_blank", "_pending", "_press", "_ticks", "_tone_slots", "units_per_tick")

    def __init__(self, packet_ticks: int) -> None:
        # Durations count in the clock of telephone-event.
        self.units_per_tick = 1
        self._pending: deque[tuple[int, int]] = deque()
        self._press: _Press | None = None
        self.resize(packet_ticks)

    def resize(self, packet_ticks: int) -> None:
        """Another packet time; takes effect at once."""
        self._ticks = packet_ticks
        self._tone_slots = -(-TONE_MS * 8 // packet_ticks)
        self._blank = max(END_PACKETS - 1, -(-GAP_MS * 8 // packet_ticks))

    def queue(self, digits: str, barrier: int, limit: int) -> None:
        """Append key presses. Raises LocalError (a ValueError) for unknown keys or more than `limit` waiting."""
        events = list(parse_digits(digits))
        if len(self._pending) + len(events) > limit:
            raise LocalError(f"more than {limit} key presses are waiting to be sent")
        self._pending.extend((event, barrier) for event in events)

    def clear(self) -> None:
        """Clear everything; a key that is down is not released."""
        self._pending.clear()
        self._press = None

    @property
    def busy(self) -> bool:
        """A key is down, or its gap runs, or one is to come."""
        return self._press is not None or bool(self._pending)

    @property
    def pending(self) -> int:
        """Digits that have not begun."""
        return len(self._pending)

    def due(self, consumed: int) -> bool:
        """Whether this packet time belongs to a key press, after `consumed` ticks of audio."""
        return self._press is not None or (bool(self._pending) and self._pending[0][1] <= consumed)

    def audio_before(self, consumed: int) -> int | None:
        """Ticks of audio that come before the next digit; None when no digit waits."""
        return self._pending[0][1] - consumed if self._pending else None

    def next_slot(self, timestamp: int) -> EventSlot | None:
        """This packet time's event packet, None in the gap between keys. Only when `due`."""
        press = self._press
        if press is None:
            press = self._press = _Press(self._pending.popleft()[0], timestamp)
        slot = press.slot
        press.slot += 1
        if press.slot >= self._tone_slots + self._blank:
            self._press = None
        end = slot >= self._tone_slots - 1
        if slot >= self._tone_slots - 1 + END_PACKETS:
            return None
        duration = min(slot + 1, self._tone_slots) * self._ticks * self.units_per_tick
        payload = telephone_event.build(TelephoneEvent(press.event, end, VOLUME, duration))
        return EventSlot(press.timestamp, slot == 0, payload)


def parse_digits(digits: str) -> Iterable[int]:
    """Event codes of key names (0-9 * # A-D, either case). Raises LocalError for anything else."""
    for digit in digits.upper():
        event = DIGITS.find(digit)
        if event < 0:
            raise LocalError(f"{digit!r} isn't a DTMF digit: use 0-9 * # A-D")
        yield event
