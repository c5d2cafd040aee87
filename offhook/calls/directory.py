"""Which call is which: the names that carriers give their calls, all over a bot, and who may bring or resume one.

A carrier's name for a call (Twilio's call SID, say) is known to many. It belongs to one call: the first that claims it,
until that call is over. While it is held, a stream that was lost may be replaced by another one. A ticket is what a
webhook hands out for one stream of one call: the stream may come to another process, or another node, than the webhook.
"""

from collections.abc import Mapping
from typing import Protocol

from offhook.telephony.media_streams.tickets import Ticket, Tickets


class TicketStore(Protocol):
    """The outstanding tickets of one kind of stream; `now` is monotonic seconds. See `media_streams.tickets`."""

    def issue(
        self,
        call_sid: str,
        caller: str,
        called: str,
        now: float,
        *,
        signed: bool = True,
        details: Mapping[str, str] | None = None,
    ) -> str:
        """A token, fit for a URL's path. It voids an older one of the same call."""

    def look(self, token: str, now: float) -> Ticket | None:
        """What the token is good for, if anything; it stays good."""

    def take(self, token: str, now: float) -> Ticket | None:
        """The same, and the token is void from now on."""

    def void(self, call_sid: str) -> None:
        """The call is over, or has another ticket."""


class CallDirectory(Protocol):
    """Names of calls. A call is an opaque handle; several nodes may share one directory."""

    def claim(self, name: str, call: str) -> bool:
        """Whether the name is this call's from now on: not if another call holds it."""

    def find(self, name: str) -> str | None:
        """The call that holds the name, and may be resumed."""

    def release(self, call: str) -> None:
        """The call is over, or about to end: its names are free. Idempotent."""

    def tickets(self, kind: str) -> TicketStore:
        """Those for one kind of stream ("twilio", say): a ticket of another kind is worth nothing there."""


class MemoryDirectory:
    """A `CallDirectory` of one process, which all its workers ask."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        self._tickets: dict[str, Tickets] = {}

    def claim(self, name: str, call: str) -> bool:
        """`CallDirectory.claim`."""
        held = self._calls.setdefault(name, call)
        if held == call and name not in (names := self._names.setdefault(call, [])):
            names.append(name)
        return held == call

    def find(self, name: str) -> str | None:
        """`CallDirectory.find`."""
        return self._calls.get(name)

    def release(self, call: str) -> None:
        """`CallDirectory.release`."""
        for name in self._names.pop(call, ()):
            del self._calls[name]

    def tickets(self, kind: str) -> Tickets:
        """`CallDirectory.tickets`."""
        return self._tickets.setdefault(kind, Tickets())
