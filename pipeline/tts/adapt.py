"""Adapts a voice that speaks G.711: its audio is decoded, chunk by chunk."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import (
    ConversationalTtsEngine,
    LineTtsEngine,
    MultilingualTtsEngine,
    NamedVoicesTtsEngine,
    SpeechChunk,
    TtsCapabilities,
    TtsConversation,
    TtsEngine,
)
from offhook.pipeline.tts.voice import closing

G711_HZ = 8_000

Decode = Callable[[bytes], bytes]


def adapt(name: str, engine: TtsEngine, decoders: Mapping[str, Decode]) -> TtsEngine:
    """`engine` in a form that the conversation can use; unchanged if it already is one.

    `decoders` has both G.711 laws. On a line of the same law nothing is lost: encoding reverses the decoding. Raises
    EngineError for contradictory capabilities.
    """
    gives = engine.capabilities
    if gives.encoding == "LINEAR16":
        return engine
    if gives.rate_hz != G711_HZ:
        raise EngineError(name, "starting", f"{gives.encoding} has 8000 Hz, and the engine gives {gives.rate_hz} Hz")
    return _decoded(engine, decoders)


def _decoded(engine: TtsEngine, decoders: Mapping[str, Decode]) -> TtsEngine:
    if engine.capabilities.encoding == "LINEAR16":
        return engine
    if isinstance(engine, ConversationalTtsEngine):
        return DecodedConversationalTts(engine, decoders)
    return DecodedTts(engine, decoders)


class DecodedTts:
    """A `TtsEngine` that wraps a G.711 voice. Made by `adapt`."""

    def __init__(self, engine: TtsEngine, decoders: Mapping[str, Decode]) -> None:
        self.engine = engine
        self.capabilities: TtsCapabilities = replace(engine.capabilities, encoding="LINEAR16")
        self._decoders = decoders
        self._decode = decoders[engine.capabilities.encoding]

    async def start(self) -> None:
        """Start the engine. Raises EngineError."""
        await self.engine.start()

    async def close(self) -> None:
        """Close the engine. Idempotent."""
        await self.engine.close()

    def in_language(self, language: str) -> TtsEngine:
        """The same in another language, if the engine has several."""
        if not isinstance(self.engine, MultilingualTtsEngine):
            return self
        return _decoded(self.engine.in_language(language), self._decoders)

    def for_line(self, encoding: str, rate_hz: int) -> TtsEngine:
        """The same for a line, if the engine gives more than one encoding or rate."""
        if not isinstance(self.engine, LineTtsEngine):
            return self
        return _decoded(self.engine.for_line(encoding, rate_hz), self._decoders)

    @property
    def voices(self) -> Mapping[str, str]:
        """The engine's voices, if it has several."""
        return self.engine.voices if isinstance(self.engine, NamedVoicesTtsEngine) else {}

    def with_voice(self, voice: str) -> TtsEngine:
        """The same with another voice. Raises KeyError if the engine has none of that name."""
        if not isinstance(self.engine, NamedVoicesTtsEngine):
            raise KeyError(voice)
        return _decoded(self.engine.with_voice(voice), self._decoders)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return _decoding(self.engine.synthesize(text), self._decode)


class DecodedConversationalTts(DecodedTts):
    """The same for a voice that is a ConversationalTtsEngine."""

    engine: ConversationalTtsEngine

    def conversation(self) -> TtsConversation:
        """For a call that begins."""
        return DecodedConversation(self.engine.conversation(), self._decode)


class DecodedConversation:
    """A `TtsConversation` that wraps another."""

    def __init__(self, conversation: TtsConversation, decode: Decode) -> None:
        self._conversation = conversation
        self._decode = decode
        self.finished = conversation.finished
        self.interrupted = conversation.interrupted
        self.close = conversation.close

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return _decoding(self._conversation.synthesize(text), self._decode)


async def _decoding(chunks: AsyncIterator[SpeechChunk], decode: Decode) -> AsyncGenerator[SpeechChunk]:
    async with closing(chunks) as encoded:
        async for chunk in encoded:
            yield replace(chunk, pcm=decode(chunk.pcm))
