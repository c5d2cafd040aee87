"""A voice ready for one line: text in, payload in the line's encoding with the places of its words out, cached."""

from collections.abc import Callable

from offhook.pipeline.tts.cache import Clip, ClipCache
from offhook.pipeline.tts.engine import RatedTtsEngine, TtsEngine, Word
from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.tts.recorded import spread

LINE_RATE_HZ = 8_000
"""Of a narrow line, and of the ticks in which every line counts."""


class Voice:
    """Joins an engine, the normaliser and the cache.

    `resample(pcm, from_hz, to_hz)` brings the engine's audio to the line's rate where it has another.
    """

    def __init__(
        self, name: str, engine: TtsEngine, cache: ClipCache, resample: Callable[[bytes, int, int], bytes]
    ) -> None:
        self.name = name
        self._engine = engine
        self._cache = cache
        self._resample = resample

    async def clip(self, text: str, encoding: str, encode: Callable[[bytes], bytes], line_rate_hz: int) -> Clip:
        """`text` spoken, as payload; words count from the clip's start in ticks of 1/8000 s, and in `text`.

        `encode` takes PCM at `line_rate_hz`, which goes with `encoding`.

        An engine that does not tell where its words are is taken to speak at an even pace. Raises EngineError.
        """
        return await self._cache.get((self.name, text, encoding), lambda: self._synthesise(text, encode, line_rate_hz))

    async def _synthesise(self, text: str, encode: Callable[[bytes], bytes], line_rate_hz: int) -> Clip:
        spoken = normalize(text)
        engine = self._engine.at_rate(line_rate_hz) if isinstance(self._engine, RatedTtsEngine) else self._engine
        rate_hz = engine.capabilities.rate_hz
        pcm, words = bytearray(), list[Word]()
        async for chunk in engine.synthesize(spoken.text):
            pcm += chunk.pcm
            words += chunk.words
        audio = bytes(pcm) if rate_hz == line_rate_hz else self._resample(bytes(pcm), rate_hz, line_rate_hz)
        samples = len(audio) * LINE_RATE_HZ // (2 * line_rate_hz)
        if not words:
            return Clip(encode(audio), spread(text, samples))

        def place(word: Word) -> Word:
            start, end = spoken.source_span(word.char_start, word.char_end)
            # An engine's last word may end a little behind its audio: it could never be heard whole.
            first, last = (min(at * LINE_RATE_HZ // rate_hz, samples) for at in (word.start_sample, word.end_sample))
            return Word(text[start:end], start, end, first, last)

        return Clip(encode(audio), tuple(place(word) for word in words))
