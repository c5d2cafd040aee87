"""The parent's side of a voice that runs in child processes and speaks a clause at a time, see `clause_host`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.hosted import chunks

RATE_HZ = 8_000
RATES_HZ = (8_000, 16_000)
MAX_TEXT_CHARS = 4_000
"""Per utterance: about four minutes of speech."""

LIMITS = HostLimits(max_streams=256, request_s=10.0)
"""A child speaks faster than real time by far: many utterances may share one, and then wait for each other."""


@dataclass(frozen=True, slots=True)
class Voices:
    """An engine's voices: the `configured` one, which speaks `language`; the one for each language that can be asked
    for, by tags in lower case; the `names` of all, with their languages; and those whose words have `exact` places,
    None: all of them."""

    configured: str
    language: str
    by_language: Mapping[str, str]
    names: Mapping[str, str]
    exact: frozenset[str] | None = None


class ClauseTts:
    """`TtsEngine` over `workers` children that run `target`, a ClauseHost; they get `options`.

    `speed` 1 is the voice's own pace. It speaks at 8 kHz, and `at_rate` at 16.

    A chunk is a clause, or two seconds of a long one; a word is delimited by white space, and ends with its last
    sound. There is next to no silence around an utterance: up to 5 ms before, 60 ms after.
    """

    def __init__(
        self,
        name: str,
        target: str,
        voices: Voices,
        *,
        options: Mapping[str, object],
        speed: float = 1.0,
        workers: int = 1,
        limits: HostLimits = LIMITS,
    ) -> None:
        self.name = name
        self.voices = dict(voices.names)
        self._table = voices
        self._voice = ""  # the configured one
        self._language = voices.language
        self._speed = speed
        languages = tuple(voices.by_language)
        self.capabilities = TtsCapabilities(RATE_HZ, self._is_exact(voices.configured), languages=languages)
        self._pool = HostPool(target, workers, name=name, options=options, limits=limits)

    async def start(self) -> None:
        """Start the children. Raises EngineError."""
        await self._pool.start()

    async def close(self) -> None:
        """End the children; synthesis in progress fails. Idempotent."""
        await self._pool.close()

    def at_rate(self, rate_hz: int) -> Self:
        """The same voice and children, at one of RATES_HZ. Raises ValueError for another."""
        if rate_hz not in RATES_HZ:
            raise ValueError(f"{rate_hz} Hz, not one of {RATES_HZ}")
        other = copy(self)
        other.capabilities = replace(self.capabilities, rate_hz=rate_hz)
        return other

    def in_language(self, language: str) -> Self:
        """The same children with the voice for one of the languages. Raises KeyError for another."""
        return self._speaking(self._table.by_language[language.lower()], language)

    def with_voice(self, voice: str) -> Self:
        """The same children with one of `voices`. Raises KeyError for another."""
        return self._speaking(voice, self.voices[voice] or self._language)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`, at most MAX_TEXT_CHARS. Raises EngineError, EngineTimeout if the child hangs."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        if len(text) > MAX_TEXT_CHARS:
            raise EngineError(self.name, "speaking", f"the text is longer than {MAX_TEXT_CHARS} characters")
        request = {
            "text": text,
            "rate_hz": self.capabilities.rate_hz,
            "voice": self._voice,
            "language": self._language,
            "speed": self._speed,
        }
        async with aclosing(chunks(self._pool, request)) as spoken:
            async for chunk in spoken:
                yield chunk

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()

    def _speaking(self, voice: str, language: str) -> Self:
        other = copy(self)
        other._voice, other._language = voice, language
        other.capabilities = replace(self.capabilities, word_positions=self._is_exact(voice))
        return other

    def _is_exact(self, voice: str) -> bool:
        return self._table.exact is None or voice in self._table.exact
