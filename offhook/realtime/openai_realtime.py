"""A session of OpenAI's Realtime API."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from offhook.api.turns import Said
from offhook.pipeline.errors import EngineError
from offhook.realtime import openai_wire as wire
from offhook.realtime.audio_port import AudioPort, ModelAudio
from offhook.realtime.link import Receiver, Setup
from offhook.realtime.vendor_session import MAX_CALLER_TEXT_CHARS, VendorSession
from offhook.vendors.connection import Message, dicts_of, fields_of
from offhook.vendors.errors import VendorRefusedError, plain
from offhook.vendors.target import Target

VENDOR = "OpenAI"
BASE_URL = "wss://api.openai.com/v1"
DEFAULT_MODEL = "gpt-realtime-2.1"
KEY_VARIABLE = "OPENAI_API_KEY"
AUDIO = ModelAudio(24_000, 24_000, laws=True)
MAX_SESSION_S = 3_300.0
"""OpenAI ends a session after 60 minutes: it is renewed before that."""

_RACES = ("response_cancel_not_active", "input_audio_buffer_commit_empty")
"""What two sides that act at the same time cannot avoid, and what is therefore no fault."""


def target(url: str, api_key: str, name: str = "openai-realtime") -> Target:
    """The address with the key."""
    headers = (("Authorization", f"Bearer {api_key}"),)
    return Target("agent", name, VENDOR, url, headers, f"Type: export {KEY_VARIABLE}=…")


class OpenAiRealtime(VendorSession):
    """A Link. Responses are asked for one at a time; what is asked meanwhile waits."""

    def __init__(self, base_url: str, api_key: str, setup: Setup, port: AudioPort, receiver: Receiver) -> None:
        url = f"{base_url.rstrip('/')}/realtime?{urlencode({'model': setup.model})}"
        super().__init__(target(url, api_key), receiver)
        self._port = port
        self._decides = setup.turn_detection == "vendor"
        self._wanted: str | None = None  # instructions of the response that is asked for next
        self._asked = 0
        self._response = ""  # the one in progress; its audio is wanted
        self._stopped: set[str] = set()  # responses of which nothing more is wanted
        self._items: dict[str, str] = {}  # item: its response
        self._played: set[str] = set()  # items of stopped responses that stay in part, or are gone already
        self._turns: dict[str, int] = {}  # the caller's item: which turn
        self._audio_since_commit = False
        configure = wire.message("session.update", session=wire.session(setup, port.law))
        self._begin(configure, *map(wire.said, setup.history))

    def send_audio(self, pcm: bytes) -> None:
        """See Link."""
        self._audio_since_commit = True
        self._connection.send(wire.append(pcm))

    def begin_turn(self) -> None:
        """See Link."""
        self._audio_since_commit = False

    def end_turn(self) -> None:
        """See Link."""
        if self._audio_since_commit:
            self._connection.send(wire.message("input_audio_buffer.commit"))
            self._audio_since_commit = False
        self.respond()

    def drop_turn(self) -> None:
        """See Link."""
        self._connection.send(wire.message("input_audio_buffer.clear"))
        self._audio_since_commit = False

    def send_text(self, text: str) -> None:
        """See Link."""
        self._connection.send(wire.said(Said("caller", text)))
        self.respond()

    def respond(self, instructions: str = "") -> None:
        """See Link."""
        if self.replying:
            self._wanted = instructions
            return
        self.replying, self._wanted = True, None
        self._asked += 1
        self._connection.send(wire.respond(instructions, f"ask_{self._asked}"))

    def stop(self) -> None:
        """See Link."""
        self._wanted = None
        if not self.replying:
            return
        if self._response in self._stopped:
            return
        self._stopped.add(self._response)  # "": the one that is about to be created
        about = {"response_id": self._response} if self._response else {}
        self._connection.send(wire.message("response.cancel", **about))

    def played(self, item: str, played_ms: int | None, received_ms: int, text: str) -> None:
        """See Link."""
        self._played.add(item)
        response = self._items.pop(item, None)
        if played_ms is None:
            return
        if played_ms <= 0:
            self._connection.send(wire.delete(item))
        elif played_ms < received_ms or response in self._stopped:
            self._connection.send(wire.truncate(item, played_ms))

    def tool_result(self, call_id: str, name: str, output: str) -> None:
        """See Link."""
        self._connection.send(wire.tool_output(call_id, output))

    # From the connection.

    def on_message(self, data: Message) -> None:
        """See vendors.connection."""
        event, receiver = fields_of(data), self._receiver
        if receiver is None:
            return
        handle = _HANDLERS.get(str(event.get("type")))
        if handle is not None:
            handle(self, event, receiver)

    def _on_updated(self, _event: Mapping[str, Any], receiver: Receiver) -> None:
        receiver.on_ready()

    def _on_created(self, event: Mapping[str, Any], _receiver: Receiver) -> None:
        self._response = str(event["response"]["id"])
        self.replying = True
        if "" in self._stopped:
            self._stopped.discard("")
            self._stopped.add(self._response)

    def _on_item(self, event: Mapping[str, Any], _receiver: Receiver) -> None:
        self._items[str(event["item"]["id"])] = str(event["response_id"])

    def _on_audio(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        if event["response_id"] not in self._stopped:
            receiver.on_audio(str(event["item_id"]), self._port.to_line(b64decode(event["delta"])))

    def _on_text(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        if event["response_id"] not in self._stopped:
            receiver.on_text(str(event["item_id"]), str(event["delta"]))

    def _on_item_over(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        item = event["item"]
        if event["response_id"] in self._stopped:
            return
        if item.get("type") == "function_call":
            if item.get("status") == "completed":
                receiver.on_tool_call(str(item["call_id"]), str(item["name"]), str(item["arguments"]))
            return
        rest = self._port.end_item()
        if rest:
            receiver.on_audio(str(item["id"]), rest)
        receiver.on_item_over(str(item["id"]))

    def _on_done(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        response = event["response"]
        name = str(response.get("id"))
        if name in self._stopped:
            for item in dicts_of(response.get("output")):
                if item.get("type") == "message" and item.get("id") not in self._played:
                    self._connection.send(wire.delete(str(item["id"])))
        self._played.clear()
        self.replying, self._response = False, ""
        if response.get("status") == "failed":
            error = (response.get("status_details") or {}).get("error") or {}
            receiver.on_response_failed(self._error("answering", error))
            return
        if self._wanted is not None:
            self.respond(self._wanted)
        else:
            receiver.on_response_over(wire.usage(response))

    def _on_committed(self, event: Mapping[str, Any], _receiver: Receiver) -> None:
        self._turns[str(event["item_id"])] = len(self._turns)

    def _on_caller_text(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        turn = self._turns.get(str(event["item_id"]))
        text = str(event.get("transcript") or "").strip()[:MAX_CALLER_TEXT_CHARS]
        if turn is not None and text:
            receiver.on_caller_text(turn, text)

    def _on_caller_speaks(self, _event: Mapping[str, Any], receiver: Receiver) -> None:
        receiver.on_caller_speech(True)
        if self._decides:
            if self._response:
                self._stopped.add(self._response)  # the vendor has done so
            receiver.on_interrupted()

    def _on_caller_stopped(self, _event: Mapping[str, Any], receiver: Receiver) -> None:
        self._audio_since_commit = False  # the vendor commits by itself
        receiver.on_caller_speech(False)

    def _on_error(self, event: Mapping[str, Any], receiver: Receiver) -> None:
        error = event.get("error") or {}
        code = error.get("code")
        if code in _RACES:
            return
        if error.get("event_id") == f"ask_{self._asked}":
            self.replying = False
        if code == "invalid_api_key":
            why = f"{VENDOR} refused the key ({plain(self._target, str(error.get('message')))})"
            refused = VendorRefusedError(self._target.name, f"connecting to {VENDOR}", why, self._target.hint)
            self._connection.fail(refused)
            return
        receiver.on_response_failed(self._error(f"talking to {VENDOR}", error))

    def _error(self, what: str, error: Mapping[str, Any]) -> EngineError:
        code, words = error.get("code") or error.get("type"), str(error.get("message") or "no reason given")
        hint = "Raise the account's limit, or take fewer calls." if code == "rate_limit_exceeded" else ""
        return EngineError(self._target.name, what, plain(self._target, f"{VENDOR} says: {words} ({code})"), hint)


_HANDLERS = {
    "session.updated": OpenAiRealtime._on_updated,
    "response.created": OpenAiRealtime._on_created,
    "response.output_item.added": OpenAiRealtime._on_item,
    "response.output_audio.delta": OpenAiRealtime._on_audio,
    "response.output_audio_transcript.delta": OpenAiRealtime._on_text,
    "response.output_item.done": OpenAiRealtime._on_item_over,
    "response.done": OpenAiRealtime._on_done,
    "input_audio_buffer.committed": OpenAiRealtime._on_committed,
    "conversation.item.input_audio_transcription.completed": OpenAiRealtime._on_caller_text,
    "input_audio_buffer.speech_started": OpenAiRealtime._on_caller_speaks,
    "input_audio_buffer.speech_stopped": OpenAiRealtime._on_caller_stopped,
    "error": OpenAiRealtime._on_error,
}
