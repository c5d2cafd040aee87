"""Gemini's Live API: conversations by voice.

    async with GeminiLiveServer(["what is my balance"], replies=["It is ten dollars."]) as server:
        agent = SpeechAgent("gemini-live", base_url=server.url, api_key=server.api_key)

The key is the header x-goog-api-key, or `key` in the query. `conversations` has what the model has, notes included: it
keeps what was never heard. `interruptions` counts the replies that a caller's turn has cut off. Written after the types
of Google's client and "Live API" of its reference.
"""

import asyncio
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from offhook.testing.vendors.script import Transcribe, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed
from offhook.testing.vendors.speech_model import CallsTool, Entry, Replies, SpeechModel, spoken_ms
from offhook.testing.vendors.tone_speech import speak

PATH = "/ws/google.ai.generativelanguage"
IN_HZ, OUT_HZ = 16_000, 24_000
MAX_CONNECTION_S = 600.0
SILENCE_S = 0.5

_WORD = re.compile(r"\s*\S+\s*")
_STANDARD = str.maketrans("-_", "+/")


class GeminiLiveServer(VendorServer):
    """See the module. With the fault `session-expired` a connection gets a goAway, and is closed."""

    paths = (PATH,)

    def __init__(self, texts: Iterable[str] | Transcribe = (), *, replies: Replies = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.model = SpeechModel(replies)
        self.conversations: list[list[Entry]] = []
        self.setups: list[Message] = []
        self.handles: dict[str, list[Entry]] = {}
        self.interruptions = 0

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By header or query."""
        return self.api_key in (request.headers.get("x-goog-api-key"), *query.get("key", []))

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a conversation."""
        await _Session(self, connection, log).run()


class _Refused(Exception):
    """What the vendor answers with a close frame."""


class _Session:
    def __init__(self, server: GeminiLiveServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._items: list[Entry] = []
        self._manual = False
        self._active = False
        self._turn = Turn(server.script, IN_HZ)
        self._reply: asyncio.Task[None] | None = None
        self._calls: dict[str, CallsTool] = {}

    async def run(self) -> None:
        """Serve until it is closed."""
        try:
            await self._set_up()
            while (data := await self._server.receive(self._connection, self._log, MAX_CONNECTION_S)) is not None:
                if self._server.fault == "session-expired":
                    break
                message = _camel(parsed(data) or {})
                self._log.messages.append(_without_audio(message))
                await self._take(message)
        except _Refused as why:
            await self._connection.close(1007, str(why))
            return
        await self._send(goAway={"timeLeft": "0s"})
        await self._connection.close(1011, "The connection has reached its limit.")

    async def _set_up(self) -> None:
        data = await self._server.receive(self._connection, self._log, MAX_CONNECTION_S)
        setup = _camel(parsed(data or "") or {}).get("setup")
        if not setup or not str(setup.get("model", "")).startswith(("models/", "publishers/")):
            raise _Refused("The first message must be a setup with a model.")
        self._server.setups.append(setup)
        if setup.get("generationConfig", {}).get("responseModalities") != ["AUDIO"]:
            raise _Refused("This model only supports audio output.")
        handle = setup.get("sessionResumption", {}).get("handle")
        if handle:
            if handle not in self._server.handles:
                raise _Refused("Invalid session handle.")
            self._items = self._server.handles[handle]
        self._server.conversations.append(self._items)
        detection = setup.get("realtimeInputConfig", {}).get("automaticActivityDetection", {})
        self._manual = bool(detection.get("disabled"))
        await self._send(setupComplete={})
        if "sessionResumption" in setup:
            await self._resumable()

    async def _resumable(self) -> None:
        handle = f"handle-{len(self._server.handles)}"
        self._server.handles[handle] = self._items
        await self._send(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    async def _take(self, message: Message) -> None:
        if "realtimeInput" in message:
            await self._realtime(message["realtimeInput"])
        elif "clientContent" in message:
            await self._content(message["clientContent"])
        elif "toolResponse" in message:
            await self._tool_response(message["toolResponse"])
        else:
            raise _Refused(f"Unknown name {next(iter(message), '')!r}")

    async def _realtime(self, given: Message) -> None:
        if "activityStart" in given or "activityEnd" in given:
            if not self._manual:
                raise _Refused("Explicit activity control is not supported when automatic detection is enabled.")
            if "activityStart" in given:
                self._active, self._turn = True, self._turn.following()
                await self._interrupt()
            elif self._active:
                self._active = False
                await self._over()
        elif "audio" in given:
            if given["audio"].get("mimeType") != f"audio/pcm;rate={IN_HZ}":
                raise _Refused("Unsupported audio format.")
            # Both alphabets of RFC 4648 are taken, as in all of protobuf's JSON.
            await self._hear(b64decode(given["audio"]["data"].translate(_STANDARD)))

    async def _hear(self, pcm: bytes) -> None:
        self._log.audio += pcm
        if self._manual and not self._active:
            self._server.violations.append("audio came outside of an activity")
        heard = self._turn.heard_speech
        self._turn.push(pcm)
        if self._manual:
            return
        if self._turn.heard_speech and not heard:
            await self._interrupt()
        if self._turn.silence_s >= SILENCE_S:
            await self._over()

    async def _over(self) -> None:
        turn, self._turn = self._turn, self._turn.following()
        text = " ".join(word.text for word in turn.finish())
        self._items.append(Entry("", "user", text))
        if text:
            await self._send(serverContent={"inputTranscription": {"text": text}})
        self._answer()

    async def _content(self, given: Message) -> None:
        for turn in given.get("turns", []):
            if turn.get("role") not in ("user", "model"):
                raise _Refused("Please use a valid role: user, model.")
            role = "assistant" if turn["role"] == "model" else "user"
            self._items.append(Entry("", role, " ".join(part["text"] for part in turn["parts"])))
        await self._interrupt()
        if given.get("turnComplete"):
            self._answer()

    async def _tool_response(self, given: Message) -> None:
        for response in given.get("functionResponses", []):
            if self._calls.pop(str(response.get("id")), None) is None:
                raise _Refused("Function response id does not match any function call.")
            self._items.append(Entry("", "tool", str(response["response"].get("output"))))
        if not self._calls:
            self._answer()

    async def _interrupt(self) -> None:
        reply, self._reply = self._reply, None
        if reply is None or reply.done():
            return
        self._server.interruptions += 1
        if self._server.fault != "audio-after-cancel":
            reply.cancel()
        if self._calls:
            await self._send(toolCallCancellation={"ids": list(self._calls)})
            self._calls.clear()
        await self._send(serverContent={"interrupted": True})
        await self._send(serverContent={"turnComplete": True})

    def _answer(self) -> None:
        self._reply = self._server.spawn(self._speak())

    async def _speak(self) -> None:
        with suppress(ConnectionClosed):
            await self._server.late()
            for part in self._server.model.reply(self._items):
                if isinstance(part, CallsTool):
                    name = f"call-{len(self._items)}"
                    self._calls[name] = part
                    self._items.append(Entry("", "call", part.arguments))
                    call = {"id": name, "name": part.name, "args": json.loads(part.arguments)}
                    await self._send(toolCall={"functionCalls": [call]})
                    return
                await self._say(part)
            await self._send(serverContent={"generationComplete": True})
            await self._send(serverContent={"turnComplete": True})
            await self._resumable()

    async def _say(self, text: str) -> None:
        item = Entry("", "assistant")
        self._items.append(item)
        for word in _WORD.findall(text):
            item.text += word
            data = b64encode(speak(word, OUT_HZ)).decode()
            await self._send(serverContent={"outputTranscription": {"text": word}})
            part = {"inlineData": {"mimeType": f"audio/pcm;rate={OUT_HZ}", "data": data}}
            await self._send(serverContent={"modelTurn": {"parts": [part]}})
            if self._server.realtime_factor:
                await asyncio.sleep(spoken_ms(word) / 1000 / self._server.realtime_factor)

    async def _send(self, **fields: object) -> None:
        # As the vendor does: JSON in binary messages.
        await self._connection.send(json.dumps(fields).encode())


def _camel(value: Any) -> Any:
    """Both spellings of a name are taken, as in all of protobuf's JSON. What functions take and give stays as it is."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = ("args", "response", "parametersJsonSchema")
    names = {name: re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in value}
    return {names[name]: each if names[name] in kept else _camel(each) for name, each in value.items()}


def _without_audio(message: Message) -> Message:
    given = message.get("realtimeInput", {})
    if "audio" not in given:
        return message
    return {"realtimeInput": given | {"audio": given["audio"] | {"data": ""}}}
