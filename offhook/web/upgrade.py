"""Handles requests to upgrade to a WebSocket: each is checked, then passed on or refused.

An accepted socket goes to the process that takes the call, with its request unanswered: the new owner answers it. A
refusal is answered here, and creates no call.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Any, Protocol, cast

from starlette.datastructures import Headers
from websockets.http11 import Request
from websockets.streams import StreamReader

from offhook.observe.refusals import retry_after_s
from offhook.web.refusal_log import WebRefusalLog
from offhook.web.stream_auth import Refused, StreamAuth


class StreamTaker(Protocol):
    """Takes calls over media streams."""

    def stream_refusal(self) -> str | None:
        """Why no call can come in now; None: it can."""

    def stream_refused(self) -> None:
        """A call was refused for that reason."""

    def may_resume(self, call_sid: str) -> bool:
        """Whether a call whose stream has ended may get another one."""

    def call_status(self, call_sid: str, status: str) -> None:
        """The carrier reports a call's status, in Twilio's words."""

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        """A connected socket and the bytes that were read from it. False when nothing can take it; it closes the socket
        in any case."""


class UpgradeHandler(asyncio.Protocol):
    """A connection whose upgrade request uvicorn has read."""

    def __init__(self, auth: StreamAuth | None, taker: StreamTaker, log: WebRefusalLog) -> None:
        self._auth = auth
        self._taker = taker
        self._transport: asyncio.Transport | None = None
        self._log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Handle the whole request, which uvicorn has read and checked."""
        transport, self._transport = self._transport, None
        if transport is None:
            return  # the request has been answered
        try:
            request = _parse(data)
        except ValueError as error:
            self._refuse(transport, Refused(400, str(error)))
            return
        if self._auth is None:
            self._refuse(transport, Refused(404, "there is no such WebSocket"))
            return
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        headers = Headers(
            raw=[(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in request.headers.raw_items()]
        )
        verdict = self._auth.check_upgrade(request.path, headers, peer)
        if isinstance(verdict, Refused):
            self._refuse(transport, verdict)
        elif not self._resumes(verdict.meta) and (busy := self._taker.stream_refusal()) is not None:
            self._taker.stream_refused()
            self._refuse(transport, Refused(503, busy))
        else:
            self._give(transport, data, verdict.meta)

    def _resumes(self, meta: Mapping[str, str]) -> bool:
        """A call that exists already needs no new place."""
        return "resumes" in meta and self._taker.may_resume(meta.get("call_sid", ""))

    def _give(self, transport: asyncio.Transport, data: bytes, meta: Mapping[str, str]) -> None:
        sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        # Closes only this process's descriptor: the connection lives on in the copy.
        if self._taker.take_stream(sock, data, meta):
            transport.abort()
        else:
            self._taker.stream_refused()
            self._refuse(transport, Refused(503, "no worker can take the call"))

    def _refuse(self, transport: asyncio.Transport, refused: Refused) -> None:
        status = HTTPStatus(refused.status)
        self._log.refused("WebSocket refused", refused.status, refused.why)
        retry = f"Retry-After: {retry_after_s()}\r\n" if refused.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{retry}Content-Length: 0\r\nConnection: close\r\n\r\n"
        transport.write(head.encode("ascii"))
        transport.close()


def upgrade_factory(auth: StreamAuth | None, taker: StreamTaker) -> Callable[..., asyncio.Protocol]:
    """The `ws` factory for uvicorn; its arguments, which are for ASGI, are ignored."""
    log = WebRefusalLog()

    def make(**_: Any) -> asyncio.Protocol:
        return UpgradeHandler(auth, taker, log)

    return make


def _parse(data: bytes) -> Request:
    """ValueError for anything but a complete request."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing: Generator[None, None, Request] = Request.parse(reader.read_line)
    try:
        next(parsing)
    except StopIteration as done:
        request = done.value
        assert isinstance(request, Request)
        return request
    except (EOFError, UnicodeDecodeError, NotImplementedError) as error:
        raise ValueError(str(error)) from error
    raise ValueError("the request is not complete")
