"""A response of OpenAI's Realtime API: its items, word by word, each word's transcript before its audio."""

import asyncio
import re
from base64 import b64encode
from contextlib import suppress
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.server import Message
from offhook.testing.vendors.speech_model import CallsTool, Entry, spoken_ms
from offhook.testing.vendors.tone_speech import speak

_WORD = re.compile(r"\s*\S+\s*")
_USAGE = {"total_tokens": 2, "input_tokens": 1, "output_tokens": 1}


class Conversation(Protocol):
    """What a response needs of its session."""

    server: Any
    items: list[Entry]
    output_format: str
    spoke: bool

    def new_id(self, kind: str) -> str:
        """An id that no other session has."""
        ...

    async def send(self, kind: str, **fields: object) -> None:
        """Send an event."""


class Reply:
    """One response, `over` when its last event has been sent."""

    def __init__(self, session: Conversation, response_id: str) -> None:
        self.id = response_id
        self.over = False
        self._session = session
        self._task: asyncio.Task[None] | None = None
        self._output: list[Message] = []
        self._open: tuple[Entry, int] | None = None  # the message that is being spoken, and its index

    async def begin(self) -> None:
        """Announce it, and speak in a task."""
        await self._session.send("response.created", response=self._about("in_progress"))
        self._task = self._session.server.spawn(self._run())

    async def cancel(self, reason: str) -> None:
        """End it at once. With the fault `audio-after-cancel` audio comes all the same."""
        if self._session.server.fault != "audio-after-cancel" and self._task is not None:
            self._task.cancel()
        await self._complete("cancelled", {"type": "cancelled", "reason": reason})

    async def _run(self) -> None:
        server = self._session.server
        with suppress(ConnectionClosed):
            if server.fault == "rate-limit":
                error = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Rate limit reached"}
                await self._complete("failed", {"type": "failed", "error": error})
                return
            await server.late()
            for index, part in enumerate(server.model.reply(self._session.items)):
                if isinstance(part, CallsTool):
                    await self._call(part, index)
                else:
                    await self._say(part, index)
            await self._complete("completed", None)

    async def _say(self, text: str, index: int) -> None:
        session = self._session
        item = Entry(session.new_id("item"), "assistant")
        self._open = (item, index)
        await self._add(item, {"type": "message", "role": "assistant", "content": []}, index)
        about: Message = {"item_id": item.id, "content_index": 0}
        await self._send("response.content_part.added", index, **about, part={"type": "audio", "transcript": ""})
        session.spoke = True
        for word in _WORD.findall(text):
            # The audio is in the conversation as soon as it has been made, which is before the client has it.
            item.text += word
            item.total_ms += spoken_ms(word)
            await self._send("response.output_audio_transcript.delta", index, **about, delta=word)
            await self._send("response.output_audio.delta", index, **about, delta=self._audio(word))
            if session.server.realtime_factor:
                await asyncio.sleep(spoken_ms(word) / 1000 / session.server.realtime_factor)
        self._open = None
        await self._end_item(item, index, "completed")

    def _audio(self, text: str) -> str:
        laws = {"audio/pcmu": PCMU, "audio/pcma": PCMA}
        law = laws.get(self._session.output_format)
        return b64encode(speak(text, 24_000) if law is None else law.encode(speak(text, 8_000))).decode()

    async def _call(self, tool: CallsTool, index: int) -> None:
        item = Entry(self._session.new_id("item"), "call", tool.arguments, self._session.new_id("call"))
        fields: Message = {"type": "function_call", "call_id": item.call_id, "name": tool.name}
        await self._add(item, fields | {"arguments": ""}, index)
        about: Message = {"item_id": item.id, "call_id": item.call_id}
        await self._send("response.function_call_arguments.delta", index, **about, delta=tool.arguments)
        done: Message = about | {"arguments": tool.arguments, "name": tool.name}
        await self._send("response.function_call_arguments.done", index, **done)
        await self._item_done(item, fields | {"arguments": tool.arguments, "status": "completed"}, index)

    async def _add(self, item: Entry, fields: Message, index: int) -> None:
        before = self._session.items[-1].id if self._session.items else None
        self._session.items.append(item)
        shown = {"id": item.id, "object": "realtime.item", "status": "in_progress", **fields}
        await self._send("response.output_item.added", index, item=shown)
        await self._session.send("conversation.item.added", item=shown, previous_item_id=before)

    async def _end_item(self, item: Entry, index: int, status: str) -> None:
        about: Message = {"item_id": item.id, "content_index": 0}
        await self._send("response.output_audio.done", index, **about)
        await self._send("response.output_audio_transcript.done", index, **about, transcript=item.text)
        part = {"type": "audio", "transcript": item.text}
        await self._send("response.content_part.done", index, **about, part=part)
        content = [{"type": "output_audio", "transcript": item.text}]
        fields: Message = {"type": "message", "role": "assistant", "status": status, "content": content}
        await self._item_done(item, fields, index)

    async def _item_done(self, item: Entry, fields: Message, index: int) -> None:
        shown = {"id": item.id, "object": "realtime.item", **fields}
        self._output.append(shown)
        await self._session.send("conversation.item.done", item=shown)
        await self._send("response.output_item.done", index, item=shown)

    async def _complete(self, status: str, details: Message | None) -> None:
        if self.over:
            return
        self.over = True
        if self._open is not None:
            (item, index), self._open = self._open, None
            await self._end_item(item, index, "incomplete")
        await self._session.send("response.done", response=self._about(status, details))
        limit = {"name": "tokens", "limit": 40_000, "remaining": 39_000, "reset_seconds": 1.5}
        await self._session.send("rate_limits.updated", rate_limits=[limit])

    def _about(self, status: str, details: Message | None = None) -> Message:
        about: Message = {"id": self.id, "object": "realtime.response", "status": status, "status_details": details}
        done = status != "in_progress"
        return about | {"output": self._output, "usage": _USAGE if done else None, "output_modalities": ["audio"]}

    async def _send(self, kind: str, index: int, **fields: object) -> None:
        await self._session.send(kind, response_id=self.id, output_index=index, **fields)
