"""Cartesia's endpoint that detects turns: /stt/turns/websocket."""

import json
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.script import Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send

IDLE_S = 180.0
EAGER_END_S, END_S = 0.3, 0.7
"""Silence after which a turn is likely over, and is over."""

CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "pcm_s16le": (bytes, bytes),
    "pcm_mulaw": (PCMU.decode, PCMU.encode),
    "pcm_alaw": (PCMA.decode, PCMA.encode),
}


async def fail(connection: ServerConnection, context_id: str | None, code: str, why: str) -> None:
    """Send an error; one that concerns no context ends the connection."""
    error: Message = {"type": "error", "done": True, "title": code.replace("_", " "), "message": why}
    error |= {"error_code": code, "status_code": 400}
    await send(connection, error if context_id is None else {**error, "context_id": context_id})
    if context_id is None:
        await connection.close(1008, code)


class TurnsSession:
    """One stream of Ink, which says when turns begin and end."""

    def __init__(self, server: VendorServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._request_id = f"request-{id(self):x}"
        self._speaking = self._eager = False
        self._text = ""

    async def run(self) -> None:
        """Serve until it is closed."""
        log = self._log
        if log.option("encoding") not in CODECS or not log.option("sample_rate").isdigit() or not log.option("model"):
            await fail(self._connection, None, "invalid_request", "model, encoding or sample_rate is invalid.")
            return
        self._rate_hz, decode = int(log.option("sample_rate")), CODECS[log.option("encoding")][0]
        self._turn = Turn(self._server.script, self._rate_hz)
        await self._send("connected")
        while (data := await self._server.receive(self._connection, log, IDLE_S)) is not None:
            if isinstance(data, bytes):
                log.audio += data
                await self._audio(decode(data))
            elif not await self._command(parsed(data)):
                return
        await self._connection.close(1000, "idle")

    async def _audio(self, pcm: bytes) -> None:
        text = self._turn.push(pcm)
        if self._turn.heard_speech and not self._speaking:
            self._speaking = True
            await self._send("turn.start")
        if self._eager and not self._turn.silence_s:
            self._eager = False
            await self._send("turn.resume")
        if text is not None:
            self._text = text
            await self._send("turn.update", transcript=text)
        if self._turn.silence_s >= END_S:
            await self._end()
        elif self._turn.silence_s >= EAGER_END_S and not self._eager:
            self._eager = True
            await self._send("turn.eager_end", transcript=self._text)

    async def _end(self) -> None:
        if not self._speaking or self._server.fault == "no-final":
            return
        await self._server.late()
        turn, self._turn = self._turn, self._turn.following()
        self._speaking = self._eager = False
        self._text = ""
        await self._send("turn.end", transcript=" ".join(word.text for word in turn.finish()))

    async def _command(self, message: Message | None) -> bool:
        kind = message.get("type") if message is not None else None
        self._log.messages.append(message or {})
        if kind == "close":
            await self._end()
            await self._connection.close(1000)
            return False
        if kind != "config":
            await fail(self._connection, None, "invalid_command", f"Unknown command {json.dumps(kind)}.")
            return False
        return True

    async def _send(self, kind: str, **fields: object) -> None:
        await send(self._connection, {"type": kind, "request_id": self._request_id, **fields})
