"""Requests to an HTTP server, as an agent's file or a flow declares them, and of webhooks and TwiML.

Who makes one for a file gives values: method, host and headers are the file's, values are escaped where they go
into the address. Addresses of private networks are refused unless the file allows them, redirects are not followed, and
the answer has a limit.
"""

import asyncio
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import h11

from offhook.own_thread import in_own_thread
from offhook.pipeline.secret.digits import SecretKeys
from offhook.version import __version__

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
IDEMPOTENT = ("GET", "PUT", "DELETE")
"""Doing it twice is doing it once (RFC 9110, section 9.2.2)."""

TOO_MANY = 429
"""The status of a request that is refused as there were too many (RFC 6585, section 4)."""

AUDIO_TYPES = "audio/wav, audio/basic, audio/mpeg;q=0.5"
"""What a request for sound accepts (audio_stream)."""

MAX_ANSWER_BYTES = 256_000
READ_BYTES = 16_384
FRAMING = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "upgrade", "expect")
"""Headers that are the request's own."""
HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
MAX_HEADER_CHARS = 2_000
MAX_REASON_CHARS = 200
_SECONDS = re.compile(rb"[0-9]{1,6}")

_HOLDS_IPV4 = tuple(ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))

PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


Again = Literal["useless", "harmless", "twice"]
"""Of another try: it would fail as well; nothing has been done yet; or the server may do twice what it is asked for."""


