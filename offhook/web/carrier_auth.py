"""Authenticates media streams of carriers that do not sign their requests, and of users' own programs.

A stream needs the secret `carriers.token`, or a ticket that a webhook has issued for the call; the webhook's own URL
contains the secret. Without a secret only programs on this machine may call.
"""

import hmac
from time import monotonic

from starlette.datastructures import Headers

from offhook.calls.directory import TicketStore
from offhook.settings.config import Config
from offhook.telephony.media_streams.dialects import DIALECTS, TWILIO
from offhook.telephony.media_streams.tickets import Tickets
from offhook.usererror import UserError
from offhook.web.access import is_loopback_name
from offhook.web.stream_auth import Accepted, LocalAuth, Refused

CARRIERS = frozenset(DIALECTS) - {TWILIO.name}
TELNYX_TOKEN = "x-telnyx-streaming-auth-token"


class CarrierAuth:
    """The rules, and the issued tickets. Without a `token` only programs on this machine are accepted."""

    def __init__(self, token: str | None, public_url: str | None, local: LocalAuth | None = None) -> None:
        self._token = token
        self._local = local or LocalAuth()
        self._public_url = (public_url or "").rstrip("/")
        self.tickets: TicketStore = Tickets()

    @property
    def unauthenticated(self) -> bool:
        """Whether programs on this machine need no secret."""
        return self._token is None

    def stream_url(self, carrier: str, ticket: str, host: str) -> str:
        """The URL to which the carrier connects a call with this ticket. `host` is from a local program's request."""
        base = self._public_url if not self.unauthenticated else f"http://{host}"
        return f"ws{base.removeprefix('http')}/{carrier}/media" + (f"/{ticket}" if ticket else "")

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """An upgrade at /CARRIER/media or /CARRIER/media/SECRET. An accepted ticket is used up."""
        where, _, query = path.partition("?")
        parts = where.rstrip("/").split("/")
        carrier = parts[1] if len(parts) > 1 else ""
        if carrier not in CARRIERS or parts[2:3] != ["media"] or len(parts) > 4:
            return Refused(404, "there is no such WebSocket")
        if self.unauthenticated:
            return self._local.refusal(headers, peer) or Accepted({"dialect": carrier})
        given = parts[3] if len(parts) == 4 else _given(headers)
        ticket = None if query else self.tickets.take(given, monotonic())
        if ticket is not None:
            return Accepted(
                {"dialect": carrier, "call_sid": ticket.call_sid, "caller": ticket.caller, "called": ticket.called}
            )
        return Accepted({"dialect": carrier}) if self._knows(given) else _NO_SECRET

    def check_webhook(self, given: str, headers: Headers, peer: str) -> Refused | None:
        """A webhook whose URL ends in `given`."""
        if not self.unauthenticated:
            return None if self._knows(given) else _NO_SECRET
        return self._local.refusal(headers, peer)

    def _knows(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())


_NO_SECRET = Refused(403, "neither a valid ticket nor the secret")


def _given(headers: Headers) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" else headers.get(TELNYX_TOKEN, "")


def carrier_auth(config: Config) -> CarrierAuth | None:
    """The rules that the settings make; None: no carrier may call. UserError for a secret without a public URL."""
    carriers = config.carriers
    if not config.http.enabled:
        return None
    if carriers.token is None:
        if not is_loopback_name(config.http.host):
            return None
        return CarrierAuth(None, None, LocalAuth(config.http.password))
    public_url = carriers.public_url or config.twilio.public_url
    if public_url is None:
        raise UserError(
            "carriers cannot connect their calls",
            "a secret is set for them, but no public URL",
            "export OFFHOOK_CARRIERS__PUBLIC_URL=https://bot.example.com, the address that they call",
        )
    return CarrierAuth(carriers.token, public_url)
