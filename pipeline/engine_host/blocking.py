"""Runs blocking engines in a child process: any class with the few methods below.

An engine that holds the GIL, or that must not run in this process, is written as plain blocking Python. The child
serves its turns in small steps, so that several share the process fairly, and answers the parent's pings between steps.
`asr.hosted.HostedAsr` and `tts.hosted.HostedTts` are the parent's side.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, Transcript
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import (
    AUDIO_PIECE,
    CONSUMED_COUNT,
    Kind,
    ProtocolError,
    StreamFailure,
    decode_json,
)
from offhook.pipeline.tts.engine import SpeechChunk

PIECE_MS = 40
"""Audio fed to one turn before the next turn is served."""


class BlockingTurn(Protocol):
    """One turn of a caller."""

    def feed(self, pcm: bytes) -> str | None:
        """Take 16-bit little-endian mono PCM, at most 40 ms; returns the text so far if it has changed."""
        ...

    def finish(self) -> Transcript:
        """The audio is complete: return the transcript."""
        ...


@runtime_checkable
class EndpointingTurn(BlockingTurn, Protocol):
    """One turn of a recogniser that `ends_turns`."""

    endpoint: EndpointReport | None
    """What it thinks about the turn's end, read after each `feed`."""


class BlockingRecogniser(Protocol):
    """A recogniser: a class whose options are keyword arguments."""

    rate_hz: int

    def open(self, request: AsrRequest) -> BlockingTurn:
        """Begin a turn: the request has the grammar, the phrases and the language."""
        ...


class BlockingVoice(Protocol):
    """A voice: a class whose options are keyword arguments."""

    rate_hz: int

    def synthesize(self, text: str) -> Iterator[SpeechChunk]:
        """Speak `text`: yield chunks as they are ready; their words count samples from the utterance's start.

        A voice with several `languages` gets one of them as a second argument, except for texts in the bot's own.
        """
        ...


@dataclass(slots=True)
class _Turn:
    request: AsrRequest
    pending: bytearray = field(default_factory=bytearray)
    ended: bool = False
    turn: BlockingTurn | None = None
    endpoint: EndpointReport | None = None
    consumed_bytes: int = 0


class RecogniserHost:
    """`HostedEngine` over a BlockingRecogniser. Options: `engine` ("module:Class") and its own `options`."""

    def __init__(self, options: Mapping[str, object], emit: Emit) -> None:
        self._emit = emit
        self._engine: BlockingRecogniser = _made(options)
        self._piece_bytes = 2 * self._engine.rate_hz * PIECE_MS // 1_000
        self._turns: OrderedDict[int, _Turn] = OrderedDict()

    def info(self) -> dict[str, object]:
        """The recogniser's rate."""
        return {"rate_hz": self._engine.rate_hz}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin a turn: the values of an AsrRequest."""
        values = decode_json(payload)
        grammar, language, phrases = values.get("grammar"), values.get("language"), values.get("phrases", [])
        if not (_is_text(grammar) and _is_text(language) and isinstance(phrases, list)):
            raise ProtocolError("the request is not one")
        self._turns[stream] = _Turn(AsrRequest(grammar, tuple(map(str, phrases)), language))

    def data(self, stream: int, payload: bytes) -> None:
        """Audio at the engine's rate."""
        if stream in self._turns:
            self._turns[stream].pending += payload

    def end(self, stream: int) -> None:
        """The audio is complete."""
        if stream in self._turns:
            self._turns[stream].ended = True

    def drop(self, stream: int) -> None:
        """Drop the turn."""
        self._turns.pop(stream, None)

    def next_stream(self) -> int | None:
        """Of the turns with a piece to recognise, or at their end, the one that has waited longest."""
        return next((number for number, turn in self._turns.items() if self._is_due(turn)), None)

    def step(self, stream: int) -> None:
        """Recognise the turn's next piece, or end it."""
        self._turns.move_to_end(stream)
        state = self._turns[stream]
        try:
            self._work(stream, state)
        except StreamFailure:
            raise
        except Exception as error:  # third-party code: an error fails this turn, not the others
            raise StreamFailure("recognising", f"{type(error).__name__}: {error}") from error

    def _is_due(self, turn: _Turn) -> bool:
        return turn.ended or len(turn.pending) >= self._piece_bytes

    def _work(self, stream: int, state: _Turn) -> None:
        if state.turn is None:
            state.turn = self._engine.open(state.request)
        # Whole samples only: half a sample waits for its other half.
        size = min(self._piece_bytes, len(state.pending)) & ~1
        if size:
            partial = state.turn.feed(bytes(state.pending[:size]))
            del state.pending[:size]
            state.consumed_bytes += size
            self._emit(Kind.CONSUMED, stream, CONSUMED_COUNT.pack(state.consumed_bytes))
            changes: dict[str, str] = {} if partial is None else {"text": partial}
            endpoint = state.turn.endpoint if isinstance(state.turn, EndpointingTurn) else None
            if endpoint is not None and endpoint != state.endpoint:
                changes["endpoint"] = state.endpoint = endpoint
            if changes:
                self._emit(Kind.PARTIAL, stream, json.dumps(changes).encode())
            return
        transcript = state.turn.finish()
        del self._turns[stream]
        words = [astuple(word) for word in transcript.words]
        result = {"text": transcript.text, "confidence": transcript.confidence, "words": words}
        self._emit(Kind.RESULT, stream, json.dumps(result | {"alternatives": transcript.alternatives}).encode())


