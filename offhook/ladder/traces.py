"""What the SIP socket sent and received lately, by Call-ID: a listener of the endpoint.

Theory of operation. Messages of a call that the bot has are kept until shortly after its end, within the bounds of one
Call-ID, and then handed to `on_over`, which writes them beside the record. Registrations of our own accounts are kept
as long as they are among the latest `MAX_REGISTRATIONS`. All others (refused calls, calls that are over, OPTIONS, what
scanners send) share `OTHERS_BYTES` and `MAX_OTHERS`, the oldest going first, and a flood of new ones is not kept. The
event loop only keeps references to bytes that it has anyway; they are read when somebody looks. Whoever captures a
call gets its messages as they come, whole and with every repeat.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice
from time import time
from typing import NamedTuple, Protocol

from offhook.ladder.far_ends import FarEnds
from offhook.ladder.kept import MAX_MESSAGE_BYTES, Bounds, KeptMessage, KeptMessages
from offhook.sip.net.flow import Flow

LINGER_S = 2.0
"""How long a call's messages are still its own after its end: the answer to the BYE, and repeats of it."""
OTHERS_BYTES = 4 * 2**20
MAX_OTHERS = 2_000
MAX_REGISTRATIONS = 2_000
MAX_FOUND = 32
"""Call-IDs of one call that are shown."""
NEW_OTHERS_PER_S = 100
"""New Call-IDs in one second that are kept though they belong to no call (yet)."""
RECENT = 16
"""Messages that are remembered in a flood, too: a call's INVITE and its 100 come before the call."""

_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t\r\n]*([^\s]+)", re.IGNORECASE)  # RFC 3261 §20.8

_CALL = Bounds()
_REGISTRATION = Bounds(first=2, latest=8, most_bytes=16_384)
_OTHER = Bounds(first=8, latest=8, most_bytes=16_384)


class Later(Protocol):
    """`AbstractEventLoop.call_later`."""

    def __call__(self, delay: float, callback: Callable[..., object], /, *args: object) -> object:
        """Call it once, after so many seconds."""


Watcher = Callable[[str, KeptMessage], None]
"""(Call-ID, message): called with each message, also one that was sent again. Must not block."""


class SeenMessage(NamedTuple):
    """A message as it was on the wire; `at_s` is Unix time."""

    at_s: float
    data: bytes
    flow: Flow
    received: bool


Report = Callable[[SeenMessage, bool], None]
"""Called with each message of a call, and whether it is its own, or a stranger's with its Call-ID. Must not block."""


@dataclass(slots=True)
class _Call:
    kept: KeptMessages
    far_ends: FarEnds
    first: str
    """The handle of the call that has brought the Call-ID."""
    handles: set[str] = field(default_factory=set)
    """Of the calls that go on: usually one."""
    reports: dict[str, Report] = field(default_factory=dict)
    """Of those that are captured, until shortly after their end."""

    def add(self, seen: SeenMessage) -> KeptMessage | None:
        at_s, data, flow, received = seen
        own = self.far_ends.take(data, flow, received)
        for report in self.reports.values():
            report(seen, own)
        return (self.kept.add if own else self.kept.add_of_stranger)(at_s, data, flow, received)


