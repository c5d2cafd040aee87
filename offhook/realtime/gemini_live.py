"""A session of Gemini's Live API.

It has no items and no truncation: the model's conversation keeps what the caller did not hear, and a note says so.
"""

import asyncio
import json
import math
from base64 import b64decode
from collections.abc import Mapping
from itertools import count
from typing import Any

from offhook.api.turns import Said
from offhook.realtime import gemini_wire as wire
from offhook.realtime.audio_port import AudioPort, ModelAudio
from offhook.realtime.link import Receiver, Setup
from offhook.realtime.vendor_session import MAX_CALLER_TEXT_CHARS, VendorSession
from offhook.vendors.connection import Message, dicts_of
from offhook.vendors.target import Target

VENDOR = "Google"
BASE_URL = "wss://generativelanguage.googleapis.com"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
DEFAULT_MODEL = "gemini-3.8-live"
KEY_VARIABLE = "GEMINI_API_KEY"
AUDIO = ModelAudio(wire.IN_HZ, wire.OUT_HZ, laws=False)
MAX_SESSION_S = 540.0
"""Google ends a connection after about ten minutes; the session goes on in the next one."""

HEARD = "[The caller interrupted you, and heard only: {}]"
HEARD_NOTHING = "[The caller interrupted you before they heard anything of your last message.]"


_NUMBERS = count()  # of sessions