class HttpRequestError(Exception):
    """A request failed, or was refused: why, for people. `reason` is without what the server said, for logs; `again`
    what another try would do; `status` the HTTP status that it was refused with, if it was."""

    def __init__(self, reason: str, said: str = "", again: Again = "useless", status: int | None = None) -> None:
        super().__init__(f"{reason}: {said}" if said else reason)
        self.reason = reason
        self.again = again
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpBody:
    """An answer that is still coming: its `content_type`, without parameters and in small letters, and its `pieces`."""

    content_type: str
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """What a server answered, without its body: the `status`, and the seconds of Retry-After, where it has some."""

    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer, whatever its status; the names of its headers are in small letters."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, named in small letters; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. `{name}` in the path or the query of `url` is a value; the others go into the query, or into the body
    of a method that has one, as JSON or as a `form`. `given` is the body in their place: an object or a list of JSON,
    or a form's fields."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = False
    accept: str = "application/json"
    form: bool = False
    templates: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers, whose expressions in braces get their values from who makes the request: see `with_headers`."""
    given: Mapping[str, Any] | Sequence[Any] | None = field(default=None, repr=False)

    async def send(self, values: Mapping[str, Any]) -> str:
        """The answer's text; SecretKeys are sent as by `exchange`. Raises HttpRequestError, for a status of 300 and
        more, too."""
        answer = await self.exchange(values)
        return _text_of(answer.status, answer.body)

    async def exchange(self, values: Mapping[str, Any]) -> HttpAnswer:
        """The answer, whatever its status. SecretKeys among the values go into a body, and nowhere else; its copy of
        them is overwritten when it has been sent.

        Raises HttpRequestError if there is none, or it is too long.
        """
        async with self._connection(values) as (reader, writer, request, body):
            return await _exchange(reader, writer, request, body)

    @asynccontextmanager
    async def open(self, values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        """The answer as it comes, without a limit: who reads it has one. Raises HttpRequestError as `send` does, while
        it is read, too."""
        async with self._connection(values) as (reader, writer, request, body):
            state = await _sent(writer, request, body)
            while not isinstance(event := await _next_event(reader, state), h11.Response):
                pass
            _text_of(event.status_code, b"")
            kind = next((value for name, value in event.headers if name == b"content-type"), b"")
            yield HttpBody(kind.decode("latin-1").partition(";")[0].strip().lower(), _pieces(reader, state))

    async def post(self, body: bytes) -> HttpStatus:
        """Send exactly this body; returns when the server's status has come, whichever it is, and reads no more. Raises
        HttpRequestError where none comes."""
        async with self._connection({}, body) as (reader, writer, request, content):
            state = await _sent(writer, request, content)
            while not isinstance(event := await _next_event(reader, state), h11.Response):
                pass
            after = next((value for name, value in event.headers if name == b"retry-after"), b"")
            return HttpStatus(event.status_code, float(after) if _SECONDS.fullmatch(after) else None)

    @asynccontextmanager
    async def _connection(
        self, values: Mapping[str, Any], content: bytes | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Request, bytearray]]:
        """A connection on which nothing has been sent, the request, and its body: `content`, or that of the values."""
        target, body = self._filled(values)
        if content is not None:
            body = bytearray(content)
        try:
            has_secrets = any(isinstance(each, SecretKeys) for each in values.values())
            async with self._reached(target, body, in_clear=not has_secrets) as (reader, writer, request):
                yield reader, writer, request, body
        finally:
            body[:] = bytes(len(body))  # it may have secrets in it

    @asynccontextmanager
    async def _reached(
        self, target: str, body: bytearray, *, in_clear: bool
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Request]]:
        url = urlsplit(self.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            request = self._request(url.netloc, target, body)
        except (h11.LocalProtocolError, UnicodeError) as error:
            raise HttpRequestError(f"the request cannot be sent ({error})") from error
        try:
            addresses = await allowed_addresses(url.hostname or "", port, allow_private=self.allow_private)
            if not in_clear and url.scheme == "http" and any(map(is_public, addresses)):
                raise HttpRequestError("a secret is not sent in the clear to a public address")
            reader, writer = await _connected(addresses, port, url.hostname if url.scheme == "https" else None)
        except (OSError, UnicodeError) as error:  # a name that no DNS has is a UnicodeError
            why = getattr(error, "strerror", None) or type(error).__name__
            raise HttpRequestError(f"the server cannot be reached ({why})", again="harmless") from error
        try:
            yield reader, writer, request
        except (OSError, h11.ProtocolError, EOFError) as error:
            why = f"the server's answer broke off ({type(error).__name__})"
            raise HttpRequestError(why, again="twice") from error
        finally:
            writer.close()

    @property
    def is_refused(self) -> bool:
        """Whether the host is written out as an address of a private network, which is not allowed."""
        host = urlsplit(self.url).hostname or ""
        if self.allow_private or host == "localhost" or host.endswith(".localhost"):
            return not self.allow_private
        try:
            return not is_public(host)
        except ValueError:  # a name
            return False

    @property
    def may_carry_secrets(self) -> bool:
        """Whether values would be in an object of JSON, and enciphered where they leave this network."""
        in_object = self.method in WITH_BODY and not self.form and isinstance(self.given, Mapping | None)
        return in_object and (self.url.lower().startswith("https:") or self.allow_private)

    def address(self, values: Mapping[str, Any]) -> str:
        """The whole address with these values in it, without secrets. Raises HttpRequestError for those that
        it cannot take."""
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}{self._filled(_shown(values))[0]}"

    def content(self, values: Mapping[str, Any]) -> object:
        """The JSON that is sent with these values, with asterisks for secrets, or the fields of a form, each a text, or
        a list of them. None: the request has no body. Raises as `address` does."""
        shown, given = _shown(values), self.given
        if isinstance(given, Mapping):
            hidden = {name: shown[name] for name, value in values.items() if isinstance(value, SecretKeys)}
            given = {**given, **hidden}
        body = replace(self, given=given)._filled(shown)[1]
        if self.form:
            fields = parse_qs(body.decode(), keep_blank_values=True)
            return {name: each[0] if len(each) == 1 else each for name, each in fields.items()}
        return json.loads(body) if body else None

    def with_headers(self, filled: Mapping[str, str]) -> "HttpRequest":
        """The request with its templates, filled in. Raises HttpRequestError for a value that no header can have."""
        for name, text in filled.items():
            if len(text) > MAX_HEADER_CHARS or HEADER_VALUE.fullmatch(text) is None:
                raise HttpRequestError(f"the value of the header {name} is empty, too long, or no line of ASCII")
        return replace(self, headers={**self.headers, **filled}, templates={})

    def with_body(self, given: Mapping[str, Any] | Sequence[Any]) -> "HttpRequest":
        """The request with this body."""
        return replace(self, given=given)

    def places(self) -> tuple[str, ...]:
        """The values that are part of the address."""
        return tuple(PLACE.findall(self.url))

    def _filled(self, values: Mapping[str, Any]) -> tuple[str, bytearray]:
        """The request's target and body."""
        url, places = urlsplit(self.url), set(self.places())
        secrets = {name: value for name, value in values.items() if isinstance(value, SecretKeys)}
        if secrets and not (self.may_carry_secrets and places.isdisjoint(secrets)):
            raise HttpRequestError("a secret goes into the body of an enciphered request, and nowhere else")
        given = {name: _plain(value) for name, value in values.items() if value is not None and name not in secrets}

        def fill(text: str) -> str:
            return PLACE.sub(lambda found: quote(as_text(given.get(found[1], "")), safe="", errors="replace"), text)

        for name in PLACE.findall(url.path):
            if given.get(name, "") == "":
                raise HttpRequestError(f"`{name}`, a part of the address, has no value")

        path, query = fill(url.path) or "/", fill(url.query)
        if "/../" in f"{path}/" or "/./" in f"{path}/":
            raise HttpRequestError("a value would lead elsewhere on the server")
        rest = {name: value for name, value in given.items() if name not in places}
        if self.method in WITH_BODY:
            inside = rest if self.given is None else self.given
            content = bytearray(_form(dict(inside))) if self.form else _body(inside, secrets)
            return f"{path}?{query}" if query else path, content
        more = urlencode({name: as_text(value) for name, value in rest.items()}, errors="replace")
        query = "&".join(each for each in (query, more) if each)
        return f"{path}?{query}" if query else path, bytearray()

    def _request(self, host: str, target: str, body: bytearray) -> h11.Request:
        headers = [("Host", host), ("User-Agent", f"offhook/{__version__}"), ("Accept", self.accept)]
        headers += [("Accept-Encoding", "identity"), ("Connection", "close")]
        if self.method in WITH_BODY:
            kind = "application/x-www-form-urlencoded" if self.form else "application/json"
            headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
        own = {name.lower() for name in self.headers}
        headers = [(name, value) for name, value in headers if name.lower() not in own] + [*self.headers.items()]
        return h11.Request(method=self.method, target=target, headers=headers)


