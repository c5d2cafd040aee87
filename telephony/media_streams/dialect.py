"""How one carrier's media streams differ from another's: names of messages and fields, encodings, and how a call ends.

The core (`stream`) knows one set of messages, Twilio's (`messages`). A dialect converts what a far end sends into that
form, and writes outbound messages in the far end's form. The table of them is in `dialects`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.messages import (
    Media,
    MediaDetails,
    Message,
    Unknown,
    parse_object,
    read_body,
    text_of,
    typed_line,
)
from offhook.telephony.resample import Resampler

Decode: TypeAlias = Callable[[bytes], bytes]
"""Payload to 16-bit little-endian mono PCM at 8 kHz. It may have state, so each stream has its own."""

Path: TypeAlias = tuple[str, ...]
"""The path of a value: keys from the outermost in."""


class Binary(bytes):
    """A binary message; any other `bytes` is a text message."""

    __slots__ = ()


class Writing(Protocol):
    """Writes the messages of one stream."""

    @property
    def clear(self) -> bytes:
        """Drop what has not been played."""

    def media(self, payload: bytes) -> Sequence[bytes]:
        """Audio to play after what is buffered: one byte per sample, 8 kHz."""

    def mark(self, number: int) -> bytes:
        """The far end returns it when the audio before it has been played."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A stream's audio. `line` names the outbound G.711 law, before the writer converts it; `rate_hz` is the far end's,
    `linear` whether it sends and takes 16-bit PCM."""

    line: str
    rate_hz: int
    linear: bool
    decoder: Callable[[], Decode]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One carrier's protocol. `parse` raises WireError.

    `encodings` are those of a start message, in lower case, with their rate. `ends_by_closing`: a clean close of
    the WebSocket hangs up; some have no message for that. `clock_stamps`: timestamps are a wall
    clock's, so they do not say how much audio is between two pieces. `may_swap`: neighbouring pieces may arrive in
    the wrong order.
    """

    name: str
    parse: Callable[[bytes], Message]
    writer: Callable[[str, Audio], Writing]
    encodings: Mapping[tuple[str, int], Audio]
    ends_by_closing: bool = False
    clock_stamps: bool = False
    may_swap: bool = False


def _linear(payload: bytes) -> bytes:
    return payload[: len(payload) & ~1]


def _downsampler() -> Decode:
    push = Resampler(16_000, 8_000).push
    return lambda payload: push(_linear(payload))


MU_LAW = Audio("PCMU", 8_000, False, lambda: PCMU.decode)
A_LAW = Audio("PCMA", 8_000, False, lambda: PCMA.decode)
A_LAW_IN_MU_LAW_OUT = Audio("PCMU", 8_000, False, lambda: PCMA.decode)
"""Receives A-law, sends mu-law."""

LINEAR = Audio("PCMU", 8_000, True, lambda: _linear)
LINEAR_16K = Audio("PCMU", 16_000, True, _downsampler)


@dataclass(frozen=True, slots=True)
class Names:
    """Where a far end's JSON has the values of Twilio's. `events` maps its event names to Twilio's, and to "text" the
    name of an event with a `typed` line.

    Of several places the first with a value counts. `sequence` None: its numbers cannot be used for ordering.
    Where `call` is missing in a message, `nameless` makes a name for it.
    """

    events: Mapping[str, str]
    stream: Path | None
    sequence: Path | None
    call: Sequence[Path]
    encoding: Path
    rate: Path | None
    channels: Path | None = None
    stream_in_start: Path | None = None
    account: Path | None = None
    caller: Path | None = None
    called: Path | None = None
    parameters: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda message: {}
    digit: Sequence[Path] = (("dtmf", "digit"), ("digit",))
    mark: Sequence[Path] = (("mark", "name"),)
    typed: Path | None = None
    nameless: Callable[[], str] | None = None


def parse_json(data: bytes, names: Names) -> Message:
    """One text message. Raises WireError."""
    found = parse_object(data)
    event = found.get("event")
    ours = names.events.get(event) if isinstance(event, str) else None
    if ours is None:
        return Unknown(text_of(event)[: limits.PARAMETER_CHARS])
    if ours == "text":
        return typed_line(_at(found, names.typed))
    return read_body({"event": ours, **_fields(ours, found, names)})


def audio_message(data: Binary) -> Media:
    """A message of audio only. Raises WireError."""
    if len(data) > limits.PAYLOAD_OCTETS:
        raise WireError(f"{len(data)} bytes of audio in one message, more than {limits.PAYLOAD_OCTETS}")
    return Media(MediaDetails(bytes(data)))


def _fields(event: str, found: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The message's body in Twilio's form."""
    if event == "start":
        return _start(found, names)
    fields: dict[str, Any] = {}
    if event == "media":
        fields["media"] = found.get("media")
    elif event == "dtmf":
        fields["dtmf"] = {"digit": _first_of(found, names.digit)}
    elif event == "mark":
        fields["mark"] = {"name": _first_of(found, names.mark)}
    return fields | {"streamSid": _at(found, names.stream), "sequenceNumber": _at(found, names.sequence)}


def _start(found: Mapping[str, Any], names: Names) -> dict[str, Any]:
    call = _first_of(found, names.call)
    if call is None and names.nameless is not None:
        call = names.nameless()
    stream = _at(found, names.stream_in_start or names.stream) or call
    parameters = dict(names.parameters(found))
    for name, path in (("from", names.caller), ("to", names.called)):
        # The carrier's own values override parameters passed along with them.
        if value := text_of(_at(found, path)):
            parameters[name] = value
    media = {
        "encoding": _at(found, names.encoding),
        "sampleRate": _at(found, names.rate),
        "channels": _at(found, names.channels),
    }
    details = {
        "callSid": call,
        "streamSid": stream,
        "accountSid": _at(found, names.account) or "",
        "customParameters": parameters,
        "mediaFormat": {name: value for name, value in media.items() if value is not None},
    }
    return {"start": details, "streamSid": stream}


def _first_of(found: Mapping[str, Any], paths: Sequence[Path]) -> Any:
    return next((value for path in paths if (value := _at(found, path)) is not None), None)


def _at(found: Any, path: Path | None) -> Any:
    """The value at the path; None if there is none."""
    if path is None:
        return None
    for name in path:
        if not isinstance(found, dict):  # msgspec makes no other mappings
            return None
        found = found.get(name)
    return found
