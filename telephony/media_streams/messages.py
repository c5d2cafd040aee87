"""The messages of a media stream, both directions: JSON texts, one event each.

Source: Twilio's "Media Streams - WebSocket Messages". Numbers travel as strings ("chunk":"3"); plain numbers
are accepted, too, and a number in place of a string is read as one.

Only what is needed is required: a start must name its call and its audio, media must have a payload. Anything else odd
is left out: an unknown key, a new event, an invalid DTMF digit, a malformed count. Such a message is `Unknown`, or
lacks the odd field; it never ends a call.
"""

import json
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, ValidationError

from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits

Count = Annotated[int, Meta(ge=0, le=2**53)]
Sid = Annotated[str, Meta(min_length=1, max_length=limits.SID_CHARS)]
"""The carrier's name for a call or a stream. It is opaque: any printable characters (`parse` looks at them)."""
StreamSid = Annotated[str, Meta(max_length=limits.SID_CHARS)]
Text = Annotated[str, Meta(max_length=limits.PARAMETER_CHARS)]


class MediaFormat(Struct, frozen=True, rename="camel"):
    """The audio format; only mu-law at 8 kHz, mono, exists."""

    encoding: Text = "audio/x-mulaw"
    sample_rate: Count = 8_000
    channels: Count = 1


class StartDetails(Struct, frozen=True, rename="camel"):
    """The stream's call."""

    call_sid: Sid
    stream_sid: Sid | None = None
    account_sid: Text = ""
    tracks: Annotated[tuple[Text, ...], Meta(max_length=4)] = ()
    media_format: MediaFormat = MediaFormat()
    custom_parameters: Annotated[dict[Text, Text], Meta(max_length=limits.PARAMETERS)] = {}


class MediaDetails(Struct, frozen=True, gc=False):
    """A piece of audio. `timestamp` is in ms from the stream's beginning, `chunk` counts the pieces."""

    payload: Annotated[bytes, Meta(max_length=limits.PAYLOAD_OCTETS)]
    chunk: Count | None = None
    timestamp: Count | None = None
    track: Text = "inbound"


class DtmfDetails(Struct, frozen=True):
    """A DTMF digit."""

    digit: Annotated[str, Meta(pattern=r"^[0-9*#A-D]\Z")]
    track: Text = ""


class MarkDetails(Struct, frozen=True):
    """A mark's name."""

    name: Annotated[str, Meta(max_length=limits.MARK_CHARS)]


class Connected(Struct, frozen=True, tag_field="event", tag="connected"):
    """The first message."""

    protocol: Text = ""
    version: Text = ""


class Start(Struct, frozen=True, rename="camel", tag_field="event", tag="start"):
    """The second message: identifies the call."""

    start: StartDetails
    stream_sid: Sid | None = None
    sequence_number: Count | None = None


class Media(Struct, frozen=True, gc=False, rename="camel", tag_field="event", tag="media"):
    """The caller's audio."""

    media: MediaDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Dtmf(Struct, frozen=True, rename="camel", tag_field="event", tag="dtmf"):
    """The caller sent a DTMF digit."""

    dtmf: DtmfDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Mark(Struct, frozen=True, rename="camel", tag_field="event", tag="mark"):
    """The echo of our mark: the audio before it has been played, or cleared."""

    mark: MarkDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Stop(Struct, frozen=True, rename="camel", tag_field="event", tag="stop"):
    """The stream, and with it the call, is over."""

    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Typed(Struct, frozen=True):
    """The caller typed a line instead of speaking. Twilio has no such message: only dialects that say so have it."""

    text: str
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Unknown(Struct, frozen=True):
    """An event that is not used here."""

    event: Text


Message = Connected | Start | Media | Dtmf | Mark | Typed | Stop | Unknown

KEYS = frozenset("0123456789*#ABCD")

_KNOWN = Connected | Start | Media | Dtmf | Mark | Stop
# Not strict: "3" counts as a number.
_decode = msgspec.json.Decoder(_KNOWN, strict=False).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_COUNT_MAX = 2**53
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian and Hindi words, and some emoji, need them


def parse(data: bytes) -> Message:
    """Read one message. Raises WireError, with what is wrong and where, for anything but a JSON object, a start without
    a call, and media without audio."""
    if len(data) > limits.MESSAGE_OCTETS:
        raise WireError(f"a message of {len(data)} bytes, more than {limits.MESSAGE_OCTETS}")
    try:
        message: Message = _decode(data)
    except ValidationError:
        message = _read_repaired(parse_object(data))
    except _UNREADABLE as error:
        raise WireError(f"not a media stream message: {error}") from None
    return _with_printable_names(message) if isinstance(message, Start) else message


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in a text message. Raises WireError."""
    if len(data) > limits.MESSAGE_OCTETS:
        raise WireError(f"a message of {len(data)} bytes, more than {limits.MESSAGE_OCTETS}")
    try:
        return _decode_object(data)
    except _UNREADABLE as error:
        raise WireError(f"not a media stream message: {error}") from None


def read_body(body: Mapping[str, Any]) -> Message:
    """The message of an object with Twilio's names, without odd optional fields. Raises WireError."""
    try:
        message: Message = msgspec.convert(body, _KNOWN, strict=False)
    except ValidationError:
        message = _read_repaired(body)
    return _with_printable_names(message) if isinstance(message, Start) else message


