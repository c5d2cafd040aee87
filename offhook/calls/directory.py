"""The carriers' names for calls, across a whole bot, and the tickets for starting or resuming one.

A carrier's name for a call (Twilio's call SID, say) is no secret. It belongs to the first call that claims it, until
that call is over. Meanwhile another stream may replace a lost one. A webhook issues a ticket for one stream of one
call, because the stream may reach another process, or another node, than the webhook.
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
        """A new token, safe in a URL's path. It voids an older one of the same call."""

    def look(self, token: str, now: float) -> Ticket | None:
        """The token's ticket, or None; the token stays valid."""

    def take(self, token: str, now: float) -> Ticket | None:
        """The same, but the token is used up."""

    def void(self, call_sid: str) -> None:
        """Void the call's ticket."""


class CallDirectory(Protocol):
    """Names of calls. A call is an opaque handle; several nodes may share one directory."""

    def claim(self, name: str, call: str) -> bool:
        """Claim the name for this call; False if another call holds it."""

    def find(self, name: str) -> str | None:
        """The call that holds the name."""

    def release(self, call: str) -> None:
        """Free the names of a call that is over or about to end. Idempotent."""

    def tickets(self, kind: str) -> TicketStore:
        """The store for one kind of stream ("twilio", say); tickets of other kinds are not valid in it."""


class MemoryDirectory:
    """A `CallDirectory` in the memory of one process, used by all of a bot's workers."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        self._tickets: dict[str, Tickets] = {}

    def claim(self, name: str, call: str) -> bool:
        held = self._calls.setdefault(name, call)
        if held == call and name not in (names := self._names.setdefault(call, [])):
            names.append(name)
        return held == call

    def find(self, name: str) -> str | None:
        return self._calls.get(name)

    def release(self, call: str) -> None:
        for name in self._names.pop(call, ()):
            del self._calls[name]

    def tickets(self, kind: str) -> Tickets:
        return self._tickets.setdefault(kind, Tickets())