class GeminiLive(VendorSession):
    """A Link. `handle` resumes the session on another connection."""

    def __init__(self, base_url: str, api_key: str, setup: Setup, port: AudioPort, receiver: Receiver) -> None:
        url = base_url.rstrip("/")
        place = url if "/ws/" in url else url + PATH
        hint = f"Type: export {KEY_VARIABLE}=…"
        headers = (("x-goog-api-key", api_key),)
        where = Target("agent", "gemini-live", VENDOR, place, headers, hint)
        super().__init__(where, receiver)
        self.handle = ""
        self._port = port
        self._decides = setup.turn_detection == "vendor"
        self._history = () if setup.handle else setup.history
        self._going_away = False
        self._discards = False  # the rest of a model's turn that nobody wants
        self._number = next(_NUMBERS)
        self._turn = 0  # the model's turns are numbered, for they have no names
        self._said = False  # something of this one has come
        self._caller_turn = 0
        self._caller_text = ""
        self._active = False
        self._early: list[bytes] = []  # the caller's audio, until the start of their turn has been told
        self._waits_for_tool = False
        self._begin(wire.setup(setup, setup.handle))

    @property
    def age_s(self) -> float:
        """See Link."""
        return math.inf if self._going_away else super().age_s

    def send_audio(self, pcm: bytes) -> None:
        """See Link."""
        if self._decides or self._active:
            self._connection.send(wire.audio(pcm))
        else:
            self._early.append(pcm)

    def begin_turn(self) -> None:
        """See Link."""
        # What was heard of the last reply is told first, and the floor learns that at the same time.
        asyncio.get_running_loop().call_soon(self._start_activity)

    def _start_activity(self) -> None:
        if self._active or self._receiver is None:
            return
        self._active = True
        self._connection.send(wire.activity("activityStart"))
        for pcm in self._early:
            self._connection.send(wire.audio(pcm))
        self._early.clear()

    def end_turn(self) -> None:
        """See Link."""
        self._start_activity()
        self._active = False
        self.replying = True
        self._connection.send(wire.activity("activityEnd"))

    def drop_turn(self) -> None:
        """See Link."""
        self._early.clear()
        if self._active:
            # Their audio cannot be taken back: nobody hears what the model makes of it.
            self._active = False
            self._connection.send(wire.activity("activityEnd"))
            self.replying = self._discards = True

    def send_text(self, text: str) -> None:
        """See Link."""
        self._ask(text)

    def respond(self, instructions: str = "") -> None:
        """See Link."""
        if self._waits_for_tool and not instructions:
            self._waits_for_tool = False  # it answers a tool's result by itself
            self.replying = True
        else:
            self._ask(f"[{instructions or 'Go on.'}]")

    def stop(self) -> None:
        """See Link: the caller's next turn stops it; what comes until then is not wanted."""
        if self.replying:
            self._discards = True

    def played(self, item: str, played_ms: int | None, received_ms: int, text: str) -> None:
        """See Link."""
        if played_ms is not None:
            note = HEARD.format(text) if text else HEARD_NOTHING
            self._connection.send(wire.texts((Said("caller", note),), answer=False))

    def tool_result(self, call_id: str, name: str, output: str) -> None:
        """See Link."""
        self._waits_for_tool = True
        self._connection.send(wire.tool_output(call_id, name, output))

    def _ask(self, text: str) -> None:
        self.replying = True
        self._connection.send(wire.texts((Said("caller", text),), answer=True))

    # From the connection.

    def on_message(self, data: Message) -> None:
        """See vendors.connection."""
        fields, receiver = wire.fields_of(data), self._receiver
        if receiver is None:
            return
        if "setupComplete" in fields:
            if self._history:
                self._connection.send(wire.texts(self._history, answer=False))
            receiver.on_ready()
        if "sessionResumptionUpdate" in fields:
            update = fields["sessionResumptionUpdate"]
            self.handle = str(update.get("newHandle") or "") if update.get("resumable") else ""
        if "goAway" in fields:
            self._going_away = True
        if "toolCall" in fields:
            self._on_tool_call(fields["toolCall"], receiver)
        if "serverContent" in fields:
            self._on_content(fields["serverContent"], receiver)

    def _on_tool_call(self, call: Mapping[str, Any], receiver: Receiver) -> None:
        if self._discards:
            return
        self._end_item(receiver)  # what it has said before the call is complete
        self.replying = False  # until it has the result
        for function in dicts_of(call.get("functionCalls")):
            arguments = json.dumps(function.get("args") or {})
            receiver.on_tool_call(str(function["id"]), str(function["name"]), arguments)

    def _on_content(self, content: Mapping[str, Any], receiver: Receiver) -> None:
        more = str((content.get("inputTranscription") or {}).get("text") or "")
        self._caller_text = (self._caller_text + more)[:MAX_CALLER_TEXT_CHARS]
        if content.get("interrupted"):
            self._tell_caller_text(receiver)
            self._end_item(receiver)
            if self._decides:
                receiver.on_interrupted()
        self._on_speech(content, receiver)
        if content.get("generationComplete"):
            self._tell_caller_text(receiver)
            self._end_item(receiver)
        if content.get("turnComplete"):
            self._tell_caller_text(receiver)
            self._end_item(receiver)
            stopped, self._discards, self.replying = self._discards, False, False
            if not stopped:
                receiver.on_response_over()

    def _on_speech(self, content: Mapping[str, Any], receiver: Receiver) -> None:
        if self._discards:
            return
        text = str((content.get("outputTranscription") or {}).get("text") or "")
        parts = dicts_of((content.get("modelTurn") or {}).get("parts"))
        audio = [part["inlineData"]["data"] for part in parts if "inlineData" in part]
        if text or audio:
            self._said = self.replying = True
        if text:
            receiver.on_text(self._item, text)
        for data in audio:
            receiver.on_audio(self._item, self._port.to_line(b64decode(data)))

    @property
    def _item(self) -> str:
        return f"turn {self._number}/{self._turn}"

    def _end_item(self, receiver: Receiver) -> None:
        if not self._said:
            return
        rest = self._port.end_item()
        if rest and not self._discards:
            receiver.on_audio(self._item, rest)
        receiver.on_item_over(self._item)
        self._said = False
        self._turn += 1

    def _tell_caller_text(self, receiver: Receiver) -> None:
        text, self._caller_text = self._caller_text.strip(), ""
        if text:
            receiver.on_caller_text(self._caller_turn, text)
            self._caller_turn += 1
