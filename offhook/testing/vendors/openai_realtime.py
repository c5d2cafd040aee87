"""OpenAI's Realtime API: conversations by voice.

    async with OpenAiRealtimeServer(["what is my balance"], replies=["It is ten dollars."]) as server:
        agent = SpeechAgent("openai-realtime", base_url=server.url + "/v1", api_key=server.api_key)

The path is /v1/realtime?model=…; the key is a bearer token, and a wrong one is refused after the upgrade, by close code
3000. `conversations` has the items of every session as the model has them: what was truncated or deleted is gone.
Written after the types of OpenAI's client and "Realtime API" of its reference.
"""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.openai_reply import Reply
from offhook.testing.vendors.script import Transcribe, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send
from offhook.testing.vendors.speech_model import Entry, Replies, SpeechModel

PATH = "/v1/realtime"
MIN_COMMIT_MS = 100
MAX_SESSION_S = 3_600.0
DEFAULT_SILENCE_MS = 500

FORMATS: dict[str, tuple[int, Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "audio/pcmu": (8_000, PCMU.decode, PCMU.encode),
    "audio/pcma": (8_000, PCMA.decode, PCMA.encode),
    "audio/pcm": (24_000, bytes, bytes),
}
"""Rate, to PCM, from PCM."""


class OpenAiRealtimeServer(VendorServer):
    """See the module. `texts` are the caller's turns, as in Script; `errors` the codes of all errors that were sent.

    With the fault `rate-limit` every response fails, with `session-expired` the session ends at the next message.
    """

    paths = (PATH,)

    def __init__(self, texts: Iterable[str] | Transcribe = (), *, replies: Replies = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.model = SpeechModel(replies)
        self.conversations: list[list[Entry]] = []
        self.errors: list[tuple[str, str]] = []
        self.configured: list[Message] = []
        """The sessions' configurations, as they were last set."""

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """The key is checked after the upgrade."""
        return True

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a conversation."""
        await RealtimeSession(self, connection, log).run()


class RealtimeSession:
    """One connection."""

    def __init__(self, server: OpenAiRealtimeServer, connection: ServerConnection, log: SessionLog) -> None:
        self.server = server
        self.items: list[Entry] = []
        server.conversations.append(self.items)
        server.configured.append({})
        self.number = len(server.configured) - 1
        self.output_format = "audio/pcm"
        self._connection = connection
        self._log = log
        self._events = self._made = 0
        self._voice: str | None = None
        self.spoke = False
        self._detects: Message | None = None
        self._transcribes = False
        self._responses: dict[str, Reply] = {}
        self._turn_item: str | None = None
        self._set_input("audio/pcm")

    async def run(self) -> None:
        """Serve until it is closed."""
        assert self._connection.request is not None
        if self._connection.request.headers.get("Authorization") != f"Bearer {self.server.api_key}":
            await self.error("invalid_api_key", "Incorrect API key provided.")
            await self._connection.close(3000, "invalid_request_error.invalid_api_key")
            return
        await self.send("session.created", session=self._session())
        while (data := await self.server.receive(self._connection, self._log, MAX_SESSION_S)) is not None:
            if self.server.fault == "session-expired":
                break
            message = parsed(data)
            if message is None:
                await self.error("invalid_json", "The message is not a JSON object.")
                continue
            self._log.messages.append({key: value for key, value in message.items() if key != "audio"})
            await self._take(str(message.get("type")), message)
        await self.error("session_expired", "Your session hit the maximum duration of 60 minutes.")
        await self._connection.close(1001, "session_expired")

    def new_id(self, kind: str) -> str:
        """An id that no other session has."""
        self._made += 1
        return f"{kind}_{self.number}_{self._made}"

    async def send(self, kind: str, **fields: object) -> None:
        """Send an event."""
        self._events += 1
        await send(self._connection, {"type": kind, "event_id": f"event_{self.number}_{self._events}", **fields})

    async def error(self, code: str, why: str, event_id: object = None) -> None:
        """Send an error; the session goes on."""
        self.server.errors.append((code, why))
        error = {"type": "invalid_request_error", "code": code, "message": why, "param": None, "event_id": event_id}
        await self.send("error", error=error)

    async def _take(self, kind: str, message: Message) -> None:
        handlers = {
            "session.update": self._configure,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create,
            "conversation.item.delete": self._delete,
            "conversation.item.truncate": self._truncate,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }
        if kind in handlers:
            await handlers[kind](message)
        else:
            await self.error("invalid_value", f"Invalid value: {kind!r}.", message.get("event_id"))

    # The session.

    def _session(self) -> Message:
        return {"type": "realtime", "id": f"sess_{self.number}", "model": self._log.option("model")}

    async def _configure(self, message: Message) -> None:
        session = message.get("session", {})
        why = self._refuses(session)
        if why is not None:
            await self.error("invalid_value", why, message.get("event_id"))
            return
        audio = session.get("audio", {})
        taken, given = audio.get("input", {}), audio.get("output", {})
        if "format" in taken:
            self._set_input(taken["format"]["type"])
        self.output_format = given.get("format", {}).get("type", self.output_format)
        self._voice = given.get("voice", self._voice)
        if "turn_detection" in taken:
            self._detects = taken["turn_detection"]
        self._transcribes = bool(taken.get("transcription"))
        self.server.configured[self.number] = session
        await self.send("session.updated", session=self._session() | session)

    def _refuses(self, session: Message) -> str | None:
        audio = session.get("audio", {})
        if session.get("type") != "realtime":
            return "Missing required parameter: 'session.type'."
        for side in ("input", "output"):
            format_ = audio.get(side, {}).get("format", {"type": "audio/pcm", "rate": 24_000})
            if format_.get("type") not in FORMATS or (format_["type"] == "audio/pcm" and format_.get("rate") != 24_000):
                return f"Invalid value: 'session.audio.{side}.format'."
        detects = audio.get("input", {}).get("turn_detection")
        if detects is not None and detects.get("type") not in ("server_vad", "semantic_vad"):
            return "Invalid value: 'session.audio.input.turn_detection.type'."
        if self.spoke and audio.get("output", {}).get("voice", self._voice) != self._voice:
            return "Cannot update a conversation's voice if assistant audio is present."
        return None

    # The caller's audio.

    def _set_input(self, name: str) -> None:
        self._rate_hz, self._decode, _ = FORMATS[name]
        self._turn = Turn(self.server.script, self._rate_hz)

    async def _append(self, message: Message) -> None:
        try:
            data = b64decode(str(message.get("audio", "")), validate=True)
        except ValueError:
            await self.error("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.")
            return
        self._log.audio += data
        self._turn.push(self._decode(data))
        if self._detects is not None:
            await self._detect(self._detects)

    async def _detect(self, detects: Message) -> None:
        turn = self._turn
        if turn.heard_speech and self._turn_item is None:
            self._turn_item = self.new_id("item")
            at_ms = round(1000 * turn.loud_from_s)
            await self.send("input_audio_buffer.speech_started", item_id=self._turn_item, audio_start_ms=at_ms)
            active = self.active()
            if active is not None and detects.get("interrupt_response", True):
                await active.cancel("turn_detected")
        if turn.silence_s * 1000 >= detects.get("silence_duration_ms", DEFAULT_SILENCE_MS):
            ends = {"item_id": self._turn_item, "audio_end_ms": round(1000 * turn.end_s)}
            await self.send("input_audio_buffer.speech_stopped", **ends)
            await self._commit({})
            if detects.get("create_response", True):
                await self._respond({})

    async def _commit(self, message: Message) -> None:
        length_ms = 1000 * self._turn.seconds
        if length_ms < MIN_COMMIT_MS:
            has = f"Expected at least {MIN_COMMIT_MS}ms of audio, but buffer only has {length_ms:.2f}ms of audio."
            why = f"Error committing input audio buffer: buffer too small. {has}"
            await self.error("input_audio_buffer_commit_empty", why, message.get("event_id"))
            return
        item, self._turn_item = self._turn_item or self.new_id("item"), None
        turn, self._turn = self._turn, self._turn.following()
        before = self.items[-1].id if self.items else None
        text = " ".join(word.text for word in turn.finish())
        self.items.append(Entry(item, "user", text))
        await self.send("input_audio_buffer.committed", item_id=item, previous_item_id=before)
        content = [{"type": "input_audio", "transcript": None}]
        fields: Message = {"type": "message", "role": "user", "status": "completed", "content": content}
        await self.added(item, fields, before)
        if self._transcribes and self.server.fault != "no-final":
            self.server.spawn(self._transcribe(item, text, turn.seconds))

    async def _transcribe(self, item: str, text: str, seconds: float) -> None:
        about: Message = {"item_id": item, "content_index": 0}
        usage = {"type": "duration", "seconds": seconds}
        await self.server.late()
        await self.send("conversation.item.input_audio_transcription.delta", **about, delta=text)
        await self.send("conversation.item.input_audio_transcription.completed", **about, transcript=text, usage=usage)

    async def _clear(self, _message: Message) -> None:
        self._turn, self._turn_item = self._turn.following(), None
        await self.send("input_audio_buffer.cleared")

    # The conversation.

    async def added(self, item: str, fields: Message, before: str | None) -> None:
        """Announce an item that is complete."""
        item_fields = {"id": item, "object": "realtime.item", **fields}
        await self.send("conversation.item.added", item=item_fields, previous_item_id=before)
        await self.send("conversation.item.done", item=item_fields, previous_item_id=before)

    async def _create(self, message: Message) -> None:
        item = dict(message.get("item", {}))
        kind, role = item.get("type"), str(item.get("role", "tool"))
        wants = {"user": "input_text", "system": "input_text", "assistant": "output_text"}
        text = str(item.get("output", ""))
        if kind == "function_call_output":
            if not any(entry.call_id == item.get("call_id") for entry in self.items if entry.role == "call"):
                await self.error("invalid_value", f"Tool call ID {item.get('call_id')!r} not found in conversation.")
                return
        elif kind == "message" and role in wants:
            parts = item.get("content", [])
            if not all(part.get("type") == wants[role] for part in parts):
                await self.error("invalid_value", f"Invalid value: content of a {role}'s message is {wants[role]!r}.")
                return
            text = " ".join(str(part.get("text")) for part in parts)
        else:
            await self.error("invalid_value", f"Invalid value: {kind!r}.", message.get("event_id"))
            return
        before = self.items[-1].id if self.items else None
        name = str(item.pop("id", None) or self.new_id("item"))
        self.items.append(Entry(name, role, text, call_id=str(item.get("call_id", ""))))
        await self.added(name, item, before)

    async def _delete(self, message: Message) -> None:
        item = self._item(message)
        if item is None:
            why = f"Error deleting item: the item with id '{message.get('item_id')}' does not exist."
            await self.error("item_delete_invalid_item_id", why, message.get("event_id"))
            return
        self.items.remove(item)
        await self.send("conversation.item.deleted", item_id=item.id)

    async def _truncate(self, message: Message) -> None:
        item, end_ms = self._item(message), int(message.get("audio_end_ms", -1))
        event_id = message.get("event_id")
        if item is None:
            why = f"Error truncating item: the item with id '{message.get('item_id')}' does not exist."
            await self.error("item_truncate_invalid_item_id", why, event_id)
        elif item.role != "assistant":
            await self.error("invalid_value", "Only model output audio messages can be truncated.", event_id)
        elif not 0 <= end_ms <= item.total_ms:
            why = f"Audio content of {item.total_ms}ms is already shorter than {end_ms}ms"
            await self.error("invalid_value", why, event_id)
        else:
            item.audio_ms = item.total_ms = end_ms
            await self.send("conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=end_ms)

    def _item(self, message: Message) -> Entry | None:
        return next((item for item in self.items if item.id == message.get("item_id")), None)

    # Responses.

    def active(self) -> Reply | None:
        """The response in progress."""
        return next((reply for reply in self._responses.values() if not reply.over), None)

    async def _respond(self, message: Message) -> None:
        active = self.active()
        if active is not None:
            why = f"Conversation already has an active response in progress: {active.id}."
            await self.error("conversation_already_has_active_response", why, message.get("event_id"))
            return
        reply = Reply(self, self.new_id("resp"))
        self._responses = {reply.id: reply}
        await reply.begin()

    async def _cancel(self, message: Message) -> None:
        active = self.active()
        if active is None:
            why = "Cancellation failed: no active response found"
            await self.error("response_cancel_not_active", why, message.get("event_id"))
            return
        await active.cancel("client_cancelled")
