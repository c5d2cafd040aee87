"""Stands between the conversation and a voice that speaks G.711: its audio is decoded, in its chunks."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsEngine
from offhook.pipeline.tts.voice import closing

G711_HZ = 8_000

Decode = Callable[[bytes], bytes]


def adapt(name: str, engine: TtsEngine, decoders: Mapping[str, Decode]) -> TtsEngine:
    """`engine`, as the conversation can use it; itself where it can be used as it is.

    `decoders` has both laws of G.711. On a line of the same law nothing is lost: encoding undoes the decoding. Raises
    EngineError for capabilities that contradict each other.
    """
    gives = engine.capabilities
    if gives.encoding == "LINEAR16":
        return engine
    if gives.rate_hz != G711_HZ:
        raise EngineError(name, "starting", f"{gives.encoding} has 8000 Hz, and the engine gives {gives.rate_hz} Hz")
    return DecodedTts(engine, decoders[gives.encoding])


class DecodedTts:
    """`TtsEngine` over one that speaks G.711. Made by `adapt`."""

    def __init__(self, engine: TtsEngine, decode: Decode) -> None:
        self.engine = engine
        self.capabilities: TtsCapabilities = replace(engine.capabilities, encoding="LINEAR16")
        self._decode = decode

    async def start(self) -> None:
        """The engine's own. Raises EngineError."""
        await self.engine.start()

    async def close(self) -> None:
        """The engine's own. Idempotent."""
        await self.engine.close()

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        async with closing(self.engine.synthesize(text)) as chunks:
            async for chunk in chunks:
                yield replace(chunk, pcm=self._decode(chunk.pcm))
