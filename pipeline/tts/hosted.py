"""The parent's side of a voice that runs in child processes."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from copy import copy
from typing import Any

from offhook.pipeline.engine_host.hosted import Hosted
from offhook.pipeline.engine_host.pool import HostPool
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word


class HostedTts(Hosted[TtsCapabilities]):
    """`TtsEngine` over child processes, see Hosted; the engine is a BlockingVoice."""

    host = "offhook.pipeline.engine_host.blocking:VoiceHost"

    _language: str | None = None

    def in_language(self, language: str) -> "HostedTts":
        """The same children, in one of several languages; an engine with one language, or none declared, has no use
        for it."""
        if len(self.capabilities.languages) < 2:
            return self
        other = copy(self)
        other._language = language
        return other

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError, EngineTimeout if the child hangs."""
        return chunks(self._pool, {"text": text, "language": self._language})


async def chunks(pool: HostPool, request: Mapping[str, Any]) -> AsyncGenerator[SpeechChunk]:
    """The speech that one of the pool's children makes for `request`, whose text is `text`."""
    text = str(request["text"])
    stream = pool.open(request)
    words: tuple[Word, ...] = ()
    try:
        while (message := await stream.receive()).kind is not Kind.RESULT:
            if message.kind is Kind.NOTE:
                words += tuple(Word(text[span[0] : span[1]], *span) for span in message.values.get("words", ()))
            elif message.kind is Kind.DATA:
                yield SpeechChunk(message.data, words)
                words = ()
    finally:
        stream.cancel()
