"""A voice for one line: text in, payload in the line's encoding with word positions out, cached."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from offhook.pipeline.rates import TICK_HZ, MakeResampler
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.clip import Clip, joined
from offhook.pipeline.tts.engine import RatedTtsEngine, SpeechChunk, TtsEngine
from offhook.pipeline.tts.normalize import DEFAULT_LANGUAGE, normalize
from offhook.pipeline.tts.pace import Pace, spread
from offhook.pipeline.tts.pieces import PieceMaker

LINE_RATE_HZ = TICK_HZ
"""Rate of a narrowband line."""

Encode = Callable[[bytes], bytes]


class Voice:
    """Joins an engine, the normaliser and the cache.

    `resampler(from_hz, to_hz)` converts the engine's audio if the line has another rate; texts are read by the rules of
    `language` (see `normalize`).
    """

    def __init__(
        self,
        name: str,
        engine: TtsEngine,
        cache: ClipCache,
        resampler: MakeResampler,
        *,
        language: str = DEFAULT_LANGUAGE,
    ) -> None:
        self.name = name
        self.language = language
        self._engine = engine
        self._cache = cache
        self._resampler = resampler
        self._pace = None if engine.capabilities.word_positions else Pace()

    def stream(self, text: str, encoding: str, encode: Encode, line_rate_hz: int) -> AsyncGenerator[Clip, None]:
        """`text` spoken, as pieces of payload, each as soon as the engine has produced its audio; all at once if
        cached.

        Pieces are whole frames of 20 ms, except for the last. Word positions are in `text`, and in ticks of 1/8000 s
        from the start of the piece in which the word ends (it may begin earlier); for an engine that does not report
        them, an even pace is assumed. `encode` takes PCM at `line_rate_hz`, which goes with `encoding`; it must be
        stateless.

        Close the iterator to stop early: if nobody else wants the same, the engine is stopped at once. Raises
        EngineError while iterated.
        """

        def join(pieces: list[Clip]) -> Clip:
            clip = joined(pieces)
            return clip if self._pace is None else replace(clip, words=spread(text, clip.ticks))

        key = (self.name, text, encoding, str(line_rate_hz))
        return self._cache.stream(key, lambda: self._synthesise(text, encode, line_rate_hz), join)

    async def clip(self, text: str, encoding: str, encode: Encode, line_rate_hz: int) -> Clip:
        """Everything that `stream` yields, in one piece."""
        async with aclosing(self.stream(text, encoding, encode, line_rate_hz)) as pieces:
            return joined([piece async for piece in pieces])

    async def _synthesise(self, text: str, encode: Encode, line_rate_hz: int) -> AsyncGenerator[Clip, None]:
        spoken = normalize(text, self.language)
        engine = self._engine.at_rate(line_rate_hz) if isinstance(self._engine, RatedTtsEngine) else self._engine
        rate_hz = engine.capabilities.rate_hz
        resampler = None if rate_hz == line_rate_hz else self._resampler(rate_hz, line_rate_hz)
        maker = PieceMaker(text, spoken, rate_hz, line_rate_hz, encode, resampler, self._pace)
        async with closing(engine.synthesize(spoken.text)) as chunks:
            async for chunk in chunks:
                if (piece := maker.push(chunk)) is not None:
                    yield piece
        if (piece := maker.finish()) is not None:
            yield piece


@asynccontextmanager
async def closing(chunks: AsyncIterator[SpeechChunk]) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
    """Closes an engine's iterator at the end, if it can be closed: not every one is a generator."""
    try:
        yield chunks
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
