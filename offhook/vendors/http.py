"""HTTP to a vendor or a server of one's own that has no WebSocket for it: requests whose answers are streamed, on
connections that are kept."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import h11

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.errors import VendorRefusedError, away_hint, not_a_key, refusal
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

MAX_REASON_BYTES = 4_000
REASON_S = 1.0
READ_BYTES = 65_536

MAX_BODY_BYTES = 64_000_000
"""Of an answer: twenty minutes of speech at 24 kHz."""

SLOW_S, SLOW_BYTES_PER_S = 5.0, 500
"""An answer that has come for so long, and has brought less than this, would never end. Speech has 8000 at least."""


@dataclass(slots=True)
class _Kept:
    """A connection between two requests."""

    place: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection
    since: float
    used: bool = False

    def close(self) -> None:
        self.writer.close()

    def sent(self, target: Target, request: "_Request") -> bytes:
        """The request as it is sent."""
        url = urlsplit(target.url)
        path = url.path or "/"
        headers = [("Host", url.netloc.rpartition("@")[2]), ("User-Agent", "offhook"), *target.headers]
        if request.method == "POST":
            headers += [("Content-Type", request.content_type), ("Content-Length", str(len(request.body)))]
        events = (
            h11.Request(method=request.method, target=f"{path}?{url.query}" if url.query else path, headers=headers),
            h11.Data(data=request.body),
            h11.EndOfMessage(),
        )
        return b"".join(self.state.send(event) or b"" for event in events)


@dataclass(frozen=True, slots=True)
class _Request:
    method: Literal["GET", "POST"]
    body: bytes = b""
    content_type: str = ""


class HttpClient:
    """For one engine and one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: list[_Kept] = []
        self._tls = ssl.create_default_context()

    async def close(self) -> None:
        """Close what is not in use. Idempotent."""
        while self._kept:
            self._kept.pop().close()

    def post(
        self, target: Target, body: bytes, content_type: str, first_s: float, stall_s: float = 2.0
    ) -> AsyncGenerator[bytes]:
        """The body of the answer to a POST, as it comes.

        The first piece must come within `first_s`, more within `stall_s`. Closing the generator ends the request.
        Raises EngineError, EngineTimeout, VendorRefusedError.
        """
        return self._exchange(target, _Request("POST", body, content_type), first_s, stall_s)

    def get(self, target: Target, first_s: float, stall_s: float = 2.0) -> AsyncGenerator[bytes]:
        """The body of the answer to a GET, likewise."""
        return self._exchange(target, _Request("GET"), first_s, stall_s)

    async def _exchange(
        self, target: Target, request: "_Request", first_s: float, stall_s: float
    ) -> AsyncGenerator[bytes]:
        what = f"asking {target.vendor}"
        connection: _Kept | None = None
        first_at = monotonic() + first_s
        try:
            async with asyncio.timeout(first_s):
                target = await target.signed(request.body)
                connection, response = await self._begin(target, request)
            if response.status_code != 200:
                code = dict(response.headers).get(b"x-amzn-errortype", b"").decode("latin-1")
                raise refusal(target, response.status_code, await self._reason(connection), what, code)
            async for piece in self._body(target, connection, max(0.0, first_at - monotonic()), stall_s):
                yield piece
            self._keep(connection)
            connection = None
        except TimeoutError:
            raise EngineTimeout(
                target.name, what, f"{target.place} did not answer in time", away_hint(target)
            ) from None
        except (h11.LocalProtocolError, UnicodeEncodeError):
            raise not_a_key(target) from None  # the cause has it
        except (OSError, h11.RemoteProtocolError) as error:
            why = f"{target.place}: {error or type(error).__name__}"
            raise EngineError(target.name, what, why, away_hint(target)) from error
        finally:
            if connection is not None:
                connection.close()

    async def _body(self, target: Target, connection: _Kept, first_s: float, stall_s: float) -> AsyncGenerator[bytes]:
        what, left_s, waited_s, received = f"asking {target.vendor}", first_s, 0.0, 0
        while True:
            began_at = monotonic()
            async with asyncio.timeout(left_s):
                event = await self._next(connection)
            if received:
                waited_s += monotonic() - began_at
            left_s = stall_s
            if isinstance(event, h11.EndOfMessage):
                return
            if not isinstance(event, h11.Data):
                continue
            received += len(event.data)
            if received > MAX_BODY_BYTES:
                raise EngineError(target.name, what, f"the answer has more than {MAX_BODY_BYTES} bytes")
            if waited_s > SLOW_S and received < SLOW_BYTES_PER_S * waited_s:
                raise EngineTimeout(target.name, what, f"{target.place} answers too slowly")
            yield bytes(event.data)

    async def _begin(self, target: Target, request: "_Request") -> tuple[_Kept, h11.Response]:
        """The request is sent. A kept connection that turns out to be closed is replaced, once."""
        while True:
            connection = await self._take(target)
            try:
                connection.writer.write(connection.sent(target, request))
                await connection.writer.drain()
                while not isinstance(event := await self._next(connection), h11.Response):
                    pass
                return connection, event
            except (OSError, h11.RemoteProtocolError):
                connection.close()
                if not connection.used:
                    raise
            except BaseException:
                connection.close()
                raise

    async def _take(self, target: Target) -> _Kept:
        url = urlsplit(target.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            what, why = f"asking {target.vendor}", f"{target.place} is not an http:// or https:// address"
            raise VendorRefusedError(target.name, what, why, target.hint)
        place = f"{url.scheme}://{url.netloc}"
        while self._kept:
            kept = self._kept.pop()
            if kept.place == place and monotonic() - kept.since < self._limits.idle_s and not kept.reader.at_eof():
                kept.used = True
                return kept
            kept.close()
        async with asyncio.timeout(self._limits.connect_s):
            reader, writer = await self._connect(url)
        return _Kept(place, reader, writer, h11.Connection(h11.CLIENT), monotonic())

    async def _connect(self, url: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 80)
        return await asyncio.open_connection(url.hostname, port, ssl=self._tls if secure else None)

    async def _next(self, connection: _Kept) -> h11.Event:
        while not isinstance(event := connection.state.next_event(), h11.Event):  # it needs data
            connection.state.receive_data(await connection.reader.read(READ_BYTES))
        return event

    async def _reason(self, connection: _Kept) -> bytes:
        """What has come of it: the status says enough."""
        body = b""
        with suppress(TimeoutError, OSError, h11.RemoteProtocolError):
            async with asyncio.timeout(REASON_S):
                while isinstance(event := await self._next(connection), h11.Data) and len(body) < MAX_REASON_BYTES:
                    body += bytes(event.data)
        return body

    def _keep(self, connection: _Kept) -> None:
        state = connection.state
        # What follows an answer unasked would be taken for the next one's.
        if state.our_state is h11.DONE and state.their_state is h11.DONE and not state.trailing_data[0]:
            state.start_next_cycle()
            connection.since = monotonic()
            self._kept.append(connection)
        else:
            connection.close()
