"""Requests to an HTTP server, as an agent's file or a flow declares them.

Who makes one gives values, and nothing else: method, host and headers are the file's, values are escaped where they go
into the address. Addresses of private networks are refused unless the file allows them, redirects are not followed, and
the answer has a limit.
"""

import asyncio
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

import h11

from offhook.version import __version__

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
IDEMPOTENT = ("GET", "PUT", "DELETE")
"""Doing it twice is doing it once (RFC 9110, section 9.2.2)."""

TOO_MANY = 429
"""The status of a request that is refused as there were too many (RFC 6585, section 4)."""

MAX_ANSWER_BYTES = 256_000
READ_BYTES = 16_384
FRAMING = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "upgrade", "expect")
"""Headers that are the request's own."""
MAX_REASON_CHARS = 200

_HOLDS_IPV4 = tuple(ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))

PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


Again = Literal["useless", "harmless", "twice"]
"""Of another try: it would fail as well; nothing has been done yet; or the server may do twice what it is asked for."""


class HttpRequestError(Exception):
    """A request failed, or was refused: why, for people. `reason` is without what the server said, for logs; `again`
    what another try would do."""

    def __init__(self, reason: str, said: str = "", again: Again = "useless") -> None:
        super().__init__(f"{reason}: {said}" if said else reason)
        self.reason = reason
        self.again = again


@dataclass(frozen=True, slots=True)
class HttpBody:
    """An answer that is still coming: its `content_type`, without parameters and in small letters, and its `pieces`."""

    content_type: str
    pieces: AsyncIterator[bytes]


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
    of a method that has one, as JSON or as a `form`."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = False
    accept: str = "application/json"
    form: bool = False

    async def send(self, values: Mapping[str, Any]) -> str:
        """The answer's text. Raises HttpRequestError, for a status of 300 and more, too."""
        answer = await self.exchange(values)
        return _text_of(answer.status, answer.body)

    async def exchange(self, values: Mapping[str, Any]) -> HttpAnswer:
        """The answer, whatever its status. Raises HttpRequestError if there is none, or it is too long."""
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

    @asynccontextmanager
    async def _connection(
        self, values: Mapping[str, Any]
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Request, bytes]]:
        """A connection on which nothing has been sent, the request, and its body."""
        target, body = self._filled(values)
        url = urlsplit(self.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            request = self._request(url.netloc, target, body)
        except h11.LocalProtocolError as error:
            raise HttpRequestError(f"the request cannot be sent ({error})") from error
        try:
            addresses = await allowed_addresses(url.hostname or "", port, allow_private=self.allow_private)
            reader, writer = await _connected(addresses, port, url.hostname if url.scheme == "https" else None)
        except (OSError, UnicodeError) as error:  # a name that no DNS has is a UnicodeError
            why = getattr(error, "strerror", None) or type(error).__name__
            raise HttpRequestError(f"the server cannot be reached ({why})", again="harmless") from error
        try:
            yield reader, writer, request, body
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

    def address(self, values: Mapping[str, Any]) -> str:
        """The whole address with these values in it. Raises HttpRequestError for those that it cannot take."""
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}{self._filled(values)[0]}"

    def places(self) -> tuple[str, ...]:
        """The values that are part of the address."""
        return tuple(PLACE.findall(self.url))

    def _filled(self, values: Mapping[str, Any]) -> tuple[str, bytes]:
        """The request's target and body."""
        url, places = urlsplit(self.url), set(self.places())
        given = {name: _plain(value) for name, value in values.items() if value is not None}

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
            return f"{path}?{query}" if query else path, _form(rest) if self.form else json.dumps(rest).encode()
        more = urlencode({name: as_text(value) for name, value in rest.items()}, errors="replace")
        query = "&".join(each for each in (query, more) if each)
        return f"{path}?{query}" if query else path, b""

    def _request(self, host: str, target: str, body: bytes) -> h11.Request:
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
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise HttpRequestError("the server's address is in a private network, which `allow_private` does not allow")
    return list(dict.fromkeys(addresses))


async def _connected(
    addresses: list[str], port: int, tls_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one: `localhost` has two, and a server may listen on one. Raises
    OSError."""
    context = ssl.create_default_context() if tls_name is not None else None
    for left in reversed(range(len(addresses))):
        try:
            return await asyncio.open_connection(addresses[-left - 1], port, ssl=context, server_hostname=tls_name)
        except OSError:
            if not left:
                raise
    raise OSError("the name has no address")


def _text_of(status: int, body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if 300 <= status < 400:
        raise HttpRequestError(f"the server redirects (HTTP {status}), which is not followed")
    if status >= 400:
        again: Again = "twice" if status >= 500 else "harmless" if status == TOO_MANY else "useless"
        raise HttpRequestError(f"HTTP {status}", text[:MAX_REASON_CHARS], again)
    return text


async def _sent(writer: asyncio.StreamWriter, request: h11.Request, body: bytes) -> h11.Connection:
    """The state of a connection on which the request has been sent."""
    state = h11.Connection(h11.CLIENT)
    sent = [state.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
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
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
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
    return urlencode({name: as_text(value) for name, value in values.items()}, errors="replace").encode()


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


def _plain(value: Any) -> Any:
    """What JSON can hold: dates and the like as texts."""
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def as_text(value: Any) -> str:
    """A value as it stands in an address, or is given to a model."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
