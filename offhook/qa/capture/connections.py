"""SIP messages in TCP connections, from captured segments. Pure."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from offhook.qa.capture.packets import Address, Segment
from offhook.sip.errors import ParseError
from offhook.sip.net.framing import StreamFramer

MAX_CONNECTIONS = 4_096
"""Directions of connections that are followed; the one that was silent for longest is forgotten."""
MAX_WAITING_BYTES = 131_072
MAX_WAITING = 256
"""Bytes and segments behind one that is missing; more, and it counts as not captured."""
MAX_START_BYTES = 2_048

_SIP_START = re.compile(rb"(?:SIP/2\.0 [1-6]\d\d |[A-Z]{2,20} [^\s]{1,1024} SIP/2\.0\r?\n)")
_MAY_BECOME_SIP = re.compile(rb"[A-Z]{1,20}(?:[/ ][^\n]*)?\Z")
_SYN, _MASK32, _HALF32 = 2, 0xFFFFFFFF, 1 << 31
_TLS = (b"\x16\x03\x00", b"\x16\x03\x01", b"\x16\x03\x02", b"\x16\x03\x03")


def is_sip(data: bytes) -> bool:
    """Whether a SIP message begins here."""
    return _SIP_START.match(data) is not None


@dataclass(slots=True)
class _Direction:
    next: int | None = None
    waiting: dict[int, bytes] = field(default_factory=dict)
    waiting_bytes: int = 0
    framer: StreamFramer | None = None
    """None: no SIP message has begun."""
    begun: bytes = b""
    """Of what may become one."""
    is_other: bool = False
    """It carries something else."""


class SipConnections:
    """Segments in, messages out. `encrypted` has the servers to which TLS was spoken at SIP's port, `missing` counts
    places at which a part of a connection with SIP was not captured."""

    def __init__(self) -> None:
        self.encrypted: set[Address] = set()
        self.missing = 0
        self._directions: OrderedDict[tuple[Address, Address], _Direction] = OrderedDict()

    @property
    def followed(self) -> int:
        """How many directions of connections."""
        return len(self._directions)

    def take(self, segment: Segment) -> list[bytes]:
        """The messages that are complete with a segment."""
        key = (segment.source, segment.destination)
        direction = self._directions.get(key)
        if direction is None or segment.flags & _SYN:
            direction = self._directions[key] = _Direction()
            if len(self._directions) > MAX_CONNECTIONS:
                self._directions.popitem(last=False)
        self._directions.move_to_end(key)
        if segment.flags & _SYN:
            direction.next = (segment.sequence + 1) & _MASK32
            return []
        if direction.is_other or not segment.payload:
            return []
        if direction.next is None:
            # The connection is older than the capture: it is followed from the first message on.
            if not is_sip(segment.payload):
                return []
            direction.next = segment.sequence
        return list(self._messages(direction, segment))

    def _messages(self, direction: _Direction, segment: Segment) -> Iterator[bytes]:
        before = direction.waiting.get(segment.sequence, b"")
        if len(segment.payload) > len(before):
            direction.waiting[segment.sequence] = segment.payload
            direction.waiting_bytes += len(segment.payload) - len(before)
        while (data := self._next_bytes(direction)) is not None:
            if direction.framer is None:
                data = direction.begun = (direction.begun + data).lstrip(b"\r\n")
                if not is_sip(data):
                    if data and (not _MAY_BECOME_SIP.match(data) or len(data) > MAX_START_BYTES):
                        self._set_aside(direction, segment, data)
                        return
                    continue
                direction.framer, direction.begun = StreamFramer(), b""
            try:
                yield from direction.framer.take(data)
            except ParseError:
                direction.is_other = True
                direction.waiting.clear()
                return

    def _set_aside(self, direction: _Direction, segment: Segment, data: bytes) -> None:
        direction.is_other = True
        direction.waiting.clear()
        ports = segment.source[1], segment.destination[1]
        if data.startswith(_TLS) and 5_061 in ports and len(self.encrypted) < 1_000:
            self.encrypted.add(segment.destination if ports[1] == 5_061 else segment.source)

    def _next_bytes(self, direction: _Direction) -> bytes | None:
        """What follows what was taken; None: it has not come."""
        assert direction.next is not None, "set when the direction began"
        while direction.waiting:
            sequence = min(direction.waiting, key=lambda each: _ahead(each, direction.next or 0))
            ahead = _ahead(sequence, direction.next)
            if ahead > 0:
                break
            data = direction.waiting.pop(sequence)
            direction.waiting_bytes -= len(data)
            if fresh := data[-ahead:] if ahead else data:
                direction.next = (direction.next + len(fresh)) & _MASK32
                return fresh
        if direction.waiting_bytes > MAX_WAITING_BYTES or len(direction.waiting) > MAX_WAITING:
            return self._resumed(direction)
        return None

    def _resumed(self, direction: _Direction) -> bytes | None:
        """A part was not captured: the beginning of the next message behind it."""
        self.missing += 1
        later = sorted(direction.waiting, key=lambda each: _ahead(each, direction.next or 0))
        begins = next((each for each in later if is_sip(direction.waiting[each])), None)
        direction.framer = StreamFramer()
        if begins is None:
            direction.waiting.clear()
            direction.waiting_bytes, direction.next = 0, None
            return None
        for each in later[: later.index(begins)]:
            direction.waiting_bytes -= len(direction.waiting.pop(each))
        data = direction.waiting.pop(begins)
        direction.waiting_bytes -= len(data)
        direction.next = (begins + len(data)) & _MASK32
        return data


def _ahead(sequence: int, of: int) -> int:
    return ((sequence - of + _HALF32) & _MASK32) - _HALF32
