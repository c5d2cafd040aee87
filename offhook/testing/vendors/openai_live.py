"""OpenAI's Live API: a model that listens while it speaks, and decides alone when to talk.

    async with OpenAiLiveServer(["stop"], replies=["Good day to you."]) as server:
        agent = SpeechAgent("openai-live", base_url=server.url + "/v1", api_key=server.api_key)

Its audio comes in real time, 20 ms a message, silence included, from the start of the session. It greets when it is
instructed to, answers 500 ms after the caller's speech, and stops speaking 200 ms into it: `stopped_at` has when
(monotonic seconds). With the fault `mute` a session sends no more audio. Written after the types of OpenAI's client.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from offhook.testing.vendors.openai_realtime import FORMATS
from offhook.testing.vendors.script import Transcribe, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send
from offhook.testing.vendors.speech_model import Entry, Replies, SpeechModel
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

PATH = "/v1/live/sessions"
FRAME_S = 0.02
ANSWER_AFTER_S = 0.5
STOP_AFTER_S = 0.2
MAX_SESSION_S = 3_600.0


class OpenAiLiveServer(VendorServer):
    """See the module."""

    paths = (PATH,)

    def __init__(self, texts: Iterable[str] | Transcribe = (), *, replies: Replies = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.model = SpeechModel(replies)
        self.conversations: list[list[Entry]] = []
        self.configured: list[Message] = []
        self.stopped_at: list[float] = []

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """A bearer token."""
        return request.headers.get("Authorization") == f"Bearer {self.api_key}"

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a conversation."""
        await _Session(self, connection, log).run()


class _Session:
    def __init__(self, server: OpenAiLiveServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._events = 0
        self._items: list[Entry] = []
        self._rate_hz, self._decode, self._encode = FORMATS["audio/pcm"]
        self._turn = Turn(server.script, 24_000)
        self._session: Message = {}
        self._text = ""  # being said
        self._pcm = b""  # its audio that has not been sent
        self._spoken_s = 0.0
        self._at_s = 0.0

    async def run(self) -> None:
        """Serve until it is closed."""
        while (data := await self._server.receive(self._connection, self._log, MAX_SESSION_S)) is not None:
            message = parsed(data) or {}
            self._log.messages.append({key: value for key, value in message.items() if key != "audio"})
            kind = message.get("type")
            if self._server.fault == "session-expired":
                await self._closed("expired")
                return
            if kind == "session.start" and not self._session:
                await self._start(message.get("session", {}))
            elif not self._session:
                await self._error("session_not_started", "Send session.start first.")
            elif kind == "session.input_audio.append":
                self._hear(b64decode(message["audio"]))
            elif kind in ("session.instructions.append", "session.commentary.append"):
                if "delegation_id" not in message:
                    await self._error("missing_required_parameter", "Missing required parameter: 'delegation_id'.")
                else:
                    self._say()
            elif kind == "session.close":
                await self._closed("close_requested")
                return
            else:
                await self._error("unknown_event", f"Unknown event type {kind!r}.")

    async def _start(self, session: Message) -> None:
        format_ = session.get("audio", {}).get("format", {"type": "audio/pcm", "rate": 24_000})
        name = format_.get("type")
        if not session.get("model") or name not in FORMATS or format_.get("rate") != FORMATS[name][0]:
            await self._error("invalid_value", "The model or session.audio.format is invalid.")
            return
        self._rate_hz, self._decode, self._encode = FORMATS[name]
        self._turn = Turn(self._server.script, self._rate_hz)
        self._session = session
        self._server.configured.append(session)
        self._server.conversations.append(self._items)
        await self._send("session.started", session=self._resource())
        self._server.spawn(self._speak())

    def _hear(self, data: bytes) -> None:
        self._log.audio += data
        self._turn.push(self._decode(data))

    def _say(self) -> None:
        (text,) = self._server.model.reply(self._items)
        self._text, self._spoken_s = str(text), 0.0
        self._pcm = speak(self._text, self._rate_hz)
        self._items.append(Entry("", "assistant", self._text))

    async def _speak(self) -> None:
        with suppress(ConnectionClosed):
            await self._stream()

    async def _stream(self) -> None:
        size = int(2 * self._rate_hz * FRAME_S)
        due = asyncio.get_running_loop().time()
        while True:
            await self._listen()
            if self._server.fault == "mute":
                return
            frame, self._pcm = self._pcm[:size].ljust(size, b"\0"), self._pcm[size:]
            if self._text:
                await self._transcript()
            delta = b64encode(self._encode(frame)).decode()
            await send(self._connection, {"type": "session.output_audio.delta", "delta": delta})
            self._at_s += FRAME_S
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    async def _listen(self) -> None:
        turn = self._turn
        speaks = turn.heard_speech and turn.silence_s == 0
        if self._pcm and speaks and turn.end_s - turn.loud_from_s >= STOP_AFTER_S:
            self._items[-1].audio_ms = round(1000 * self._spoken_s)
            self._text, self._pcm = "", b""
            self._server.stopped_at.append(monotonic())
        if turn.silence_s >= ANSWER_AFTER_S:
            self._turn = turn.following()
            text = " ".join(word.text for word in turn.finish())
            self._items.append(Entry("", "user", text))
            await self._delta("session.input_transcript.delta", text)
            self._say()

    async def _transcript(self) -> None:
        """The words whose audio begins in the frame."""
        first = round(1000 * self._spoken_s) / MS_PER_CHARACTER
        self._spoken_s += FRAME_S
        last = round(1000 * self._spoken_s) / MS_PER_CHARACTER
        for at in range(len(self._text)):
            begins = first <= at < last and (at == 0 or self._text[at - 1] == " ")
            if begins:
                await self._delta("session.output_transcript.delta", self._text[at:].split(" ")[0] + " ")
        if last >= len(self._text):
            self._text = ""

    async def _delta(self, kind: str, text: str) -> None:
        at_ms = round(1000 * self._at_s)
        await self._send(kind, delta=text, start_ms=at_ms, end_ms=at_ms + 200)

    async def _closed(self, reason: str) -> None:
        await self._send("session.closed", reason=reason, session=self._resource(), usage={"seconds": self._at_s})
        await self._connection.close()

    def _resource(self) -> Message:
        return {"id": "live_1", "expires_at": 0, "status": "active", **self._session}

    async def _error(self, code: str, why: str) -> None:
        await self._send("error", error={"type": "invalid_request_error", "code": code, "message": why})

    async def _send(self, kind: str, **fields: object) -> None:
        self._events += 1
        await send(self._connection, {"type": kind, "event_id": f"event_{self._events}", **fields})
