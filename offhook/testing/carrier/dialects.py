"""Other carriers' messages: `Carrier` with theirs in place of Twilio's.

    call = await TelnyxCarrier.dial("ws://127.0.0.1:8080/telnyx/media")

docs/carriers.md lists what each carrier sends and understands; `PlainCarrier` is a user's own program.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from offhook.telephony.codec import PCMU
from offhook.telephony.resample import Resampler, Upsampler
from offhook.testing.carrier.call import Carrier

Message = dict[str, Any]


class TranslatingCarrier(Carrier):
    """Translates Twilio's messages to the carrier's, and the bot's to Twilio's."""

    def outgoing(self, message: Message) -> Message | bytes | None:
        """The carrier's message; None: there is none."""
        raise NotImplementedError

    def incoming(self, message: Message | bytes) -> Message:
        """The bot's message in Twilio's words; {}: there is none."""
        raise NotImplementedError

    async def send_raw(self, text: str | bytes) -> None:
        """Send one of Twilio's messages, translated; binary messages are sent as they are."""
        if isinstance(text, bytes):
            await super().send_raw(text)
            return
        message = self.outgoing(json.loads(text))
        if message is not None:
            await super().send_raw(message if isinstance(message, bytes) else json.dumps(message))

    def understand(self, data: str | bytes) -> Message:
        """Parse a message of the bot."""
        return self.incoming(data if isinstance(data, bytes) else json.loads(data))


class TelnyxCarrier(TranslatingCarrier):
    """Telnyx: other names, and no reliable order of messages."""

    def outgoing(self, message: Message) -> Message | bytes | None:
        """Names with underscores; the call is in `start`."""
        event = message["event"]
        if event == "connected":
            return {"event": "connected", "version": "1.0.0"}
        body: Message = {}
        if event == "start":
            start = message["start"]
            parameters = start["customParameters"]
            body["start"] = {
                "user_id": start["accountSid"],
                "call_control_id": start["callSid"],
                "from": parameters.get("from", ""),
                "to": parameters.get("to", ""),
                "custom_parameters": parameters,
                "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            }
        else:
            body[event] = message[event]
        return {"event": event, "sequence_number": message["sequenceNumber"], "stream_id": self.stream_sid, **body}

    def incoming(self, message: Message | bytes) -> Message:
        """The same except for the stream's name."""
        return _object(message)


class SignalwireCarrier(TranslatingCarrier):
    """SignalWire: as Twilio."""

    def outgoing(self, message: Message) -> Message | bytes | None:
        return message

    def incoming(self, message: Message | bytes) -> Message:
        return _object(message)


class PlivoCarrier(TranslatingCarrier):
    """Plivo: no `stop`; marks that are cleared do not come back."""

    def outgoing(self, message: Message) -> Message | bytes | None:
        """`playedStream` for `mark`; the call's end is the connection's."""
        event, number = message["event"], int(message.get("sequenceNumber", 0))
        if event == "start":
            start = message["start"]
            return {
                "event": "start",
                "sequenceNumber": number,
                "start": {
                    "callId": start["callSid"],
                    "streamId": self.stream_sid,
                    "accountId": start["accountSid"],
                    "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
                },
                "extra_headers": ";".join(f"{name}={value}" for name, value in start["customParameters"].items()),
            }
        named = {"event": event, "sequenceNumber": number, "streamId": self.stream_sid}
        if event == "mark":
            return named | {"event": "playedStream", "name": message["mark"]["name"]}
        return named | {event: message[event]} if event in ("media", "dtmf") else None

    def incoming(self, message: Message | bytes) -> Message:
        """`playAudio`, `checkpoint` and `clearAudio`."""
        found = _object(message)
        if found["event"] == "checkpoint":
            return {"event": "mark", "mark": {"name": found["name"]}}
        return found | {"event": {"playAudio": "media", "clearAudio": "clear"}[found["event"]]}


class VonageCarrier(TranslatingCarrier):
    """Vonage: audio is binary and linear, in frames of 20 ms; no `stop`."""

    rate_hz: ClassVar[int] = 8_000
    _converters: tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]] | None = None

    def outgoing(self, message: Message) -> Message | bytes | None:
        """Binary audio; `websocket:...` for the rest."""
        event = message["event"]
        if event == "start":
            headers: Mapping[str, str] = message["start"]["customParameters"]
            content = f"audio/l16;rate={self.rate_hz}"
            return {**headers, "event": "websocket:connected", "content-type": content, "uuid": self.call_sid}
        if event == "media":
            return self._to_rate(PCMU.decode(b64decode(message["media"]["payload"])))
        if event == "dtmf":
            return {"event": "websocket:dtmf", "digit": message["dtmf"]["digit"], "duration": 260}
        return {"event": "websocket:notify", "payload": {"mark": message["mark"]["name"]}} if event == "mark" else None

    def incoming(self, message: Message | bytes) -> Message:
        """Frames of exactly 20 ms; `notify` and `clear`."""
        if isinstance(message, bytes):
            if len(message) != 2 * self.rate_hz // 50:
                raise ValueError(f"a frame of {len(message)} bytes is not 20 ms")
            return _media(PCMU.encode(self._from_rate(message)))
        if message["action"] == "notify":
            return {"event": "mark", "mark": {"name": message["payload"]["mark"]}}
        return {"event": message["action"]}

    def _to_rate(self, pcm: bytes) -> bytes:
        return self._convert()[0](pcm)

    def _from_rate(self, pcm: bytes) -> bytes:
        return self._convert()[1](pcm)

    def _convert(self) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
        if self._converters is None:
            same: Callable[[bytes], bytes] = bytes
            wide = (Upsampler().push, Resampler(16_000, 8_000).push)
            self._converters = (same, same) if self.rate_hz == 8_000 else wide
        return self._converters


class WideVonageCarrier(VonageCarrier):
    """Vonage at 16 kHz."""

    rate_hz = 16_000


class PlainCarrier(TranslatingCarrier):
    """A user's own program: docs/stream-protocol.md."""

    def outgoing(self, message: Message) -> Message | bytes | None:
        """Binary audio; short messages for the rest."""
        event = message["event"]
        if event == "start":
            parameters = message["start"]["customParameters"]
            about = {"from": parameters.get("from", ""), "to": parameters.get("to", ""), "parameters": parameters}
            return {"event": "start", "call": self.call_sid, "encoding": "mulaw", "rate": 8000, **about}
        if event == "media":
            return b64decode(message["media"]["payload"])
        if event in ("dtmf", "mark"):
            return {"event": event, **message[event]}
        return {"event": "stop"} if event == "stop" else None

    async def type(self, line: str) -> None:
        """Type a line instead of speaking."""
        await Carrier.send_raw(self, json.dumps({"event": "text", "text": line}))

    def incoming(self, message: Message | bytes) -> Message:
        """Binary audio; `mark` and `clear`."""
        if isinstance(message, bytes):
            return _media(message)
        return {"event": "mark", "mark": message} if message["event"] == "mark" else message


def _media(payload: bytes) -> Message:
    return {"event": "media", "media": {"payload": b64encode(payload).decode()}}


def _object(message: Message | bytes) -> Message:
    if isinstance(message, bytes):
        raise ValueError("a binary message, and only text is understood")
    return message
