"""OpenAI's voices, by HTTP: `[tts] engine = "openai"`.

PCM at 24 kHz comes in pieces, which are resampled for the line; there are no word times.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.vendors.any_voice import AnyVoice
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits
from offhook.vendors.openai import OpenAiOptions, target

SPEECH_HZ = 24_000


class OpenAiTtsOptions(OpenAiOptions):
    """See docs/engines.md."""

    model: str = "gpt-4o-mini-tts"
    voice: str | None = None
    instructions: str | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    first_audio_ms: Annotated[int, Field(ge=100, le=10_000)] = 2_000


class OpenAiTts(AnyVoice):
    """`TtsEngine`, `NamedVoicesTtsEngine`."""

    capabilities = TtsCapabilities(SPEECH_HZ, word_positions=False)

    def __init__(self, options: OpenAiTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.name = context.name
        self.options = options
        self._counts = {"characters": 0}
        self.unreached: EngineError | None = None
        """Why OpenAI could not be reached at the start."""
        self.voice = options.voice or context.voice or "alloy"
        self._client = HttpClient(limits or Limits())
        self._target = target("tts", self.name, options, f"{options.base_url.rstrip('/')}/audio/speech")

    @property
    def characters(self) -> int:
        """Given to OpenAI, by the copies of this engine too."""
        return self._counts["characters"]

    async def start(self) -> None:
        """Ask for a word, so that a wrong key is found. Raises VendorRefusedError."""
        try:
            async with aclosing(self._synthesize("Hello.")) as chunks:
                await anext(chunks, None)
        except VendorRefusedError:
            raise
        except EngineError as error:
            self.unreached = error  # an outage is no reason not to start

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._client.close()

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return dict(self._counts)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        options = self.options
        self._counts["characters"] += len(text)
        request: dict[str, object] = {"model": options.model, "voice": self.voice, "input": text}
        request["response_format"] = "pcm"
        if options.instructions is not None:
            request["instructions"] = options.instructions
        if options.speed is not None:
            request["speed"] = options.speed
        body, rest = json.dumps(request).encode(), b""
        pieces = self._client.post(self._target, body, "application/json", options.first_audio_ms / 1000)
        try:
            async for piece in pieces:
                pcm = rest + piece
                whole = len(pcm) // 2 * 2
                rest = pcm[whole:]
                if whole:
                    yield SpeechChunk(pcm[:whole])
        finally:
            await pieces.aclose()


def make(options: Mapping[str, Any], context: EngineContext) -> OpenAiTts:
    """The factory of `tts.engine = "openai"`."""
    return OpenAiTts(read_options(OpenAiTtsOptions, options, context), context)
