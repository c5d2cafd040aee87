"""What Deepgram's voices have in common: options, formats, languages."""

from collections.abc import AsyncIterator, Mapping
from copy import copy
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from offhook.engines.factory import EngineContext
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsEngine
from offhook.settings.values import LanguageTag
from offhook.vendors.deepgram import DeepgramOptions, target
from offhook.vendors.g711 import Format, line_format
from offhook.vendors.limits import Limits
from offhook.vendors.pool import Pool
from offhook.vendors.speech import Speech
from offhook.vendors.target import Target

VOICE_UNUSED_S = 50.0
"""The voices have no keep-alive: an unused connection is renewed after this time."""


class TtsOptions(DeepgramOptions):
    """See docs/engines.md. `models` has the voices for other languages, by BCP 47 tag."""

    model: str = "aura-2-thalia-en"
    models: dict[LanguageTag, str] = Field(default_factory=dict)
    transport: Literal["websocket", "http"] = "websocket"
    encoding: Literal["line", "PCMU", "PCMA", "LINEAR16"] = "line"
    first_audio_ms: Annotated[int, Field(ge=100, le=10_000)] = 2_000
    speed: Annotated[float | None, Field(ge=0.5, le=1.5)] = None
    query: dict[str, str] = Field(default_factory=dict)

    @property
    def is_flux(self) -> bool:
        """Whether the model is one of /v2/speak."""
        return self.model.startswith("flux")


class DeepgramVoice:
    """What both kinds have in common: formats and languages. A copy shares everything but these."""

    path = "/v1/speak"

    def __init__(self, options: TtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.name = context.name
        self.options = options
        self.model = options.model
        limits = limits or Limits()
        self.limits = replace(limits, spare=options.spare, unused_s=min(limits.unused_s, VOICE_UNUSED_S))
        self._context = context
        self._counts = {"characters": 0}
        self.pool = self.make_pool()
        encoding = "PCMU" if options.encoding == "line" else options.encoding
        self._use(Format(encoding, 8_000))

    def make_pool(self) -> Pool:
        """The connections."""
        raise NotImplementedError

    @property
    def characters(self) -> int:
        """Given to Deepgram, which bills them."""
        return self._counts["characters"]

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or options that Deepgram does not take."""
        await self.pool.start(self.target())

    @property
    def unreached(self) -> EngineError | None:
        """Why the vendor could not be reached at the start; None if it could."""
        return self.pool.unreached

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self.pool.close()

    def in_language(self, language: str) -> TtsEngine:
        """The same with the voice that `models` has for the language."""
        other = copy(self)
        models = {_language(self.options.model): self.options.model, **self.options.models}
        other.model = models.get(language, self.options.model)
        return other

    @property
    def voices(self) -> Mapping[str, str]:
        """Not known: Deepgram has them."""
        return {}

    def with_voice(self, voice: str) -> TtsEngine:
        """The same with another voice, by its model's name. Raises KeyError for one of Deepgram's other interface."""
        if voice.startswith("flux") != self.options.is_flux:
            raise KeyError(voice)
        other = copy(self)
        other.model = voice
        return other

    def for_line(self, encoding: str, rate_hz: int) -> TtsEngine:
        """The same for a line: its G.711 law as it is, unless the options say otherwise."""
        form = line_format(encoding, rate_hz)
        if form == self.form or self.options.encoding != "line":
            return self
        other = copy(self)
        other._use(form)
        self.pool.want(other.target())
        return other

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {**self._counts, **self.pool.dump()}

    def count(self, text: str) -> None:
        """A text has been given to Deepgram."""
        self._counts["characters"] += len(text)

    def target(self) -> Target:
        """Where to connect."""
        query = {"model": self.model, "speed": self.options.speed, **self.options.query}
        return target(self.options, self._context, self.path, self.form, query)

    def speech(self) -> Speech:
        """For the audio of one text."""
        return Speech(self.name, self.options.first_audio_ms / 1000)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        raise NotImplementedError

    def _use(self, form: Format) -> None:
        self.form = form
        languages = dict.fromkeys((_language(self.options.model), *self.options.models))
        self.capabilities = TtsCapabilities(
            form.rate_hz, word_positions=False, encoding=form.encoding, languages=tuple(languages)
        )


def _language(model: str) -> str:
    """The language at the end of a model's name: "aura-2-thalia-en"."""
    return model.rpartition("-")[2]
