"""A voice that needs no model file: espeak-ng. In child processes only: it is GPL-3, this package is not."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from copy import copy
from importlib.util import find_spec

from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.hosted import chunks

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

    `voice` is one of espeak-ng's names ("en-us", "en-gb-x-rp", "de" …). A chunk is a clause, or two seconds of a long
    one; a word is delimited by white space, and ends with its last sound. There is next to no silence around an
    utterance: up to 5 ms before, 60 ms after. It speaks at 8 kHz, and `at_rate` at 16. Raises ValueError for a rate of
    speech that espeak-ng does not support.
    """

    def __init__(
        self,
        voice: str = "en-us",
        rate_wpm: int = 165,
        *,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        if not MIN_RATE_WPM <= rate_wpm <= MAX_RATE_WPM:
            raise ValueError(f"{rate_wpm} words a minute, not {MIN_RATE_WPM} to {MAX_RATE_WPM}")
        self.capabilities = TtsCapabilities(rate_hz=RATE_HZ, word_positions=True)
        options = {"voice": voice, "rate_wpm": rate_wpm}
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
        other.capabilities = TtsCapabilities(rate_hz=rate_hz, word_positions=True)
        return other

    async def close(self) -> None:
        """End the children; synthesis in progress fails. Idempotent."""
        await self._pool.close()

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`, at most MAX_TEXT_CHARS. Raises EngineError, EngineTimeout if the child hangs."""
        if len(text) > MAX_TEXT_CHARS:
            raise EngineError(NAME, "speaking", f"the text is longer than {MAX_TEXT_CHARS} characters")
        async with aclosing(chunks(self._pool, {"text": text, "rate_hz": self.capabilities.rate_hz})) as spoken:
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
