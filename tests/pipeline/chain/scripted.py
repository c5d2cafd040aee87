"""Engines that fail as the test wants: silent, slow, broken, in the middle; and what was asked of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrEngine,
    AsrRequest,
    EndpointReport,
    OnEndpoint,
    OnPartial,
    Thresholds,
    Transcript,
)
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Limits
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsEngine, Word
from offhook.telephony.resample import Resampler
from offhook.testing.virtual_time import loop_clock

RATE_HZ = 8_000
PACKET = bytes(320)
"""20 ms."""
WORD_SAMPLES = 2_000
"""Of each word: 250 ms."""
FOREVER_S = 1e6


@dataclass
class ScriptedAsr:
    """A recogniser. It hears `text` after `answer_s`, and reports it word by word, one for each 200 ms of audio."""

    name: str
    text: str = ""
    answer_s: float = 0.05
    refuses: bool = False
    """`open` raises."""
    breaks_after_s: float | None = None
    """Of audio: then the stream shows an error."""
    fails: bool = False
    """`finish` raises."""
    partials: bool = True
    partials_end_s: float = FOREVER_S
    """Of audio: then it is silent."""
    final: bool = True
    """Without one, the words of its partials are taken."""
    late_final_s: float | None = None
    """After `finish` returned without a final: then it comes."""
    ends_turns: bool = False
    grammar: bool = True
    free_speech: bool = True
    rate_hz: int = RATE_HZ
    languages: tuple[str, ...] = ()
    starts: bool = True
    streams: list["ScriptedTurn"] = field(default_factory=list)
    closed: bool = False

    @property
    def capabilities(self) -> AsrCapabilities:
        return AsrCapabilities(
            self.rate_hz,
            grammar=self.grammar,
            free_speech=self.free_speech,
            partials=self.partials,
            ends_turns=self.ends_turns,
            languages=self.languages,
        )

    @property
    def open_streams(self) -> int:
        return sum(not stream.over for stream in self.streams)

    async def start(self) -> None:
        if not self.starts:
            raise EngineError(self.name, "starting", "its key is wrong", "Type: export KEY=…")

    async def close(self) -> None:
        self.closed = True

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> "ScriptedTurn":
        if self.refuses:
            raise EngineError(self.name, "opening a stream", "it is full")
        stream = ScriptedTurn(self, request, on_partial, on_endpoint)
        self.streams.append(stream)
        return stream


class ScriptedTurn:
    def __init__(
        self, engine: ScriptedAsr, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None
    ) -> None:
        self.engine = engine
        self.request = request
        self.on_partial = on_partial
        self.on_endpoint = on_endpoint
        self.audio = b""
        self.error: EngineError | None = None
        self.over = False

    @property
    def seconds(self) -> float:
        return len(self.audio) / (2 * self.engine.rate_hz)

    def feed(self, pcm: bytes) -> None:
        assert not self.over
        before = self.seconds
        self.audio += pcm
        engine = self.engine
        if engine.breaks_after_s is not None and self.seconds >= engine.breaks_after_s:
            self.error = EngineError(engine.name, "listening", "the connection was lost")
        elif engine.partials and int(before / 0.2) < int(min(self.seconds, engine.partials_end_s) / 0.2):
            self.on_partial(" ".join(engine.text.split()[: int(self.seconds / 0.2)]))

    def report(self, endpoint: EndpointReport) -> None:
        assert self.on_endpoint is not None
        self.on_endpoint(endpoint)

    async def finish(self) -> Transcript:
        try:
            await asyncio.sleep(self.engine.answer_s)
            if self.error is not None:
                raise self.error
            if self.engine.fails:
                raise EngineError(self.engine.name, "finishing", "internal error")
            if not self.engine.final:
                if self.engine.late_final_s is not None:
                    asyncio.get_running_loop().call_later(self.engine.late_final_s, self._come_late)
                words = self.engine.text.split()
                return Transcript(
                    " ".join(words[: int(min(self.seconds, self.engine.partials_end_s) / 0.2)]), is_final=False
                )
            return Transcript(self.engine.text, 0.9)
        finally:
            self.over = True

    def cancel(self) -> None:
        self.over = True

    def _come_late(self) -> None:
        if self.request.on_late is not None:
            self.request.on_late(Transcript(self.engine.text, 0.9))


@dataclass
class ScriptedTts:
    """A voice. It gives each word's audio `first_s` after the request, then one each `word_s`."""

    name: str
    value: int = 1
    """Of its samples."""
    first_s: float = 0.05
    word_s: float = 0.0
    stalls_after: int | None = None
    """Words: then it is silent."""
    fails_after: int | None = None
    """Words: then it raises."""
    ends_after: int | None = None
    """Words: then it ends, without an error."""
    half_word: bool = False
    """It gives half of the next word's audio before it fails or stalls."""
    words: bool = True
    rate_hz: int = RATE_HZ
    languages: tuple[str, ...] = ()
    starts: bool = True
    texts: list[str] = field(default_factory=list)
    working: int = 0

    @property
    def capabilities(self) -> TtsCapabilities:
        return TtsCapabilities(self.rate_hz, word_positions=self.words, languages=self.languages)

    async def start(self) -> None:
        if not self.starts:
            raise EngineError(self.name, "starting", "its key is wrong")

    async def close(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.texts.append(text)
        self.working += 1
        try:
            await asyncio.sleep(self.first_s)
            at = sample = 0
            for number, word in enumerate(text.split()):
                if number in (self.fails_after, self.stalls_after) and self.half_word:
                    yield SpeechChunk(self.audio(0.5))
                if number == self.fails_after:
                    raise EngineError(self.name, "speaking", "the connection was lost")
                if number == self.stalls_after:
                    await asyncio.sleep(FOREVER_S)
                if number == self.ends_after:
                    return
                at = text.index(word, at)
                end = sample + WORD_SAMPLES * self.rate_hz // RATE_HZ
                words = (Word(word, at, at + len(word), sample, end),) if self.words else ()
                at, sample = at + len(word), end
                yield SpeechChunk(self.audio(), words)
                await asyncio.sleep(self.word_s)
        finally:
            self.working -= 1

    def audio(self, words: float = 1.0) -> bytes:
        return self.value.to_bytes(2, "little") * round(words * WORD_SAMPLES * self.rate_hz / RATE_HZ)


ASR_LIMITS = Limits(allowance_s=0.5, stall_s=2.0)
TTS_LIMITS = Limits(allowance_s=0.4)


def asr_chain(
    *engines: ScriptedAsr,
    limits: Sequence[Limits] = (),
    thresholds: Mapping[str, Thresholds] | None = None,
    language: str | None = None,
) -> ChainAsr:
    """A chain on the running loop's clock; it is the first day of 1970."""
    members = [
        Member[AsrEngine](engine.name, engine, "asr", limits[i] if i < len(limits) else ASR_LIMITS)
        for i, engine in enumerate(engines)
    ]
    clock = loop_clock()
    return ChainAsr(members, Resampler, thresholds=thresholds, language=language, clock=clock, today=lambda: 0.0)


def tts_chain(*engines: ScriptedTts, limits: Sequence[Limits] = (), language: str | None = None) -> ChainTts:
    members = [
        Member[TtsEngine](engine.name, engine, "tts", limits[i] if i < len(limits) else TTS_LIMITS)
        for i, engine in enumerate(engines)
    ]
    return ChainTts(members, Resampler, language=language, clock=loop_clock(), today=lambda: 0.0)


async def a_moment() -> None:
    """Breakers take the time 0 for never."""
    await asyncio.sleep(100.0)
