"""The parent's side of a voice that runs in child processes."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word

HOST = "offhook.pipeline.engine_host.blocking:VoiceHost"


class HostedTts:
    """`TtsEngine` over `workers` child processes that each make `engine` ("module:Class", a BlockingVoice).

    `options` are the class's keyword arguments, as JSON values. `name` is used in errors. A child that dies, or takes
    longer than `limits.hung_s` for one chunk, is replaced; its utterances fail with EngineError.
    """

    def __init__(
        self,
        name: str,
        engine: str,
        capabilities: TtsCapabilities,
        *,
        options: Mapping[str, object] | None = None,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        hosted = {"engine": engine, "options": dict(options or {})}
        self._pool = HostPool(HOST, workers, name=name, options=hosted, limits=limits)

    async def start(self) -> None:
        """Start the children and load the engine in each. Raises EngineError if that fails."""
        await self._pool.start()

    async def close(self) -> None:
        """End the children; utterances in progress fail. Idempotent."""
        await self._pool.close()

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError, EngineTimeout if the child hangs."""
        return chunks(self._pool, {"text": text})

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts


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
