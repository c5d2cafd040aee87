"""The messages of a media stream, both directions: JSON texts, one event each.

Source: Twilio's "Media Streams - WebSocket Messages". Numbers travel as strings ("chunk":"3"); the numbers
themselves are taken, too. What is not known is ignored: keys in any message, and messages of an event that is new.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, ValidationError

from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits

Count = Annotated[int, Meta(ge=0, le=2**53)]
Sid = Annotated[str, Meta(min_length=1, max_length=limits.SID_CHARS, pattern=r"^[A-Za-z0-9_.:+-]+\Z")]
StreamSid = Annotated[str, Meta(max_length=limits.SID_CHARS)]
Text = Annotated[str, Meta(max_length=limits.PARAMETER_CHARS)]


class MediaFormat(Struct, frozen=True, rename="camel"):
    """What the audio is; mu-law at 8 kHz, mono, is the only one there is."""

    encoding: Text = "audio/x-mulaw"
    sample_rate: Count = 8_000
    channels: Count = 1


class StartDetails(Struct, frozen=True, rename="camel"):
    """The call that the stream belongs to."""

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
    """A key."""

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
    """The second message: which call it is."""

    start: StartDetails
    stream_sid: Sid | None = None
    sequence_number: Count | None = None


class Media(Struct, frozen=True, gc=False, rename="camel", tag_field="event", tag="media"):
    """The caller's audio."""

    media: MediaDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Dtmf(Struct, frozen=True, rename="camel", tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DtmfDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Mark(Struct, frozen=True, rename="camel", tag_field="event", tag="mark"):
    """The echo of a mark of ours: the audio before it has been played, or cleared."""

    mark: MarkDetails
    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Stop(Struct, frozen=True, rename="camel", tag_field="event", tag="stop"):
    """The stream, and with it the call, is over."""

    stream_sid: StreamSid | None = None
    sequence_number: Count | None = None


class Unknown(Struct, frozen=True):
    """An event that has no meaning here."""

    event: Text


Message = Connected | Start | Media | Dtmf | Mark | Stop | Unknown

_EVENTS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})

# Not strict: "3" is taken for 3 where a number is wanted.
_decode = msgspec.json.Decoder(Connected | Start | Media | Dtmf | Mark | Stop, strict=False).decode
_decode_event = msgspec.json.Decoder(Unknown).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SAFE_SID = re.compile(r"[A-Za-z0-9_.:+-]+")


def parse(data: bytes) -> Message:
    """Read one message. Raises WireError, with what is wrong and where, for anything that is none."""
    if len(data) > limits.MESSAGE_OCTETS:
        raise WireError(f"a message of {len(data)} octets, more than {limits.MESSAGE_OCTETS}")
    try:
        message: Message = _decode(data)
    except _UNREADABLE as error:
        unknown = _unknown(data) if isinstance(error, ValidationError) else None
        if unknown is None:
            raise WireError(f"no message of a media stream: {error}") from None
        return unknown
    return message


def _unknown(data: bytes) -> Unknown | None:
    """The message, if all that is wrong with it is that its event is not known."""
    try:
        message = _decode_event(data)
    except _UNREADABLE:
        return None
    return None if message.event in _EVENTS else message


class Writer:
    """Writes the messages of one stream. ValueError for a `stream_sid` that JSON would have to escape."""

    __slots__ = ("_mark", "_media", "clear")

    def __init__(self, stream_sid: str) -> None:
        if not _SAFE_SID.fullmatch(stream_sid):
            raise ValueError(f"{stream_sid[:80]!r} is no stream's SID")
        sid = stream_sid.encode("ascii")
        # Whole messages are put together from what never changes: `media` is written ten times a second and call.
        self._media = b'{"event":"media","streamSid":"' + sid + b'","media":{"payload":"'
        self._mark = b'{"event":"mark","streamSid":"' + sid + b'","mark":{"name":"'
        self.clear = b'{"event":"clear","streamSid":"' + sid + b'"}'
        """Drop what has not been played, and return its marks."""

    def media(self, payload: bytes) -> Sequence[bytes]:
        """Audio to be played after what is buffered: mu-law, 8 kHz, any length."""
        return (self._media + b2a_base64(payload, newline=False) + b'"}}',)

    def mark(self, number: int) -> bytes:
        """To be returned when the audio before it has been played."""
        return self._mark + str(number).encode("ascii") + b'"}}'