def _read_repaired(body: Mapping[str, Any]) -> Message:
    event = text_of(body.get("event"))
    repair = _REPAIRS.get(event)
    repaired = repair(body) if repair is not None else None
    if repaired is None:
        return Unknown(event[: limits.PARAMETER_CHARS])
    common: dict[str, Any] = {"event": event, "sequenceNumber": _count_of(body.get("sequenceNumber"))}
    if stream_sid := text_of(body.get("streamSid")):
        common["streamSid"] = stream_sid
    try:
        message: Message = msgspec.convert(common | repaired, _KNOWN, strict=False)
    except ValidationError as error:
        if event in ("start", "media"):
            raise WireError(f"not a media stream message: {error}") from None
        return Unknown(event)
    return message


def text_of(value: object) -> str:
    """A string, or a number as one; empty for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def typed_line(value: object) -> Message:
    """A typed line, without the spaces around it; Unknown if it is no text, too long, or has control characters."""
    line = value.strip() if isinstance(value, str) else ""
    readable = all(char.isprintable() or char in _JOINERS for char in line)
    return Typed(line) if line and readable and len(line) <= limits.TEXT_CHARS else Unknown("text")


def _count_of(value: object) -> int | None:
    """An integer, or a string with one; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _COUNT_MAX else None


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _start_of(body: Mapping[str, Any]) -> dict[str, Any]:
    start = _part(body, "start")
    details: dict[str, Any] = {"callSid": text_of(start.get("callSid")), "accountSid": text_of(start.get("accountSid"))}
    details["accountSid"] = details["accountSid"][: limits.PARAMETER_CHARS]
    if stream_sid := text_of(start.get("streamSid")):
        details["streamSid"] = stream_sid
    if start.get("mediaFormat") is not None:  # nothing can be decoded without it, so not repaired
        details["mediaFormat"] = start["mediaFormat"]
    details["customParameters"] = {
        name: text_of(value)
        for name, value in _part(start, "customParameters").items()
        if isinstance(value, str | int | float) and len(name) + len(text_of(value)) <= limits.PARAMETER_CHARS
    }
    return {"start": details}


def _media_of(body: Mapping[str, Any]) -> dict[str, Any]:
    media = _part(body, "media")
    details = {"chunk": _count_of(media.get("chunk")), "timestamp": _count_of(media.get("timestamp"))}
    kept = {name: media[name] for name in ("payload", "track") if isinstance(media.get(name), str)}
    return {"media": details | kept}


def _dtmf_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    digit = text_of(_part(body, "dtmf").get("digit")).upper()
    return {"dtmf": {"digit": digit}} if digit in KEYS else None


def _mark_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    name = text_of(_part(body, "mark").get("name"))
    return {"mark": {"name": name}} if name else None


def _nothing_of(body: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_REPAIRS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
    "connected": _nothing_of,
    "start": _start_of,
    "media": _media_of,
    "dtmf": _dtmf_of,
    "mark": _mark_of,
    "stop": _nothing_of,
}
"""The required part of each event's body; None if it is unusable."""


def _with_printable_names(message: Start) -> Start:
    for name in (message.start.call_sid, message.start.stream_sid or "", message.stream_sid or ""):
        if not name.isprintable():
            raise WireError(f"not a media stream message: {name[:80]!r} names no call")
    return message


def json_text(text: str) -> str:
    """The text between the quotes of a JSON string, in ASCII."""
    return json.dumps(text)[1:-1]


class Writer:
    """Writes the messages of one stream."""

    __slots__ = ("_mark", "_media", "clear")

    def __init__(self, stream_sid: str) -> None:
        sid = json_text(stream_sid).encode("ascii")
        # Messages are assembled from constant parts: `media` is written ten times a second and call.
        self._media = b'{"event":"media","streamSid":"' + sid + b'","media":{"payload":"'
        self._mark = b'{"event":"mark","streamSid":"' + sid + b'","mark":{"name":"'
        self.clear = b'{"event":"clear","streamSid":"' + sid + b'"}'
        """Drop what has not been played, and return its marks."""

    def media(self, payload: bytes) -> Sequence[bytes]:
        """Audio to play after what is buffered: mu-law, 8 kHz, any length."""
        return (self._media + b2a_base64(payload, newline=False) + b'"}}',)

    def mark(self, number: int) -> bytes:
        """The far end returns it when the audio before it has been played."""
        return self._mark + str(number).encode("ascii") + b'"}}'
