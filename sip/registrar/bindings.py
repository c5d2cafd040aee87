"""Where users can be called: their addresses of record, and the contacts bound to each (RFC 3261 §10.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Flow

MAX_CONTACTS = 10
"""Of one user, at one time."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of a user. `flow` is the way that its REGISTER came by, and calls go by: behind a NAT there is no
    other. `path` are the proxies to pass (RFC 3327), the next one first."""

    contact: str
    flow: Flow
    until: float
    call_id: str
    cseq: int
    q: float = 1.0
    path: tuple[str, ...] = ()
    agent: str = ""


def contact_key(contact: str) -> tuple[object, ...]:
    """The same for all spellings of a contact that lead to one place (§19.1.4, as far as it matters here).

    Raises ParseError.
    """
    uri = Uri.parse(contact)
    transport = (uri.params.get("transport") or "udp").lower()
    return uri.scheme, uri.user, uri.host.lower(), uri.port, transport


class Bindings:
    """All contacts, by user. What is over is forgotten when its user is looked at."""

    def __init__(self) -> None:
        self._users: dict[str, list[Binding]] = {}

    def of(self, user: str, now: float) -> list[Binding]:
        """The user's contacts, the preferred one first, of equals the latest (§20.10, q)."""
        kept = [each for each in self._users.get(user, ()) if each.until > now]
        if kept:
            self._users[user] = kept
        else:
            self._users.pop(user, None)
        return sorted(kept, key=lambda each: (-each.q, -each.until))

    def replace(self, user: str, bindings: Sequence[Binding]) -> None:
        """These are the user's contacts now."""
        if bindings:
            self._users[user] = list(bindings)
        else:
            self._users.pop(user, None)

    def dump(self, now: float) -> list[dict[str, object]]:
        """As plain values."""
        return [
            {
                "user": user,
                "contact": each.contact,
                "source": str(each.flow),
                "expires_in_s": round(each.until - now),
                "agent": each.agent,
            }
            for user in list(self._users)
            for each in self.of(user, now)
        ]
