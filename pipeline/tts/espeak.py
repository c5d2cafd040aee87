"""A voice that needs no model file: espeak-ng. In child processes only: it is GPL-3, this package is not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from importlib.util import find_spec

from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.espeak_voices import installed_voices
from offhook.pipeline.tts.hosted import chunks
from offhook.pipeline.tts.normalize import language_of_voice

NAME = "espeak"
HOST = "offhook.pipeline.engine_host.espeak_engine:HostedEspeak"
RATE_HZ = 8_000
RATES_HZ = (8_000, 16_000)
MAX_TEXT_CHARS = 4_000
"""Per utterance: about four minutes of speech."""

MIN_RATE_WPM, MAX_RATE_WPM = 80, 450
"""The rates that espeak-ng supports."""


class EspeakEngine:
    """`TtsEngine` over `workers` children.

    `voice` is one of espeak-ng's names ("en-us", "en-gb-x-rp", "de" …). `in_language` speaks with the voice that
    `voices` has for the language, or with espeak-ng's own for it. A chunk is a clause, or two seconds of a long
    one; a word is delimited by white space, and ends with its last sound. There is next to no silence around an
    utterance: up to 5 ms before, 60 ms after. It speaks at 8 kHz, and `at_rate` at 16. Raises ValueError for a rate of
    speech that espeak-ng does not support.
    """

    def __init__(
        self,
        voice: str = "en-us",
        rate_wpm: int = 165,
        *,
        voices: Mapping[str, str] | None = None,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        if not MIN_RATE_WPM <= rate_wpm <= MAX_RATE_WPM:
            raise ValueError(f"{rate_wpm} words a minute, not {MIN_RATE_WPM} to {MAX_RATE_WPM}")
        self._voices = installed_voices() | {tag.lower(): name for tag, name in (voices or {}).items()}
        self._voice = ""  # the configured one
        self._language = language_of_voice(voice)
        self.capabilities = TtsCapabilities(rate_hz=RATE_HZ, word_positions=True, languages=tuple(self._voices))
        options = {"voice": voice, "rate_wpm": rate_wpm, "voices": sorted(set((voices or {}).values()))}
        self._pool = HostPool(HOST, workers, name=NAME, options=options, limits=limits)

    async def start(self) -> None:
        """Start the children. Raises EngineError if espeak-ng is not installed, or has no such voice."""
        if find_spec("espeakng_loader") is None:
            hint = "Type: pip install 'offhook[local]'"
            raise EngineError(NAME, "starting", "the package espeakng-loader is not installed", hint)
        await self._pool.start()

    def at_rate(self, rate_hz: int) -> "EspeakEngine":
        """The same voice and children, at one of RATES_HZ. Raises ValueError for another."""
        if rate_hz not in RATES_HZ:
            raise ValueError(f"{rate_hz} Hz, not one of {RATES_HZ}")
        other = copy(self)
        other.capabilities = replace(self.capabilities, rate_hz=rate_hz)
        return other

    def in_language(self, language: str) -> "EspeakEngine":
        """The same children with the voice for one of the languages. Raises KeyError for another."""
        other = copy(self)
        other._voice, other._language = self._voices[language.lower()], language
        return other

    async def close(self) -> None:
        """End the children; synthesis in progress fails. Idempotent."""
        await self._pool.close()

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`, at most MAX_TEXT_CHARS. Raises EngineError, EngineTimeout if the child hangs."""
        if len(text) > MAX_TEXT_CHARS:
            raise EngineError(NAME, "speaking", f"the text is longer than {MAX_TEXT_CHARS} characters")
        rate_hz = self.capabilities.rate_hz
        request = {"text": text, "rate_hz": rate_hz, "voice": self._voice, "language": self._language}
        async with aclosing(chunks(self._pool, request)) as spoken:
            async for chunk in spoken:
                yield chunk

    name = NAME

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()
