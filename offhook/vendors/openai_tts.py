"""OpenAI's voices, by HTTP: `[tts] engine = "openai"`.

PCM at 24 kHz comes in pieces, which are resampled for the line; there are no word times.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.tts.engine import TtsCapabilities
from offhook.vendors.any_voice import AnyVoice
from offhook.vendors.http_voice import HttpTts
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


class OpenAiTts(AnyVoice, HttpTts):
    """`TtsEngine`, `NamedVoicesTtsEngine`."""

    capabilities = TtsCapabilities(SPEECH_HZ, word_positions=False)

    def __init__(self, options: OpenAiTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        super().__init__(context.name, limits)
        self.options = options
        self.voice = options.voice or context.voice or "alloy"
        self._target = target("tts", self.name, options, f"{options.base_url.rstrip('/')}/audio/speech")

    def audio(self, text: str) -> AsyncGenerator[bytes]:
        """See HttpTts."""
        options = self.options
        self.count(text)
        request: dict[str, object] = {"model": options.model, "voice": self.voice, "input": text}
        request["response_format"] = "pcm"
        if options.instructions is not None:
            request["instructions"] = options.instructions
        if options.speed is not None:
            request["speed"] = options.speed
        body = json.dumps(request).encode()
        return self._client.post(self._target, body, "application/json", options.first_audio_ms / 1000)


def make(options: Mapping[str, Any], context: EngineContext) -> OpenAiTts:
    """The factory of `tts.engine = "openai"`."""
    return OpenAiTts(read_options(OpenAiTtsOptions, options, context), context)
