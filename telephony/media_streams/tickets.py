"""One-time tickets: issued by a webhook, presented by its stream, once and soon."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

TICKET_S = 60.0
TICKETS_MAX = 10_000
"""Outstanding at once; beyond that the oldest are void."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Admits one stream of one call. `signed`: the carrier's signature is required, too. `details` is what else is
    known of the call."""

    call_sid: str
    caller: str
    called: str
    signed: bool
    expires_at: float
    details: Mapping[str, str] = field(default_factory=dict)


class Tickets:
    """The outstanding tickets. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._token_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._tickets)

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
        """A new token for a URL's path. It voids an older one of the same call."""
        self.void(call_sid)
        while self._tickets and next(iter(self._tickets.values())).expires_at <= now:
            self.void(next(iter(self._tickets.values())).call_sid)
        if len(self._tickets) >= TICKETS_MAX:
            self.void(next(iter(self._tickets.values())).call_sid)
        token = secrets.token_urlsafe(24)
        self._tickets[token] = Ticket(call_sid, caller, called, signed, now + TICKET_S, dict(details or {}))
        self._token_of[call_sid] = token
        return token

    def look(self, token: str, now: float) -> Ticket | None:
        """The token's ticket, if valid; it stays valid."""
        ticket = self._tickets.get(token)
        return ticket if ticket is not None and now < ticket.expires_at else None

    def take(self, token: str, now: float) -> Ticket | None:
        """The token's ticket, if valid; the token is void from now on."""
        ticket = self.look(token, now)
        if ticket is not None:
            self.void(ticket.call_sid)
        return ticket

    def void(self, call_sid: str) -> None:
        """Void the call's token."""
        token = self._token_of.pop(call_sid, None)
        if token is not None:
            del self._tickets[token]
