"""What Azure's recogniser and voice have in common on a connection: the order of messages, their headers, limits."""

import asyncio
import math
import re
from collections.abc import Mapping

from websockets.asyncio.server import ServerConnection

from offhook.testing.vendors.server import Message, SessionLog, VendorServer
from offhook.vendors import azure_wire as wire

MAX_CONNECTION_S = 600.0
IDLE_S = 180.0
TICKS_PER_MS = wire.TICKS_PER_S // 1000

PROTOCOL_ERROR, INVALID_PAYLOAD = 1002, 1007

_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")


class AzureHost(VendorServer):
    """Its `max_connection_s` and `max_turn_s` are the age at which a connection is closed, and the audio with which a
    turn is ended."""

    max_connection_s = MAX_CONNECTION_S
    max_turn_s = math.inf


class AzureSession:
    """Reads messages, and gives them to `take`."""

    def __init__(self, server: AzureHost, connection: ServerConnection, log: SessionLog) -> None:
        self.server = server
        self.connection = connection
        self.log = log
        self._is_configured = False

    async def take(self, message: wire.WireMessage) -> bool:
        """A message behind `speech.config`. False ends the connection."""
        raise NotImplementedError

    async def run(self) -> None:
        """Serve until it is closed."""
        while True:
            data = await self.server.receive(self.connection, self.log, IDLE_S)
            if data is None:
                await self.connection.close(1000, "idle")
                return
            message = wire.parse(data)
            if message.path != "audio":
                self.log.messages.append(_logged(message))
            if why := self._wrong(message):
                await self.connection.close(PROTOCOL_ERROR, why)
                return
            if message.path == "speech.config":
                self._is_configured = True
            elif not await self.take(message):
                return

    async def end_at_last(self, limit_s: float) -> None:
        """Close the connection when it is too old."""
        await asyncio.sleep(limit_s)
        await self.connection.close(1000, "Maximum connection duration exceeded")

    async def refuse(self, why: str) -> bool:
        """Close the connection for what was asked."""
        await self.connection.close(INVALID_PAYLOAD, why)
        return False

    async def send(self, path: str, request_id: str, fields: Mapping[str, object] | None = None) -> None:
        """Send a text message."""
        body = "" if fields is None else wire.json_message(path, request_id, fields).partition("\r\n\r\n")[2]
        head = f"X-RequestId:{request_id}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n"
        await self.connection.send(f"{head}\r\n{body}")

    def _wrong(self, message: wire.WireMessage) -> str:
        if not message.path:
            return "The message has no Path."
        if message.path != "speech.config" and not self._is_configured:
            return "speech.config must be the first message."
        if message.path != "speech.config" and not _REQUEST_ID.fullmatch(message.request_id):
            return "X-RequestId is not a UUID without dashes."
        if not _TIMESTAMP.fullmatch(message.headers.get("x-timestamp", "")):
            return "X-Timestamp is missing or malformed."
        return ""


def ticks(seconds: float) -> int:
    """In units of 100 ns, to the millisecond."""
    return round(seconds * 1000) * TICKS_PER_MS


def _logged(message: wire.WireMessage) -> Message:
    logged: Message = {"path": message.path, "request_id": message.request_id}
    fields = message.fields
    return {**logged, **fields} if fields else {**logged, "body": message.body}