async def allowed_addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Those that are connected to: the ones that were checked, so that a name cannot change its mind. Raises OSError,
    UnicodeError for a name that has none; HttpRequestError for a private one that is not allowed."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await in_own_thread(look_up, "names")  # a name server that hangs holds up nothing else
    addresses = [str(each[4][0]) for each in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise HttpRequestError("the server's address is in a private network, which `allow_private` does not allow")
    return list(dict.fromkeys(addresses))


async def _connected(
    addresses: list[str], port: int, tls_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one: `localhost` has two, and a server may listen on one. Raises
    OSError."""
    context = tls_context() if tls_name is not None else None
    for left in reversed(range(len(addresses))):
        try:
            return await asyncio.open_connection(addresses[-left - 1], port, ssl=context, server_hostname=tls_name)
        except OSError:
            if not left:
                raise
    raise OSError("the name has no address")


@cache
def tls_context() -> ssl.SSLContext:
    """For all requests, made once: reading the authorities takes longer than one. The keys of connections, on which
    there may be secrets, go into no file, whatever SSLKEYLOGFILE says."""
    context = ssl.create_default_context()
    context.keylog_filename = None  # type: ignore[assignment]  # which typeshed has as a text
    return context


def _text_of(status: int, body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if 300 <= status < 400:
        raise HttpRequestError(f"the server redirects (HTTP {status}), which is not followed", status=status)
    if status >= 400:
        again: Again = "twice" if status >= 500 else "harmless" if status == TOO_MANY else "useless"
        raise HttpRequestError(f"HTTP {status}", text[:MAX_REASON_CHARS], again, status)
    return text


async def _sent(writer: asyncio.StreamWriter, request: h11.Request, body: bytearray) -> h11.Connection:
    """The state of a connection on which the request has been sent."""
    state = h11.Connection(h11.CLIENT)
    data = h11.Data(data=body)  # type: ignore[arg-type]  # any bytes-like object will do
    sent = [state.send(event) or b"" for event in (request, data, h11.EndOfMessage())]
    writer.write(b"".join(sent))
    await writer.drain()
    return state


async def _next_event(reader: asyncio.StreamReader, state: h11.Connection) -> h11.Event:
    while (event := state.next_event()) is h11.NEED_DATA:
        state.receive_data(await reader.read(READ_BYTES))
    if isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
        raise EOFError
    assert isinstance(event, h11.Event), "these are all"
    return event


async def _pieces(reader: asyncio.StreamReader, state: h11.Connection) -> AsyncIterator[bytes]:
    while not isinstance(event := await _next_event(reader, state), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            yield bytes(event.data)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytearray
) -> HttpAnswer:
    state = await _sent(writer, request, body)
    status, headers, answer = 0, tuple[tuple[str, str], ...](), bytearray()
    while not isinstance(event := await _next_event(reader, state), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers)
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > MAX_ANSWER_BYTES:
                raise HttpRequestError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return HttpAnswer(status, headers, bytes(answer))


def _form(values: Mapping[str, Any]) -> bytes:
    """A list is a field several times, None is none."""
    several = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    fields = [(name, as_text(each)) for name, listed in several.items() for each in listed if each is not None]
    return urlencode(fields, errors="replace").encode()


def _body(values: Mapping[str, Any] | Sequence[Any], secrets: Mapping[str, SecretKeys]) -> bytearray:
    """JSON; an object where there are secrets. Keys need no escapes there."""
    body = bytearray(json.dumps(values).encode())
    for name, keys in secrets.items():
        body[-1:] = b", " if len(body) > len(b"{}") else b""
        body += json.dumps(name).encode() + b': "'
        body += keys.octets()
        body += b'"}'
    return body


def is_public(address: str) -> bool:
    """Whether an address is reached through the Internet alone. Raises ValueError for what is none."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inside = _ipv4_inside(parsed) if isinstance(parsed, ipaddress.IPv6Address) else None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local:  # fec0::/10, which counts as global
        return False
    return parsed.is_global and not parsed.is_multicast and (inside is None or inside.is_global)


def _ipv4_inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Where a gateway would send it: IPv4-mapped and -compatible, 6to4, and NAT64 (RFC 6052)."""
    if any(address in network for network in _HOLDS_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with asterisks for secrets."""
    return {name: "*" * len(value) if isinstance(value, SecretKeys) else value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """What JSON can hold: dates and the like as texts."""
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def as_text(value: Any) -> str:
    """A value as it stands in an address, or is given to a model."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
