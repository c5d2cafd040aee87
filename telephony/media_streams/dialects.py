"""The dialects of media streams, by name. Sources are in docs/carriers.md."""

import json
import re
import secrets
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.telephony.codec.base import codec_named
from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import messages
from offhook.telephony.media_streams.dialect import (
    A_LAW,
    A_LAW_IN_MU_LAW_OUT,
    LINEAR,
    LINEAR_16K,
    MU_LAW,
    Audio,
    Binary,
    Dialect,
    Names,
    audio_message,
    parse_json,
)
from offhook.telephony.media_streams.messages import Message, json_text, text_of
from offhook.telephony.resample import Upsampler

FRAME_SAMPLES = 160
"""20 ms at 8 kHz."""

# What is written.


@dataclass(frozen=True, slots=True)
class Texts:
    """A far end's messages with `$SID` for the stream's name, `$AUDIO` for base64 and `$MARK` for a mark's number.

    `least_samples`: shorter pieces of audio are padded with silence.
    """

    media: str
    mark: str
    clear: str
    least_samples: int = 0


class TextWriter:
    """Everything is JSON."""

    __slots__ = ("_after", "_before", "_least", "_mark", "_silence", "clear")

    def __init__(self, texts: Texts, stream_sid: str, audio: Audio) -> None:
        self._before, self._after = _around(texts.media, "$AUDIO", stream_sid)
        self._mark = _around(texts.mark, "$MARK", stream_sid)
        self._least = texts.least_samples
        self._silence = codec_named(audio.line).silence
        self.clear, _ = _around(texts.clear, "$NONE", stream_sid)

    def media(self, payload: bytes) -> Sequence[bytes]:
        """One message, of any length."""
        payload = payload.ljust(self._least, self._silence)
        return (self._before + b2a_base64(payload, newline=False) + self._after,)

    def mark(self, number: int) -> bytes:
        """The far end returns it when the audio before it has been played."""
        return str(number).encode("ascii").join(self._mark)


