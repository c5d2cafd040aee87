"""A vendor's server with requests by HTTP beside its WebSockets: faults, keys and pacing are the same for both."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, HttpServer, json_response
from offhook.testing.vendors.server import VendorServer

PIECE_S = 0.1
"""Audio that is sent at a time."""


class HttpVendorServer(VendorServer):
    """Requests are answered at `http_url`, which has a port of its own. Subclasses have `denied`, `busy` and
    `answer`."""

    http_path = ""
    """What `http_url` ends in."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.http = HttpServer(self._handle)

    @property
    def http_url(self) -> str:
        """For the option `base_url` of engines that use HTTP."""
        return f"http://127.0.0.1:{self.http.port}{self.http_path}"

    async def start(self, port: int = 0) -> None:
        """Listen on two free ports of 127.0.0.1; the WebSocket's may be given."""
        await super().start(port)
        await self.http.start()

    async def close(self) -> None:
        """End all connections. Idempotent."""
        await self.http.close()
        await super().close()

    # For the subclasses.

    def denied(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request without the key; None: it has it."""
        raise NotImplementedError

    def busy(self) -> HttpResponse:
        """The answer to a request too many."""
        raise NotImplementedError

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that has the key."""
        raise NotImplementedError

    def speech(self, audio: bytes, bytes_per_s: int, content_type: str) -> HttpResponse:
        """A voice's answer: it comes in pieces, at the server's pace."""
        return HttpResponse(
            content_type=content_type, body=self._pieces(audio, bytes_per_s), breaks=self.fault == "dies"
        )

    # Inside.

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        if self.fault == "mute":
            await asyncio.Event().wait()
        if self.fault == "busy":
            return self.busy()
        return self.denied(request) or await self.answer(request)

    async def _pieces(self, audio: bytes, bytes_per_s: int) -> AsyncIterator[bytes]:
        await self.late()
        end = len(audio) // 4 * 2 if self.fault == "dies" else len(audio)
        size = round(PIECE_S * bytes_per_s / 2) * 2
        for at in range(0, end, size):
            yield audio[at : min(end, at + size)]
            if self.realtime_factor:
                await asyncio.sleep(PIECE_S / self.realtime_factor)
        if self.fault == "no-final":
            await asyncio.Event().wait()


def too_many(fields: object) -> HttpResponse:
    """429 with the vendor's words."""
    response = json_response(429, fields)
    response.headers["Retry-After"] = "1"
    return response
