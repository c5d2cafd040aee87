"""A session of OpenAI's Live API: the model listens while it speaks, and decides alone when to talk.

The protocol has no turns, no truncation and no cancellation. What the caller hears is what the model thinks they hear
only while the line is not behind: of the model's audio, silence is dropped, so that the line never lags.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from itertools import count
from typing import Any

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.rates import NARROW_HZ
from offhook.realtime import openai_wire as wire
from offhook.realtime.audio_port import LAWS, AudioPort, ModelAudio
from offhook.realtime.link import Receiver, Setup
from offhook.realtime.openai_realtime import VENDOR, target
from offhook.realtime.vendor_session import MAX_CALLER_TEXT_CHARS, VendorSession
from offhook.telephony.pcm import audioop
from offhook.vendors.connection import Message, fields_of
from offhook.vendors.errors import plain

BASE_URL = "wss://api.openai.com/v1"
DEFAULT_MODEL = "gpt-live-1.1"
AUDIO = ModelAudio(24_000, 24_000, laws=True)
MAX_SESSION_S = 3_300.0
MAX_HISTORY = 128
SILENT_RMS = 60
"""Below this the model is silent: about -55 dB."""

NO_TASKS = "Nothing but talking can be done on this call."

LEAD_S = 0.04
"""A stretch of its speech is played behind so much of it: audio that comes in real time is late now and then, and the
caller would hear each time."""

MAX_LEAD_MS = 60.0
"""The lead, and a message of 20 ms: with more of its audio to be sent the line is behind."""

STALLS_S, MUTE_S = 0.8, 2.5
"""Its audio comes every 20 ms: without any for so long the caller may be waiting, and the session is lost."""

END_AFTER_S = 0.3
"""The model has stopped speaking when no audible audio has come for so long."""

ENDED_AFTER_S = 0.04
"""As END_AFTER_S, of a sentence that is complete, when the session is lost behind it."""

_NUMBERS = count()  # of sessions


class OpenAiLive(VendorSession):
    """A Link. Each stretch of speech between two silences is an item."""

    def __init__(self, base_url: str, api_key: str, setup: Setup, port: AudioPort, receiver: Receiver) -> None:
        place = target(f"{base_url.rstrip('/')}/live/sessions", api_key, "openai-live")
        super().__init__(place, receiver)
        self._port = port
        self._number = next(_NUMBERS)
        self._spoken = 0  # stretches so far
        self._speaks = False
        self._paused_s = 0.0  # its silence since its last sound
        self._stretch_s = 0.0  # of audio that has come since it began to speak
        self._held = b""  # the beginning of that, in the line's encoding, until it is LEAD_S
        self._words = ""  # the latest piece of its transcript
        self._quiet: asyncio.TimerHandle | None = None
        self._mute: asyncio.TimerHandle | None = None
        self._caller_text = ""
        self._caller_turn = 0
        self._begin(wire.message("session.start", session=_session(setup, port.law)))

    def send_audio(self, pcm: bytes) -> None:
        """See Link."""
        self._send("session.input_audio.append", audio=b64encode(pcm).decode())

    def begin_turn(self) -> None:
        """See Link: the vendor decides about turns."""

    def end_turn(self) -> None:
        """See Link: the vendor decides about turns."""

    def drop_turn(self) -> None:
        """See Link: the vendor decides about turns."""

    def send_text(self, text: str) -> None:
        """See Link."""
        self.respond(text)

    def respond(self, instructions: str = "") -> None:
        """See Link."""
        if instructions:
            self._send("session.instructions.append", content=instructions, delegation_id=None)

    def stop(self) -> None:
        """See Link: only the model can stop itself."""

    def played(self, item: str, played_ms: int | None, received_ms: int, text: str) -> None:
        """See Link: the model cannot be told."""

    def tool_result(self, call_id: str, name: str, output: str) -> None:
        """See Link: the model calls no tools."""

    def close(self) -> None:
        """See Link."""
        self._receiver = None
        self._stop_timers()
        self._connection.close(wire.message("session.close"))

    def _send(self, kind: str, **fields: object) -> None:
        self._connection.send(wire.message(kind, **fields))

    # From the connection.

    def on_lost(self, error: EngineError) -> None:
        """See vendors.connection."""
        self._stop_timers()
        whole = self._words.rstrip().endswith((".", "!", "?", "…", "。"))
        if self._speaks and whole and self._paused_s >= ENDED_AFTER_S:
            self._on_quiet()
        super().on_lost(error)

    def on_message(self, data: Message) -> None:
        """See vendors.connection."""
        event, receiver = fields_of(data), self._receiver
        if receiver is None:
            return
        if event.get("type") in ("session.started", "session.output_audio.delta"):
            self._expect_audio()
        match event.get("type"):
            case "session.started":
                receiver.on_ready()
            case "session.output_audio.delta":
                self._on_audio(b64decode(event["delta"]), receiver)
            case "session.output_transcript.delta":
                self._tell_caller_text(receiver)
                self._words = str(event["delta"])
                receiver.on_text(self._item, self._words)
            case "session.input_transcript.delta":
                self._caller_text = (self._caller_text + str(event["delta"]))[:MAX_CALLER_TEXT_CHARS]
            case "session.delegation.created":
                self._send("session.commentary.append", content=NO_TASKS, delegation_id=event["delegation"]["id"])
            case "session.closed":
                why = f"it ended the session ({plain(self._target, str(event.get('reason')))})"
                self._connection.fail(EngineError(self._target.name, f"talking to {VENDOR}", why))
            case "error":
                receiver.on_response_failed(self._error(event.get("error") or {}))

    def _expect_audio(self) -> None:
        """Its audio comes all the time, silence included: a session without any is as good as lost."""
        if self._mute is not None:
            self._mute.cancel()
        self.stalls = False
        self._mute = asyncio.get_running_loop().call_later(STALLS_S, self._on_stall)

    def _on_stall(self) -> None:
        self.stalls = True
        self._mute = asyncio.get_running_loop().call_later(MUTE_S - STALLS_S, self._on_mute)

    def _on_mute(self) -> None:
        error = EngineTimeout(self._target.name, f"talking to {VENDOR}", f"no audio has come for {MUTE_S:g} s")
        self._connection.fail(error)

    def _stop_timers(self) -> None:
        for timer in (self._quiet, self._mute):
            if timer is not None:
                timer.cancel()

    def _on_audio(self, audio: bytes, receiver: Receiver) -> None:
        length_s = len(self._pcm(audio)) / 2 / (NARROW_HZ if self._port.law else AUDIO.out_hz)
        if audioop.rms(self._pcm(audio), 2) < SILENT_RMS:
            self._paused_s += length_s
            # A pause between words stays, unless the line is behind; longer silence is not sent at all.
            if self._speaks and receiver.behind_ms <= MAX_LEAD_MS:
                self._play(audio, length_s, receiver)
            return
        self._speaks = self.replying = True
        self._paused_s = 0.0
        self._play(audio, length_s, receiver)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(length_s + END_AFTER_S, self._on_quiet)

    def _play(self, audio: bytes, length_s: float, receiver: Receiver) -> None:
        self._held += self._port.to_line(audio)
        self._stretch_s += length_s
        if self._stretch_s > LEAD_S:
            self._play_held(receiver)

    def _play_held(self, receiver: Receiver) -> None:
        held, self._held = self._held, b""
        if held:
            receiver.on_audio(self._item, held)

    def _pcm(self, audio: bytes) -> bytes:
        law = LAWS.get(self._port.law)
        return audio if law is None else law.decode(audio)

    def _on_quiet(self) -> None:
        receiver = self._receiver
        self._speaks = self.replying = False
        self._stretch_s = 0.0
        if receiver is not None:
            self._play_held(receiver)
            receiver.on_item_over(self._item)
            self._spoken += 1
            receiver.on_response_over()

    @property
    def _item(self) -> str:
        return f"speech {self._number}/{self._spoken}"

    def _tell_caller_text(self, receiver: Receiver) -> None:
        text, self._caller_text = self._caller_text.strip(), ""
        if text:
            receiver.on_caller_text(self._caller_turn, text)
            self._caller_turn += 1

    def _error(self, error: Mapping[str, Any]) -> EngineError:
        words = f"{VENDOR} says: {error.get('message')} ({error.get('code')})"
        return EngineError(self._target.name, f"talking to {VENDOR}", plain(self._target, words))


def _session(setup: Setup, law: str) -> dict[str, Any]:
    audio: dict[str, Any] = {"format": wire.audio_format(law) | ({"rate": 8_000} if law else {})}
    if setup.voice:
        audio["output"] = {"voice": setup.voice}
    fields: dict[str, Any] = {"model": setup.model, "instructions": setup.instructions, "audio": audio}
    if setup.history:
        fields["input"] = [wire.said_item(line) for line in setup.history[-MAX_HISTORY:]]
    return wire.merged(fields, setup.options or {})
