"""Deepgram's messages, each written once: what its servers send is read here by our engines and written by the test
server. Pure.

Source: Deepgram's reference of /v1/listen, /v2/listen, /v1/speak and /v2/speak, and the client of its own SDK. Fields
that nobody here needs are ignored; a message that lacks one that is needed is, too.
"""

from typing import Literal, TypeVar

import msgspec

T = TypeVar("T")


class Word(msgspec.Struct, omit_defaults=True):
    """A word; times in seconds of the connection's audio. Flux gives none to some words."""

    word: str
    start: float = 0.0
    end: float = 0.0
    confidence: float = 0.0
    punctuated_word: str | None = None


class Alternative(msgspec.Struct):
    """One reading of a piece of audio."""

    transcript: str
    confidence: float = 0.0
    words: list[Word] = []


class Channel(msgspec.Struct):
    """The readings of one channel, the likeliest first."""

    alternatives: list[Alternative]


class Results(msgspec.Struct, tag_field="type", tag="Results"):
    """listen v1: what was said from `start` on, for `duration` seconds of the connection's audio.

    `is_final`: it will not change. `speech_final`: the vendor's endpointing found a pause. `from_finalize`: it answers
    a Finalize.
    """

    start: float
    duration: float
    channel: Channel
    is_final: bool = False
    speech_final: bool = False
    from_finalize: bool = False


class TurnInfo(msgspec.Struct, tag_field="type", tag="TurnInfo"):
    """listen v2 (Flux): the state of the current turn, `turn_index`, after the audio up to `audio_window_end` seconds.

    `trigger`, of an EndOfTurn: what ended the turn.
    """

    event: Literal["Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
    turn_index: int
    audio_window_start: float
    audio_window_end: float
    transcript: str
    words: list[Word] = []
    end_of_turn_confidence: float = 0.0
    request_id: str = ""
    sequence_id: int = 0
    trigger: Literal["model", "manual", "timeout"] | None = None


class Error(msgspec.Struct, tag_field="type", tag="Error"):
    """Fatal: the connection is closed next."""

    code: str = ""
    description: str = ""
    message: str = ""


class Warning(msgspec.Struct, tag_field="type", tag="Warning"):
    """Something was ignored."""

    code: str = ""
    description: str = ""


class Flushed(msgspec.Struct, tag_field="type", tag="Flushed"):
    """speak v1: all audio of the texts before a Flush has been sent."""

    sequence_id: float = 0


class SpeechStarted(msgspec.Struct, tag_field="type", tag="SpeechStarted"):
    """speak v2: a turn's audio follows."""

    speech_id: str = ""


class SpeechMetadata(msgspec.Struct, tag_field="type", tag="SpeechMetadata"):
    """speak v2: a turn's audio is complete."""

    speech_id: str = ""
    audio_duration_ms: int = 0
    input_character_count: int = 0
    billable_character_count: int = 0
    controls_applied: dict[str, object] = {}


class SpeechInterrupted(msgspec.Struct, tag_field="type", tag="SpeechInterrupted"):
    """speak v2: a turn was cut. The texts are those that were and were not heard, if the Interrupt had a position."""

    audio_played_ms: int = 0
    text_spoken: str | None = None
    text_remaining: str | None = None


INTERRUPT_IGNORED = (
    "NO_AUDIO_GENERATED",
    "NO_ACTIVE_SPEECH",
    "INTERRUPT_IN_PROGRESS",
    "INVALID_INTERRUPT_OFFSET",
)
"""Codes of Warnings: an Interrupt was not executed."""


def read(decoder: "msgspec.json.Decoder[T]", message: str | bytes) -> T | None:
    """The message; None if it is binary, of another kind, or malformed."""
    if isinstance(message, bytes):
        return None
    try:
        return decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


LISTEN1 = msgspec.json.Decoder(Results | Error)
LISTEN2 = msgspec.json.Decoder(TurnInfo | Error)
SPEAK1 = msgspec.json.Decoder(Flushed | Error)
SPEAK2 = msgspec.json.Decoder(SpeechStarted | SpeechMetadata | SpeechInterrupted | Warning | Error)

FINALIZE = '{"type":"Finalize"}'
KEEP_ALIVE = '{"type":"KeepAlive"}'
CLOSE_STREAM = '{"type":"CloseStream"}'
FORCE_END_TURN = '{"type":"ForceEndTurn"}'
FLUSH = '{"type":"Flush"}'
CLEAR = '{"type":"Clear"}'
CLOSE = '{"type":"Close"}'


def speak(text: str) -> str:
    """A text to be spoken."""
    return msgspec.json.encode({"type": "Speak", "text": text}).decode()


def prefer(keyterms: tuple[str, ...]) -> str:
    """An open stream is to prefer these words, and no others."""
    return msgspec.json.encode({"type": "Configure", "keyterms": keyterms}).decode()


def interrupt(played_ms: int | None) -> str:
    """The caller has heard so much of the connection's audio; None: it is not known, or no further than last time."""
    fields: dict[str, object] = {"type": "Interrupt"}
    if played_ms is not None:
        fields["playback_offset"] = {"type": "time_ms", "value": played_ms}
    return msgspec.json.encode(fields).decode()
