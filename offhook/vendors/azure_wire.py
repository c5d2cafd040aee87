"""The messages of Azure Speech on a WebSocket, in both directions. Pure but for the clock that stamps them.

A text message has header lines, an empty line and a body, mostly JSON. A binary one, which has audio, begins with the
length of its header lines in two bytes, big-endian. `Path` is the kind of message, `X-RequestId` the turn that it
belongs to. Written against the vendor's client for JavaScript, 1.50, and its "Speech Service WebSocket protocol".
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from offhook.vendors.g711 import Format
from offhook.vendors.word_times import finite

TICKS_PER_S = 10_000_000
"""Times are in units of 100 ns."""

MAX_AUDIO_BYTES = 8_192
"""Of one message."""

_WAVE_TAGS = {"LINEAR16": 1, "PCMA": 6, "PCMU": 7}  # of the format chunk of RIFF WAVE
_RIFF = struct.Struct("<4sI8sIHHIIHH4sI")
_HEADER_LENGTH = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message; the names of its headers are in lower case. `body` is text, or audio in a binary message."""

    headers: Mapping[str, str]
    body: str | bytes = ""

    @property
    def path(self) -> str:
        """What kind it is, in lower case."""
        return self.headers.get("path", "").lower()

    @property
    def request_id(self) -> str:
        """The turn that it belongs to."""
        return self.headers.get("x-requestid", "").lower()

    @property
    def audio(self) -> bytes:
        """The body of a binary message."""
        return self.body if isinstance(self.body, bytes) else b""

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body, if it is a JSON object; else empty."""
        try:
            found = json.loads(self.body) if isinstance(self.body, str) else {}
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def new_id() -> str:
    """A name for a request or a connection: a UUID without dashes."""
    return uuid4().hex


def text_message(path: str, request_id: str, body: str, content_type: str = "application/json") -> str:
    """A message with text."""
    return f"{_head(path, request_id)}Content-Type: {content_type}\r\n\r\n{body}"


def json_message(path: str, request_id: str, body: object) -> str:
    """A message with JSON."""
    return text_message(path, request_id, json.dumps(body))


def audio_message(request_id: str, audio: bytes, **headers: str) -> bytes:
    """A message with audio; without any it ends the turn. Further headers are given with underscores for dashes."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"{_head('audio', request_id)}{more}".encode("ascii")
    return _HEADER_LENGTH.pack(len(head)) + head + audio


def wave_message(request_id: str, form: Format) -> bytes:
    """What a turn's audio begins with."""
    return audio_message(request_id, wave_header(form), Content_Type="audio/x-wav")


def parse(message: str | bytes) -> WireMessage:
    """A message as it came; one that is malformed has an empty `path`."""
    if isinstance(message, str):
        head, _, body = message.partition("\r\n\r\n")
        return WireMessage(_headers(head), body)
    if len(message) < _HEADER_LENGTH.size:
        return WireMessage({})
    (length,) = _HEADER_LENGTH.unpack_from(message)
    start = _HEADER_LENGTH.size
    head = message[start : start + length].decode("latin-1")
    return WireMessage(_headers(head), bytes(message[start + length :]))


def wave_header(form: Format) -> bytes:
    """What a turn's audio begins with: the head of a RIFF WAVE file of unknown length."""
    tag, bits = _WAVE_TAGS[form.encoding], 8 * form.sample_bytes
    rates = (form.rate_hz, form.bytes_per_s, form.sample_bytes, bits)
    return _RIFF.pack(b"RIFF", 0, b"WAVEfmt ", 16, tag, 1, *rates, b"data", 0)


@dataclass(frozen=True, slots=True)
class WaveFormat:
    """What a header says: `channels` of samples of `bits` at `rate_hz`. `size`: where the audio begins."""

    tag: int
    channels: int
    rate_hz: int
    bits: int
    size: int = field(default=_RIFF.size)

    @property
    def encoding(self) -> str:
        """As in Format; "" if it is none of them."""
        wanted = 16 if self.tag == _WAVE_TAGS["LINEAR16"] else 8
        names = [name for name, tag in _WAVE_TAGS.items() if tag == self.tag and self.bits == wanted]
        return names[0] if names else ""


def read_wave_header(audio: bytes) -> WaveFormat | None:
    """The format of audio that begins with a header; None if it does not, or is cut within it."""
    if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        return None
    at, found = 12, None
    while at + 8 <= len(audio):
        name, (length,) = audio[at : at + 4], struct.unpack_from("<I", audio, at + 4)
        at += 8
        if name == b"data":
            return WaveFormat(*found, size=at) if found is not None else None
        if name == b"fmt " and at + 16 <= len(audio):
            tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", audio, at)
            found = (tag, channels, rate_hz, bits)
        at += length
    return None


def seconds_of(ticks: object) -> float:
    """A time of Azure's; 0 for what is none."""
    return finite(ticks) / TICKS_PER_S


def timestamp() -> str:
    """Now, as `X-Timestamp` has it."""
    return f"{datetime.now(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _head(path: str, request_id: str) -> str:
    return f"Path: {path}\r\nX-RequestId: {request_id}\r\nX-Timestamp: {timestamp()}\r\n"


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
