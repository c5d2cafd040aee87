"""One voice made of several, each for the languages that it knows best."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from copy import copy

from offhook.pipeline.language import known_as
from offhook.pipeline.tts.engine import (
    MultilingualTtsEngine,
    NamedVoicesTtsEngine,
    RatedTtsEngine,
    SpeechChunk,
    TtsCapabilities,
    TtsEngine,
)
from offhook.pipeline.tts.voice import closing


class ByLanguageTts:
    """A `TtsEngine` that speaks each language with the first of `engines` that knows it.

    That for `language`, the bot's own, is started at once, the others when they are first needed: most bots speak one
    language, and an engine takes memory.
    """

    name = "auto"

    def __init__(self, engines: Sequence[TtsEngine], language: str) -> None:
        self._engines = tuple(engines)
        self._starts: dict[int, asyncio.Task[None]] = {}
        languages = (tag for engine in self._engines for tag in engine.capabilities.languages)
        self._languages = tuple(dict.fromkeys(languages))
        self._number = next((at for at, each in enumerate(self._engines) if _knows(each, language)), 0)
        self._engine = self._engines[self._number]

    @property
    def capabilities(self) -> TtsCapabilities:
        """Those of the engine in use, with the languages of all."""
        gives = self._engine.capabilities
        return TtsCapabilities(gives.rate_hz, gives.word_positions, gives.encoding, self._languages)

    @property
    def voices(self) -> dict[str, str]:
        """The voices of all; of two with the same name, the first engine's."""
        found: dict[str, str] = {}
        for engine in reversed(self._engines):
            found |= engine.voices if isinstance(engine, NamedVoicesTtsEngine) else {}
        return found

    @property
    def restarts(self) -> int:
        """Children of all that died or hung and were replaced."""
        return sum(getattr(engine, "restarts", 0) for engine in self._engines)

    async def start(self) -> None:
        """Start the engine for the bot's own language. Raises EngineError."""
        await self._start()

    async def close(self) -> None:
        """End all. Idempotent."""
        starts, self._starts = list(self._starts.values()), {}
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)
        for engine in self._engines:
            await engine.close()

    def in_language(self, language: str) -> "ByLanguageTts":
        """The engine for a language. Raises KeyError if none knows it."""
        for number, engine in enumerate(self._engines):
            known = known_as(engine.capabilities.languages, language)
            if known is not None:
                if isinstance(engine, MultilingualTtsEngine):
                    engine = engine.in_language(known)  # noqa: PLW2901 - the same engine, in that language
                return self._with(number, engine)
        raise KeyError(language)

    def with_voice(self, voice: str) -> "ByLanguageTts":
        """The engine that has this voice. Raises KeyError if none has."""
        for number, engine in enumerate(self._engines):
            try:
                if isinstance(engine, NamedVoicesTtsEngine):
                    return self._with(number, engine.with_voice(voice))
            except KeyError:
                continue
        raise KeyError(voice)

    def at_rate(self, rate_hz: int) -> "ByLanguageTts":
        """The same at 8000 or 16000 Hz, where the engine can choose."""
        if not isinstance(self._engine, RatedTtsEngine):
            return self
        return self._with(self._number, self._engine.at_rate(rate_hz))

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError."""
        await self._start()
        async with closing(self._engine.synthesize(text)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _start(self) -> None:
        number = self._number
        start = self._starts.get(number)
        if start is None:
            start = self._starts[number] = asyncio.create_task(self._engines[number].start())
        try:
            await asyncio.shield(start)  # others may be waiting for it
        except Exception:
            self._starts.pop(number, None)  # the next text tries again
            raise

    def _with(self, number: int, engine: TtsEngine) -> "ByLanguageTts":
        other = copy(self)
        other._number, other._engine = number, engine
        return other


def _knows(engine: TtsEngine, language: str) -> bool:
    return known_as(engine.capabilities.languages, language) is not None
