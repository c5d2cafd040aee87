"""A web server that takes media streams, with nothing behind it but a record of what comes in."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

from offhook.settings.config import Config
from offhook.telephony.media_streams.signature import sign
from offhook.web.errors import add_error_answers
from offhook.web.media_streams import server_with_streams

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://bot.example.com"
KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


@dataclass(slots=True)
class Front:
    """The server's address, and what came in."""

    port: int = 0
    busy: str | None = None
    nobody: bool = False
    turned_away: int = 0
    taken: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    statuses: list[tuple[str, str]] = field(default_factory=list)

    def may_resume(self, call_sid: str) -> bool:
        return call_sid in self.waiting

    def call_status(self, call_sid: str, status: str) -> None:
        self.statuses.append((call_sid, status))

    def stream_refusal(self) -> str | None:
        return self.busy

    def stream_refused(self) -> None:
        self.turned_away += 1

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        with sock:
            if self.nobody:
                return False
            self.taken.append((initial, dict(meta)))
            sock.setblocking(True)
            sock.sendall(b"HTTP/1.1 101 Taken\r\nContent-Length: 0\r\n\r\n")
        return True

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request on a connection of its own; `headers` may overwrite Host."""
        whole = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in whole.items()), "", ""]
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write("\r\n".join(lines).encode("latin-1") + body)
            async with asyncio.timeout(5):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                seconds = time.monotonic() - began
                found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                content = await reader.readexactly(int(found.get("content-length") or 0))
        finally:
            writer.close()
        return Answer(int(head[0].split()[1]), found, content, seconds)

    async def upgrade(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.ask("GET", path, {**UPGRADE, **(headers or {})})

    async def webhook(
        self, fields: Mapping[str, str], headers: Mapping[str, str] | None = None, path: str = "/twilio/voice"
    ) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.ask("POST", path, {**form, **(headers or {})}, urlencode(fields).encode())

    async def signed_webhook(self, fields: Mapping[str, str], path: str = "/twilio/voice") -> Answer:
        signature = sign(AUTH_TOKEN, PUBLIC_URL + path, {name: [value] for name, value in fields.items()})
        return await self.webhook(fields, {"X-Twilio-Signature": signature}, path)


@asynccontextmanager
async def front(carriers: Any = None, around: Any = None, http: Any = None, **twilio: object) -> AsyncIterator[Front]:
    """On loopback, with these settings below `[twilio]`, `[carriers]` and `[http]`; `around(app)` puts something
    before it."""
    config = Config.load(None, {"twilio": twilio, "carriers": carriers or {}, "http": http or {}})
    found = Front()
    app = FastAPI()
    add_error_answers(app)
    if around is not None:
        around(app)
    server = server_with_streams(app, config, found)
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    found.port = server.address[1]
    try:
        yield found
    finally:
        await server.stop()


def guarded() -> dict[str, object]:
    """The settings of a bot that Twilio calls."""
    return {"auth_token": AUTH_TOKEN, "public_url": PUBLIC_URL}