class SipTraces:
    """`on_over` gets the messages of a call shortly after its end. `now` is Unix time."""

    def __init__(self, later: Later, on_over: Callable[[KeptMessages], None], now: Callable[[], float] = time) -> None:
        self.watchers: list[Watcher] = []
        self._later = later
        self._on_over = on_over
        self._now = now
        self._calls: dict[str, _Call] = {}
        self._call_ids: dict[str, str] = {}
        self._registrations: OrderedDict[str, KeptMessages] = OrderedDict()
        self._others: OrderedDict[str, KeptMessages] = OrderedDict()
        self._others_bytes = 0
        self._recent: deque[tuple[str, SeenMessage]] = deque(maxlen=RECENT)
        self._second, self._new = 0, 0

    # --- from the endpoint

    def on_message(self, data: bytes, flow: Flow, received: bool) -> None:
        """A `message_listener` of the endpoint."""
        found = _CALL_ID.search(data, 0, MAX_MESSAGE_BYTES)
        if found is None or data.find(b"\r\n\r\n", 0, found.start()) >= 0:
            return  # a keep-alive, or nothing that could be put anywhere
        call_id = found[1].decode("utf-8", "replace")
        seen = SeenMessage(self._now(), data, flow, received)
        call = self._calls.get(call_id)
        kept = self._add_other(call_id, seen) if call is None else call.add(seen)
        for watch in self.watchers:
            watch(call_id, kept or KeptMessage(seen.at_s, data[:MAX_MESSAGE_BYTES], flow, received, 1, seen.at_s))

    def _add_other(self, call_id: str, seen: SeenMessage) -> KeptMessage | None:
        at_s, data, flow, received = seen
        if (registration := self._registrations.get(call_id)) is not None:
            self._registrations.move_to_end(call_id)
            return registration.add(at_s, data, flow, received)
        if not received and data.startswith(b"REGISTER "):
            registration = self._registrations[call_id] = KeptMessages(call_id, _REGISTRATION)
            while len(self._registrations) > MAX_REGISTRATIONS:
                self._registrations.popitem(last=False)
            return registration.add(at_s, data, flow, received)
        self._recent.append((call_id, seen))
        other = self._others.get(call_id)
        if other is None:
            if not self._has_room(at_s):
                return KeptMessage(at_s, data[:MAX_MESSAGE_BYTES], flow, received, 0, at_s)
            other = self._others[call_id] = KeptMessages(call_id, _OTHER)
            self._grown(other.memory_bytes)
        before = other.memory_bytes
        kept = other.add(at_s, data, flow, received)
        self._grown(other.memory_bytes - before)
        return kept

    def _has_room(self, at_s: float) -> bool:
        second = int(at_s)
        if second != self._second:
            self._second, self._new = second, 0
        self._new += 1
        return self._new <= NEW_OTHERS_PER_S

    def _grown(self, by: int) -> None:
        self._others_bytes += by
        while len(self._others) > MAX_OTHERS or (self._others_bytes > OTHERS_BYTES and len(self._others) > 1):
            self._others_bytes -= self._others.popitem(last=False)[1].memory_bytes

    # --- from the owner of the calls

    def begin(self, handle: str, call_id: str, part_of: str = "", host: str = "", report: Report | None = None) -> None:
        """The Call-ID is a call's from now on; what came so far is its own. `part_of` is the handle of the call to
        which it is a leg, `host` the far end's; without one the first message has it. `report` is for a call that is
        captured: it gets what came so far, too."""
        self._call_ids[handle] = call_id
        call = self._calls.get(call_id)
        if call is not None:
            # Another worker has it, or somebody uses a Call-ID twice, against RFC 3261 §8.1.1.4: one trace has both,
            # and so has the first one's capture; no other capture knows what of it is private.
            call.handles.add(handle)
            if report is not None and handle == call.first:
                for seen in self._so_far(call_id, call.kept):
                    report(seen, seen.flow.remote.host in call.far_ends)
                call.reports[handle] = report
            return
        before = self._others.pop(call_id, None)
        if before is not None:
            self._others_bytes -= before.memory_bytes
        call = self._calls[call_id] = _Call(KeptMessages(call_id, _CALL), FarEnds(host), handle, {handle})
        call.kept.root = self._root_of(part_of) or call_id
        if report is not None:
            call.reports[handle] = report
        for seen in self._so_far(call_id, before):
            call.add(seen)

    def _so_far(self, call_id: str, kept: KeptMessages | None) -> list[SeenMessage]:
        """What was kept of a Call-ID, and what came lately, which has repeats, and each message as a whole."""
        found = [] if kept is None else [SeenMessage(one.at_s, one.data, one.flow, one.received) for one in kept]
        recent = [seen for of, seen in self._recent if of == call_id]
        known = {(seen.at_s, seen.data[:MAX_MESSAGE_BYTES]) for seen in recent}
        found = [seen for seen in found if (seen.at_s, seen.data) not in known]
        return sorted([*found, *recent], key=lambda seen: seen.at_s)

    def is_captured(self, handle: str) -> bool:
        """Whether that call's messages are reported."""
        call = self._calls.get(self._call_ids.get(handle, ""))
        return call is not None and handle in call.reports

    def end(self, handle: str) -> None:
        """The call is over."""
        call = self._calls.get(self._call_ids.pop(handle, ""))
        if call is not None:
            call.handles.discard(handle)
            self._later(LINGER_S, self._finish, call, handle)

    def close(self) -> None:
        """Hand over what is left, because the process ends."""
        self._call_ids.clear()
        for call in list(self._calls.values()):
            call.handles.clear()
            self._finish(call, "")

    def _root_of(self, handle: str) -> str:
        call = self._calls.get(self._call_ids.get(handle, ""))
        return call.kept.root if call is not None else ""

    def _finish(self, call: _Call, handle: str) -> None:
        call_id = call.kept.call_id
        if handle not in call.handles:
            call.reports.pop(handle, None)
        if self._calls.get(call_id) is not call or call.handles:
            return  # the Call-ID, or the call, has begun anew
        del self._calls[call_id]
        if next(iter(call.kept), None) is None:
            return
        self._others[call_id] = call.kept
        self._grown(call.kept.memory_bytes)
        self._on_over(call.kept)

    # --- for people

    def find(self, call_id: str) -> list[KeptMessages]:
        """The messages of a Call-ID, or of a call by its handle, with those of the call's other legs."""
        call_id = self._call_ids.get(call_id, call_id)
        one = self._of(call_id)
        if one is None:
            return []
        everything = chain((call.kept for call in self._calls.values()), self._others.values())
        legs = (each for each in everything if each is not one and each.root == one.root)
        return [one, *islice(legs, MAX_FOUND - 1)]

    def dump(self) -> dict[str, object]:
        """The state, for people."""
        return {
            "calls": len(self._calls),
            "registrations": len(self._registrations),
            "others": len(self._others),
            "others_bytes": self._others_bytes,
            "watchers": len(self.watchers),
        }

    def _of(self, call_id: str) -> KeptMessages | None:
        if (call := self._calls.get(call_id)) is not None:
            return call.kept
        return self._registrations.get(call_id) or self._others.get(call_id)
