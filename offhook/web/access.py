"""Who may see the pages: people on this machine, and those who know the password.

*On this machine* means a connection from loopback that also asked for this machine by a loopback name. The name
matters: a page from elsewhere whose own name suddenly resolves to 127.0.0.1 (DNS rebinding) comes from loopback, too,
as does everything that a proxy on this machine passes on.

Pages from elsewhere may not read ours with their visitor's password (`Origin`, `Sec-Fetch-Site`), nor show it in a
frame, nor add a script to it (Content-Security-Policy).
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.usererror import Problem

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""For those who look after the machine: nothing of the callers is there."""
OPEN_PREFIXES = ("/twilio/", "/telnyx/", "/plivo/", "/signalwire/", "/vonage/")
"""They check who calls by themselves."""

MAX_WRONG_PASSWORDS = 10
WRONG_FOR_S = 60.0
MAX_REMEMBERED_PEERS = 1_000

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def policy_with_styles(nonce: str) -> str:
    """The policy for a page on which a program of ours makes a <style> with this nonce."""
    return POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")


NO_PASSWORD = Problem(
    "these pages are for people on this machine",
    "they show what callers say, and no password is set under which others might see them",
    "`password = …` below `[http]` in the settings, or OFFHOOK_HTTP__PASSWORD=… in the environment",
)
WRONG_PASSWORD = Problem(
    "the password is missing or wrong",
    "these pages show what callers say",
    "any user name, and the password from `[http]` in the settings",
)
TOO_MANY = Problem("too many wrong passwords", "somebody may be guessing", "wait a minute, then try again")
ELSEWHERE = Problem(
    "this was asked for by a page from elsewhere",
    "only offhook's own pages may ask",
    "open the address in a tab of its own",
)


class Access:
    """Middleware around the whole application. `password` None: nobody from elsewhere may see anything."""

    def __init__(self, app: ASGIApp, password: str | None, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._password = None if password is None else _digest(password)
        self._wrong = _WrongPasswords(now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(HTTPConnection(scope))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        peer = request.client.host if request.client is not None else ""
        if not is_local(peer, request.headers):
            if self._password is None:
                return _refuse(403, NO_PASSWORD)
            if self._wrong.too_many(peer):
                return _refuse(429, TOO_MANY, {"Retry-After": str(round(WRONG_FOR_S))})
            given = _given_password(request.headers)
            if given is None or not hmac.compare_digest(_digest(given), self._password):
                if given is not None:
                    self._wrong.note(peer)
                return _refuse(401, WRONG_PASSWORD, {"WWW-Authenticate": 'Basic realm="offhook", charset="UTF-8"'})
        if asked_from_elsewhere(request.headers):
            return _refuse(403, ELSEWHERE)
        return None


class _WrongPasswords:
    """How often each peer was wrong lately."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._peers: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, since when

    def too_many(self, peer: str) -> bool:
        times, since = self._peers.get(peer, (0, 0.0))
        return times >= MAX_WRONG_PASSWORDS and self._now() - since < WRONG_FOR_S

    def note(self, peer: str) -> None:
        times, since = self._peers.pop(peer, (0, 0.0))
        now = self._now()
        self._peers[peer] = (times + 1, since) if times and now - since < WRONG_FOR_S else (1, now)
        if len(self._peers) > MAX_REMEMBERED_PEERS:
            self._peers.popitem(last=False)


def is_local(peer: str, headers: Headers) -> bool:
    """Does somebody on this machine ask for this machine."""
    passed_on = "forwarded" in headers or "x-forwarded-for" in headers
    return not passed_on and _is_loopback(peer) and is_loopback_name(_host(f"//{headers.get('host', '')}"))


def asked_from_elsewhere(headers: Headers) -> bool:
    """Was the request made by another site's page. A link that somebody followed is none of these."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != headers.get("host")
    fetched_by = headers.get("sec-fetch-site", "none")
    return fetched_by in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def is_loopback_name(name: str) -> bool:
    """Does the name, or address, mean this machine wherever it is asked."""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _given_password(headers: Headers) -> str | None:
    """RFC 7617: base64 of `user:password`."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _digest(password: str) -> bytes:
    # Compared are digests: their length tells nothing of the password's.
    return hashlib.sha256(password.encode()).digest()


def _refuse(status: int, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(problem.render() + "\n", status, {"Cache-Control": "no-store", **(headers or {})})
