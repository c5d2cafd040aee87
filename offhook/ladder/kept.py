"""The SIP messages of one Call-ID, kept within bounds. Pure."""

import hashlib
import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from offhook.ladder.redact import LOOK_AHEAD_BYTES, redacted
from offhook.sip.net.flow import Flow

MAX_TEXT_BYTES = 8_192
"""Of one message that are shown or written; the rest is left out."""
MAX_MESSAGE_BYTES = MAX_TEXT_BYTES + LOOK_AHEAD_BYTES
"""Of one message in memory."""
CALL_ID_OVERHEAD_BYTES = 1_500
MESSAGE_OVERHEAD_BYTES = 300
"""What Python takes for them, roughly: a Call-ID with an empty message is no small thing."""
MAX_OF_STRANGERS = 8
"""Latest messages with a call's Call-ID from elsewhere, and answers to them: they push out none of the call's own."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept of one Call-ID: its first messages, and its latest ones."""

    first: int = 40
    latest: int = 24
    most_bytes: int = 65_536


@dataclass(slots=True)
class KeptMessage:
    """A message as it was on the wire. `at_s` is Unix time, `again` how often it was repeated, last at `last_s`."""

    at_s: float
    data: bytes
    flow: Flow
    received: bool
    again: int = 0
    last_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without secrets: see `redact`."""
        return {
            "at_s": round(self.at_s, 6),
            "received": self.received,
            "transport": str(self.flow.transport),
            "local": str(self.flow.local),
            "peer": str(self.flow.remote),
            "again": self.again,
            "last_s": round(self.last_s, 6),
            "text": redacted(self.data)[:MAX_TEXT_BYTES].decode("utf-8", "replace"),
        }


class KeptMessages:
    """The messages of one Call-ID. `root` is the Call-ID of the call that it is part of: its own, or, of a leg that the
    bot adds to a call, that call's."""

    __slots__ = (
        "_bounds",
        "_first",
        "_latest",
        "_of_strangers",
        "_overhead",
        "_seen",
        "_text_bytes",
        "call_id",
        "omitted",
        "root",
    )

    def __init__(self, call_id: str, bounds: Bounds) -> None:
        self.call_id = self.root = call_id
        self._text_bytes = 0
        self._overhead = CALL_ID_OVERHEAD_BYTES + 4 * len(call_id)
        self.omitted = 0
        """How many messages in the middle are not kept."""
        self._bounds = bounds
        self._first: list[KeptMessage] = []
        self._latest: deque[KeptMessage] = deque()
        self._of_strangers: list[KeptMessage] = []
        self._seen: dict[bytes, KeptMessage] = {}

    def __iter__(self) -> Iterator[KeptMessage]:
        own = [*self._first, *self._latest]
        return iter(heapq.merge(own, self._of_strangers, key=lambda each: each.at_s))

    @property
    def memory_bytes(self) -> int:
        """About what it takes in memory."""
        messages = len(self._first) + len(self._latest) + len(self._of_strangers)
        return self._overhead + messages * MESSAGE_OVERHEAD_BYTES + self._text_bytes

    def add(self, at_s: float, data: bytes, flow: Flow, received: bool) -> KeptMessage | None:
        """Take in a message; None if it is one that was sent again, which is only counted."""
        data = data[:MAX_MESSAGE_BYTES]
        before = self._seen.get(data)
        # Over a connection nothing is sent again: the same bytes are a new message, and the far end's mistake.
        if before is not None and before.received is received and before.flow.remote == flow.remote:
            before.again += 1
            before.last_s = at_s
            return None
        message = self._seen[data] = KeptMessage(at_s, data, flow, received, 0, at_s)
        self._text_bytes += len(data)
        bounds = self._bounds
        if not self._latest and len(self._first) < bounds.first and self._text_bytes <= bounds.most_bytes // 2:
            self._first.append(message)
        else:
            self._latest.append(message)
            while len(self._latest) > bounds.latest or (self._text_bytes > bounds.most_bytes and len(self._latest) > 1):
                self._forget(self._latest.popleft())
        return message

    def add_of_stranger(self, at_s: float, data: bytes, flow: Flow, received: bool) -> KeptMessage:
        """Take in a message that is not of the call, though it has its Call-ID."""
        message = KeptMessage(at_s, data[:MAX_MESSAGE_BYTES], flow, received, 0, at_s)
        self._of_strangers.append(message)
        self._text_bytes += len(message.data)
        if len(self._of_strangers) > MAX_OF_STRANGERS:
            self._forget(self._of_strangers.pop(0))
        return message

    def _forget(self, message: KeptMessage) -> None:
        self.omitted += 1
        self._text_bytes -= len(message.data)
        if self._seen.get(message.data) is message:
            del self._seen[message.data]

    def snapshot(self) -> Callable[[], dict[str, Any]]:
        """What is kept now. The result makes plain values of it, without secrets, in any thread: `call_id`, `root`,
        `omitted`, and `messages` (`KeptMessage.to_dict`)."""
        about = {"call_id": self.call_id, "root": self.root, "omitted": self.omitted}
        messages = list(self)
        return lambda: {**about, "messages": [each.to_dict() for each in messages]}

    def to_dict(self) -> dict[str, Any]:
        """The plain values at once: for few messages."""
        return self.snapshot()()


def key_of(trace: Mapping[str, Any]) -> str:
    """Names the trace of a Call-ID: the same for every copy of it."""
    first = trace["messages"][0]["at_s"] if trace["messages"] else 0
    return hashlib.blake2b(f"{first}\n{trace['call_id']}".encode("utf-8", "replace"), digest_size=16).hexdigest()