class BinaryWriter:
    """Audio is binary, the rest JSON. With `frames` each message is 20 ms; the last one is padded with silence."""

    __slots__ = ("_audio", "_decode", "_frames", "_mark", "_silence", "_upsampler", "clear")

    def __init__(self, texts: Texts, stream_sid: str, audio: Audio, *, frames: bool) -> None:
        self._audio = audio
        codec = codec_named(audio.line)
        self._decode, self._silence = codec.decode, codec.silence
        self._frames = frames
        self._upsampler = Upsampler() if audio.rate_hz == 2 * codec.rate_hz else None
        self._mark = _around(texts.mark, "$MARK", stream_sid)
        self.clear, _ = _around(texts.clear, "$NONE", stream_sid)

    def media(self, payload: bytes) -> Sequence[bytes]:
        """The audio in the far end's encoding."""
        if not self._frames:
            return (Binary(self._encoded(payload)),)
        padded = payload.ljust(-(-len(payload) // FRAME_SAMPLES) * FRAME_SAMPLES, self._silence)
        whole = self._encoded(padded)
        size = len(whole) * FRAME_SAMPLES // max(1, len(padded))
        return [Binary(whole[at : at + size]) for at in range(0, len(whole), size or 1)]

    def mark(self, number: int) -> bytes:
        """The far end returns it when the audio before it has been played."""
        return str(number).encode("ascii").join(self._mark)

    def _encoded(self, payload: bytes) -> bytes:
        if not self._audio.linear:
            return payload
        pcm = self._decode(payload)
        return pcm if self._upsampler is None else self._upsampler.push(pcm)


def _around(text: str, what: str, stream_sid: str) -> tuple[bytes, bytes]:
    """The text before and after `what`. The stream's name may be any text, so it is inserted last."""
    before, _, after = text.partition(what)
    sid = json_text(stream_sid)
    return before.replace("$SID", sid).encode("ascii"), after.replace("$SID", sid).encode("ascii")


def _texts(texts: Texts) -> Callable[[str, Audio], TextWriter]:
    return lambda stream_sid, audio: TextWriter(texts, stream_sid, audio)


# What is read.


def _text_only(parse: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
    def checked(data: bytes) -> Message:
        if isinstance(data, Binary):
            raise WireError("a binary message: only text is supported")
        return parse(data)

    return checked


def _json(names: Names) -> Callable[[bytes], Message]:
    return _text_only(lambda data: parse_json(data, names))


def _json_and_audio(names: Names) -> Callable[[bytes], Message]:
    return lambda data: audio_message(data) if isinstance(data, Binary) else parse_json(data, names)


def _object(found: Mapping[str, Any], *path: str) -> dict[str, str]:
    """The strings and numbers of an object; other values are left out."""
    value: Any = found
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping):
        return {}
    return {key: text_of(each) for key, each in value.items() if isinstance(each, str | int | float)}


def _plivo_headers(found: Mapping[str, Any]) -> dict[str, str]:
    """`a=1;b=2`; also accepted with commas, as it was requested, and as JSON, an object or text."""
    headers = found.get("extra_headers")
    if isinstance(headers, str) and headers.lstrip().startswith("{"):
        try:
            headers = json.loads(headers)
        except (ValueError, RecursionError):
            return {}
    if isinstance(headers, Mapping):
        return _object({"headers": headers}, "headers")
    pairs = re.split("[;,]", headers) if isinstance(headers, str) else []
    return {name.strip(): value for name, sign, value in (pair.partition("=") for pair in pairs) if sign}


def _vonage_headers(found: Mapping[str, Any]) -> dict[str, str]:
    """Those of the NCCO: they are among the message's own keys."""
    headers = found.get("headers")
    own = _object(found, "headers") if isinstance(headers, Mapping) else _object(found)
    return {name: value for name, value in own.items() if name not in ("event", "content-type")}


def _nameless() -> str:
    return secrets.token_hex(16)


# The tables.

TWILIO = Dialect(
    "twilio",
    _text_only(messages.parse),
    lambda stream_sid, audio: messages.Writer(stream_sid),
    {("audio/x-mulaw", 8_000): MU_LAW},
)

SIGNALWIRE = Dialect(
    "signalwire",
    _text_only(messages.parse),
    lambda stream_sid, audio: messages.Writer(stream_sid),
    {("audio/x-mulaw", 8_000): MU_LAW, ("pcmu", 8_000): MU_LAW},
)

_TELNYX = Names(
    events={name: name for name in ("connected", "start", "media", "dtmf", "mark", "stop")},
    stream=("stream_id",),
    sequence=None,  # "Media frame order is not guaranteed": pieces that come too late are detected by their own numbers
    call=(("start", "call_control_id"),),
    encoding=("start", "media_format", "encoding"),
    rate=("start", "media_format", "sample_rate"),
    channels=("start", "media_format", "channels"),
    account=("start", "user_id"),
    caller=("start", "from"),
    called=("start", "to"),
    parameters=lambda found: _object(found, "start", "custom_parameters"),
)
TELNYX = Dialect(
    "telnyx",
    _json(_TELNYX),
    _texts(
        Texts(
            media='{"event":"media","media":{"payload":"$AUDIO"}}',
            mark='{"event":"mark","mark":{"name":"$MARK"}}',
            clear='{"event":"clear"}',
            least_samples=FRAME_SAMPLES,
        )
    ),
    {("pcmu", 8_000): MU_LAW, ("pcma", 8_000): A_LAW_IN_MU_LAW_OUT},
    may_swap=True,
)

_PLIVO = Names(
    events={"start": "start", "media": "media", "dtmf": "dtmf", "playedStream": "mark"},
    stream=("streamId",),
    stream_in_start=("start", "streamId"),
    sequence=("sequenceNumber",),
    call=(("start", "callId"),),
    encoding=("start", "mediaFormat", "encoding"),
    rate=("start", "mediaFormat", "sampleRate"),
    account=("start", "accountId"),
    parameters=_plivo_headers,
    mark=(("name",),),
)
PLIVO = Dialect(
    "plivo",
    _json(_PLIVO),
    _texts(
        Texts(
            media='{"event":"playAudio","streamId":"$SID",'
            '"media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"$AUDIO"}}',
            mark='{"event":"checkpoint","streamId":"$SID","name":"$MARK"}',
            clear='{"event":"clearAudio","streamId":"$SID"}',
        )
    ),
    {("audio/x-mulaw", 8_000): MU_LAW},
    ends_by_closing=True,
    clock_stamps=True,
)

_VONAGE = Names(
    events={"websocket:connected": "start", "websocket:dtmf": "dtmf", "websocket:notify": "mark"},
    stream=None,
    sequence=None,
    call=(("uuid",), ("call_uuid",), ("headers", "uuid")),
    encoding=("content-type",),
    rate=None,
    parameters=_vonage_headers,
    digit=(("digit",), ("dtmf", "digit")),  # "less sure": docs/carriers.md
    mark=(("payload", "mark"),),
    nameless=_nameless,
)
VONAGE = Dialect(
    "vonage",
    _json_and_audio(_VONAGE),
    lambda stream_sid, audio: BinaryWriter(
        Texts(media="", mark='{"action":"notify","payload":{"mark":"$MARK"}}', clear='{"action":"clear"}'),
        stream_sid,
        audio,
        frames=True,
    ),
    {("audio/l16;rate=8000", 8_000): LINEAR, ("audio/l16;rate=16000", 8_000): LINEAR_16K},
    ends_by_closing=True,
)

_PLAIN = Names(
    events={name: name for name in ("start", "dtmf", "text", "mark", "stop")},
    stream=("call",),
    sequence=None,
    call=(("call",),),
    encoding=("encoding",),
    rate=("rate",),
    caller=("from",),
    called=("to",),
    parameters=lambda found: _object(found, "parameters"),
    digit=(("digit",), ("dtmf", "digit")),
    mark=(("name",), ("mark", "name")),
    typed=("text",),
    nameless=_nameless,
)
PLAIN = Dialect(
    "plain",
    _json_and_audio(_PLAIN),
    lambda stream_sid, audio: BinaryWriter(
        Texts(media="", mark='{"event":"mark","name":"$MARK"}', clear='{"event":"clear"}'),
        stream_sid,
        audio,
        frames=False,
    ),
    {
        ("mulaw", 8_000): MU_LAW,
        ("alaw", 8_000): A_LAW,
        ("l16", 8_000): LINEAR,
        ("l16", 16_000): LINEAR_16K,
    },
    ends_by_closing=True,
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (TWILIO, SIGNALWIRE, TELNYX, PLIVO, VONAGE, PLAIN)
}
