"""Adapts a voice that speaks G.711: its audio is decoded, chunk by chunk."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import (
    MultilingualTtsEngine,
    NamedVoicesTtsEngine,
    SpeechChunk,
    TtsCapabilities,
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
    return DecodedTts(engine, decoders[gives.encoding])


class DecodedTts:
    """A `TtsEngine` that wraps a G.711 voice. Made by `adapt`."""

    def __init__(self, engine: TtsEngine, decode: Decode) -> None:
        self.engine = engine
        self.capabilities: TtsCapabilities = replace(engine.capabilities, encoding="LINEAR16")
        self._decode = decode

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
        return DecodedTts(self.engine.in_language(language), self._decode)

    @property
    def voices(self) -> Mapping[str, str]:
        """The engine's voices, if it has several."""
        return self.engine.voices if isinstance(self.engine, NamedVoicesTtsEngine) else {}

    def with_voice(self, voice: str) -> TtsEngine:
        """The same with another voice. Raises KeyError if the engine has none of that name."""
        if not isinstance(self.engine, NamedVoicesTtsEngine):
            raise KeyError(voice)
        return DecodedTts(self.engine.with_voice(voice), self._decode)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        async with closing(self.engine.synthesize(text)) as chunks:
            async for chunk in chunks:
                yield replace(chunk, pcm=self._decode(chunk.pcm))
