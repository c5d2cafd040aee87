"""AssemblyAI's streaming API, version 3: speech to text.

    async with AssemblyAiServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key}

The path is /v3/ws. The key is the header `Authorization`; a wrong one is refused at the upgrade. A turn ends by
`ForceEndpoint`, or by silence after speech; without speech there is no turn, and nothing that could be ended.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from offhook.telephony.codec import PCMU
from offhook.testing.vendors.script import TimedWord, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send

STREAMING = "/v3/ws"
MAX_SESSION_S = 3 * 3_600
MIN_CHUNK_MS, MAX_CHUNK_MS = 50, 1_000
MAX_TURN_SILENCE_MS = 1_280
MAX_KEYTERMS, MAX_KEYTERM_CHARS = 100, 50

_DECODERS: dict[str, Callable[[bytes], bytes]] = {"pcm_s16le": bytes, "pcm_mulaw": PCMU.decode}


class AssemblyAiServer(VendorServer):
    """Understands `texts` (see Script)."""

    paths = (STREAMING,)

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By the header, without a word before the key."""
        return request.headers.get("Authorization") == self.api_key

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a stream."""
        await _Stream(self, connection, log).run()


class _Stream:
    def __init__(self, server: AssemblyAiServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._encoding = log.option("encoding", "pcm_s16le")
        self._formats = log.option("format_turns").lower() == "true"
        self._max_silence_s = int(log.option("max_turn_silence", str(MAX_TURN_SILENCE_MS))) / 1000
        self._order = 0
        self._partials = 0
        self._speaking = False
        self._began_at = time.time()

    async def run(self) -> None:
        """Serve until it is closed."""
        log = self._log
        if not _are_keyterms(json.loads(log.option("keyterms_prompt", "[]"))):
            await self._fail(3006, "Invalid keyterms_prompt")
            return
        if self._encoding not in _DECODERS or not log.option("sample_rate").isdigit():
            await self._fail(3006, "Invalid encoding or sample_rate")
            return
        self._rate_hz = int(log.option("sample_rate"))
        self._turn = Turn(self._server.script, self._rate_hz)
        expires_at = int(self._began_at) + MAX_SESSION_S
        await send(self._connection, {"type": "Begin", "id": f"session-{id(self):x}", "expires_at": expires_at})
        idle_s = int(log.option("inactivity_timeout", "0")) or None
        while True:
            data = await self._server.receive(self._connection, log, idle_s)
            if data is None:
                await self._fail(3005, "Session cancelled: no activity")
                return
            if not await (self._audio(data) if isinstance(data, bytes) else self._command(data)):
                return

    async def _audio(self, data: bytes) -> bool:
        pcm = _DECODERS[self._encoding](data)
        length_ms = len(pcm) / 2 / self._rate_hz * 1000
        if not MIN_CHUNK_MS <= length_ms <= MAX_CHUNK_MS:
            why = f"Input Duration Violation: {length_ms} ms. Expected between {MIN_CHUNK_MS} and {MAX_CHUNK_MS} ms"
            await self._fail(3007, why)
            return False
        self._log.audio += data
        text = self._turn.push(pcm)
        if self._turn.heard_speech and not self._speaking:
            self._speaking = True
            at_ms = round(1000 * self._turn.loud_from_s)
            await send(self._connection, {"type": "SpeechStarted", "timestamp": at_ms})
        if text is not None:
            await self._partial()
        if self._turn.silence_s >= self._max_silence_s:
            await self._end_turn()
        return True

    async def _command(self, data: str) -> bool:
        message = parsed(data)
        if message is None:
            await self._fail(3006, "Invalid JSON")
            return False
        self._log.messages.append(message)
        kind = message.get("type")
        if kind == "Terminate":
            await self._end_turn()
            lengths = {"audio_duration_seconds": int(self._turn.end_s)}
            lengths["session_duration_seconds"] = int(time.time() - self._began_at)
            await send(self._connection, {"type": "Termination", **lengths})
            await self._connection.close(1000)
            return False
        if kind == "ForceEndpoint":
            await self._end_turn()
        elif kind == "UpdateConfiguration":
            if not _are_keyterms(message.get("keyterms_prompt", [])):
                await self._fail(3006, "Invalid keyterms_prompt")
                return False
            self._max_silence_s = message.get("max_turn_silence", 1000 * self._max_silence_s) / 1000
        elif kind != "KeepAlive":
            await self._fail(3006, f"Invalid Message Type: {kind!r}")
            return False
        return True

    async def _partial(self) -> None:
        """The words so far; the last is not final yet, and so not in the transcript."""
        self._partials += 1
        words = self._server.shown(self._turn.shown_words(), self._partials)
        await self._send_turn(words, final=len(words) - 1, end=False, formatted=False)

    async def _end_turn(self) -> None:
        if not self._turn.heard_speech or self._server.fault == "no-final":
            return
        await self._server.late()
        turn, self._turn = self._turn, self._turn.following()
        self._speaking = False
        words = turn.finish()
        await self._send_turn(words, final=len(words), end=True, formatted=False)
        if self._formats:
            await self._send_turn(words, final=len(words), end=True, formatted=True)
        self._order += 1

    async def _send_turn(self, words: Sequence[TimedWord], *, final: int, end: bool, formatted: bool) -> None:
        text = " ".join(word.text for word in words[:final])
        message: Message = {"type": "Turn", "turn_order": self._order, "turn_is_formatted": formatted}
        message |= {"end_of_turn": end, "end_of_turn_confidence": 0.9 if end else 0.1}
        message["transcript"] = f"{text[:1].upper()}{text[1:]}." if formatted and text else text
        message["words"] = [
            {
                "text": word.text,
                "start": round(1000 * word.start_s),
                "end": round(1000 * word.end_s),
                "confidence": 0.95,
                "word_is_final": at < final,
            }
            for at, word in enumerate(words)
        ]
        await send(self._connection, message)

    async def _fail(self, code: int, why: str) -> None:
        await send(self._connection, {"type": "Error", "error_code": code, "error": why})
        await self._connection.close(code, why[:120])


def _are_keyterms(terms: list[str]) -> bool:
    return len(terms) <= MAX_KEYTERMS and all(len(term) <= MAX_KEYTERM_CHARS for term in terms)