class VoiceHost:
    """`HostedEngine` over a BlockingVoice. Options: `engine` ("module:Class") and its own `options`."""

    def __init__(self, options: Mapping[str, object], emit: Emit) -> None:
        self._emit = emit
        self._engine: BlockingVoice = _made(options)
        self._speaking: OrderedDict[int, Iterator[SpeechChunk]] = OrderedDict()

    def info(self) -> dict[str, object]:
        """The voice's rate."""
        return {"rate_hz": self._engine.rate_hz}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin an utterance: {"text": str, "language": str | null}. It ends by itself."""
        values = decode_json(payload)
        text, language = values.get("text"), values.get("language")
        if not (isinstance(text, str) and _is_text(language)):
            raise ProtocolError("the text or its language is not a string")
        chosen = () if language is None else (language,)
        self._speaking[stream] = iter(self._engine.synthesize(text, *chosen))

    def data(self, stream: int, payload: bytes) -> None:
        """A voice takes no audio."""

    def end(self, stream: int) -> None:
        """Nothing to do: the text is already complete."""

    def drop(self, stream: int) -> None:
        """Drop the utterance."""
        self._speaking.pop(stream, None)

    def next_stream(self) -> int | None:
        """The utterance that has waited longest."""
        return next(iter(self._speaking), None)

    def step(self, stream: int) -> None:
        """Speak one chunk."""
        self._speaking.move_to_end(stream)
        try:
            chunk = next(self._speaking[stream], None)
        except Exception as error:  # as above
            raise StreamFailure("speaking", f"{type(error).__name__}: {error}") from error
        if chunk is None:
            del self._speaking[stream]
            self._emit(Kind.RESULT, stream, b"{}")
            return
        words = [(word.char_start, word.char_end, word.start_sample, word.end_sample) for word in chunk.words]
        self._emit(Kind.NOTE, stream, json.dumps({"words": words}).encode())
        for at in range(0, len(chunk.pcm), AUDIO_PIECE):
            self._emit(Kind.DATA, stream, chunk.pcm[at : at + AUDIO_PIECE])


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _made(options: Mapping[str, object]) -> Any:
    target, own = str(options.get("engine", "")), options.get("options", {})
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)(**(own if isinstance(own, dict) else {}))
    except StreamFailure:
        raise
    except Exception as error:  # any error is passed to the parent, with the name of the engine
        raise StreamFailure(f"loading {target}", f"{type(error).__name__}: {error}") from error
