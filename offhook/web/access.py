"""Who may see the pages: everybody with the password, or, if none is set, people on this machine.

*On this machine* means a connection from loopback whose `Host` is a loopback name. The name matters: a page from
elsewhere whose own name suddenly resolves to 127.0.0.1 (DNS rebinding) comes from loopback too, as does everything that
a proxy on this machine forwards. It is no proof: a plain TCP forwarder (ssh -R, socat, a balancer in TCP mode)
forwards any `Host`. So once a password is set, everybody is asked for it.

Other sites' pages may not read these with their visitor's password (`Origin`, `Sec-Fetch-Site`), nor show them in a
frame, nor add a script (Content-Security-Policy). A browser sends a password by itself, but never a secret in a URL, a
ticket or a signature: `Origin` is checked only with the password.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.usererror import Problem
from offhook.web.guesses import WRONG_FOR_S, WrongGuesses

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""For operators and monitoring; they reveal nothing about callers."""
WEBHOOK_PREFIXES = ("/twilio/", "/telnyx/", "/plivo/", "/signalwire/", "/vonage/")
"""They authenticate by themselves."""
NAMED_PREFIXES = ("/twiml/recordings/",)
"""What is below them has names that nobody can guess."""

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


CHALLENGE = 'Basic realm="offhook", charset="UTF-8"'


def policy_with_styles(nonce: str) -> str:
    """The policy for a page on which a script of the page makes a <style> with this nonce."""
    return POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")


MALFORMED_ORIGIN = Problem("the request cannot be understood", "its Origin is not a URL", "leave the header out")
NO_PASSWORD = Problem(
    "these pages are for people on this machine",
    "they show what callers say, and no password is set for others",
    "`password = …` below `[http]` in the settings, or OFFHOOK_HTTP__PASSWORD=… in the environment",
)
WRONG_PASSWORD = Problem(
    "the password is missing or wrong",
    "these pages show what callers say",
    "any user name, and the password from `[http]` in the settings",
)
TOO_MANY = Problem("too many wrong passwords", "somebody may be guessing", "wait a minute, then try again")
ELSEWHERE = Problem(
    "another site's page made this request",
    "only offhook's own pages may",
    "open the address in its own tab",
)


class Access:
    """Middleware around the whole application. Without a `password` only people on this machine may see the pages."""

    def __init__(self, app: ASGIApp, password: str | None, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._password = None if password is None else PasswordCheck(password, now)

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
        if self._password is not None:
            status = self._password.refusal(peer, request.headers)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                return _refuse(status, TOO_MANY, {"Retry-After": str(round(WRONG_FOR_S))})
            if status is not None:
                return _refuse(status, WRONG_PASSWORD, {"WWW-Authenticate": CHALLENGE})
        elif not is_local(peer, request.headers):
            return _refuse(HTTPStatus.FORBIDDEN, NO_PASSWORD)
        try:
            from_elsewhere = is_from_elsewhere(request.headers)
        except ValueError:
            return _refuse(HTTPStatus.BAD_REQUEST, MALFORMED_ORIGIN)
        return _refuse(HTTPStatus.FORBIDDEN, ELSEWHERE) if from_elsewhere else None


class PasswordCheck:
    """Checks the password, and limits how often an address may be wrong."""

    def __init__(self, password: str, now: Callable[[], float] = monotonic) -> None:
        self._password = _digest(password)
        self._guesses = WrongGuesses(now)

    def refusal(self, peer: str, headers: Headers) -> HTTPStatus | None:
        """None: the password is right. 401: it is missing or wrong. 429: `peer` was wrong too often."""
        if self._guesses.too_many(peer):
            return HTTPStatus.TOO_MANY_REQUESTS
        given = _given_password(headers)
        if given is None:
            return HTTPStatus.UNAUTHORIZED
        if not hmac.compare_digest(_digest(given), self._password):
            self._guesses.note(peer)
            return HTTPStatus.UNAUTHORIZED
        return None


def is_local(peer: str, headers: Headers) -> bool:
    """Whether a request comes from this machine and names this machine."""
    passed_on = "forwarded" in headers or "x-forwarded-for" in headers
    return not passed_on and _is_loopback(peer) and is_loopback_name(_host(f"//{headers.get('host', '')}"))


def is_from_elsewhere(headers: Headers) -> bool:
    """Whether another site's page made the request; following a link does not count. ValueError for an `Origin` that
    is not a URL."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != headers.get("host")
    fetched_by = headers.get("sec-fetch-site", "none")
    return fetched_by in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(WEBHOOK_PREFIXES + NAMED_PREFIXES)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def is_loopback_name(name: str) -> bool:
    """Whether the name or address means this machine everywhere."""
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
    # Digests are compared: they do not reveal the password's length.
    return hashlib.sha256(password.encode()).digest()


def _refuse(status: int, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(problem.render() + "\n", status, {"Cache-Control": "no-store", **(headers or {})})
