"""Authenticates Twilio's webhooks and media streams.

With an auth token every request must carry Twilio's signature over the public URL, and every stream a ticket that a
webhook has issued for that call. Without one only programs on this machine may call, unauthenticated.
"""

from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from offhook.calls.directory import TicketStore
from offhook.settings.config import Config
from offhook.telephony.media_streams.signature import is_signed, is_signed_body
from offhook.telephony.media_streams.tickets import Tickets
from offhook.usererror import UserError
from offhook.web.access import is_loopback_name
from offhook.web.stream_auth import Accepted, LocalAuth, Refused

MEDIA_PATH = "/twilio/media"
VOICE_PATH = "/twilio/voice"
STATUS_PATH = "/twilio/status"
RESUME_PATH = "/twilio/resume"
SIGNATURE = "x-twilio-signature"


class TwilioAuth:
    """The rules, and the issued tickets."""

    def __init__(self, auth_token: str | None, public_url: str | None, local: LocalAuth | None = None) -> None:
        self._auth_token = auth_token
        self._local = local or LocalAuth()
        self._public_url = (public_url or "").rstrip("/")
        self.tickets: TicketStore = Tickets()

    @property
    def unauthenticated(self) -> bool:
        """Whether programs on this machine need no ticket."""
        return self._auth_token is None

    def stream_url(self, token: str, host: str) -> str:
        """The URL to which Twilio connects a call with this ticket. `host` is from a local program's request."""
        base = self._public_url if not self.unauthenticated else f"http://{host}"
        return "ws" + base.removeprefix("http") + MEDIA_PATH + (f"/{token}" if token else "")

    @property
    def resume_url(self) -> str:
        """The URL that Twilio asks when a stream has ended."""
        return self._public_url + RESUME_PATH

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """See StreamAuth. An accepted ticket is used up."""
        where, _, query = path.partition("?")
        token = where.removeprefix(MEDIA_PATH).strip("/")
        if not (where == MEDIA_PATH or where.startswith(MEDIA_PATH + "/")):
            return Refused(404, "there is no such WebSocket")
        if self._auth_token is None:
            return self._local.refusal(headers, peer) or Accepted()
        now = monotonic()
        ticket = self.tickets.look(token, now) if token and not query else None
        if ticket is None:
            return Refused(403, "no valid ticket")
        if ticket.signed and not self._is_signed_upgrade(where, headers):
            return Refused(403, "the signature is missing or wrong")
        self.tickets.take(token, now)
        known = {"call_sid": ticket.call_sid, "caller": ticket.caller, "called": ticket.called}
        return Accepted({**ticket.details, **known})

    def check_form(self, path: str, headers: Headers, peer: str, fields: dict[str, list[str]]) -> Refused | None:
        """A webhook's form."""
        if self._auth_token is None:
            return self._local.refusal(headers, peer)
        signed = is_signed(self._auth_token, self._public_url + path, headers.get(SIGNATURE, ""), fields)
        return None if signed else Refused(403, "the signature is missing or wrong")

    def check_body(self, path: str, headers: Headers, peer: str, body: bytes) -> Refused | None:
        """A webhook with any other body."""
        if self._auth_token is None:
            return self._local.refusal(headers, peer)
        signed = is_signed_body(self._auth_token, self._public_url + path, headers.get(SIGNATURE, ""), body)
        return None if signed else Refused(403, "the signature is missing or wrong")

    def _is_signed_upgrade(self, path: str, headers: Headers) -> bool:
        assert self._auth_token is not None
        url = "ws" + self._public_url.removeprefix("http") + path.rstrip("/")
        signature = headers.get(SIGNATURE, "")
        # Twilio's documentation: the URL may have been signed with a slash at its end.
        return any([is_signed(self._auth_token, each, signature) for each in (url, url + "/")])


def twilio_auth(config: Config) -> TwilioAuth | None:
    """The rules that the settings make; None: Twilio may not call. UserError for settings that would let anybody in."""
    twilio, http = config.twilio, config.http
    if not twilio.enabled or not http.enabled:
        return None
    if twilio.auth_token is None:
        if is_loopback_name(http.host):
            return TwilioAuth(None, None, LocalAuth(http.password))
        if twilio.public_url:
            raise UserError(
                f"Twilio's calls cannot be taken on {http.host}:{http.port}",
                "without the account's auth token anybody who can reach it could place calls",
                "export OFFHOOK_TWILIO__AUTH_TOKEN=… (Twilio's console shows it), or `host = 127.0.0.1` below `[http]`",
            )
        return None
    if twilio.public_url is None or not urlsplit(twilio.public_url).hostname:
        raise UserError(
            "Twilio's signatures cannot be checked",
            "they cover the public URL, and it is not set",
            "export OFFHOOK_TWILIO__PUBLIC_URL=https://bot.example.com, the address that Twilio calls",
        )
    return TwilioAuth(twilio.auth_token, twilio.public_url)
