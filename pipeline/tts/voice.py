"""A voice for one line: text in, payload in the line's encoding with word positions out, cached."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import NamedTuple

from offhook.pipeline.errors import EngineTimeout
from offhook.pipeline.language import covers, known_as
from offhook.pipeline.rates import TICK_HZ, MakeResampler
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.clip import Clip, joined
from offhook.pipeline.tts.engine import (
    ConversationalTtsEngine,
    LineTtsEngine,
    MultilingualTtsEngine,
    NamedVoicesTtsEngine,
    RatedTtsEngine,
    SpeechChunk,
    TtsConversation,
    TtsEngine,
)
from offhook.pipeline.tts.named_voice import named_voice
from offhook.pipeline.tts.normalize import DEFAULT_LANGUAGE, normalize, spoken_language
from offhook.pipeline.tts.pace import Pace, spread
from offhook.pipeline.tts.pieces import PieceMaker

LINE_RATE_HZ = TICK_HZ
"""Rate of a narrowband line."""

MAX_WAIT_S = 10.0
"""For a chunk: a voice that hangs would leave the caller in silence for as long as they stay."""

Encode = Callable[[bytes], bytes]


class Voice:
    """Joins an engine, the normaliser and the cache.

    `resampler(from_hz, to_hz)` converts the engine's audio if the line has another rate. Without a language of their
    own, texts are read by the rules of `language` (see `normalize`), and spoken by the engine as it is configured; so
    are texts in `serves`, the language that the configured voice is for (None: `language`).
    """

    def __init__(
        self,
        name: str,
        engine: TtsEngine,
        cache: ClipCache,
        resampler: MakeResampler,
        *,
        language: str = DEFAULT_LANGUAGE,
        serves: str | None = None,
    ) -> None:
        self.name = name
        self.language = language
        self._serves = (serves or language).lower()
        self._engine = engine
        self._cache = cache
        self._resampler = resampler
        self._paces: dict[str, Pace] = {}

    def for_call(self) -> "CallVoice":
        """The same for one call, to be closed with it."""
        return CallVoice(self)

    def with_engine(self, engine: TtsEngine) -> "Voice":
        """The same voice and cache, with another view of its engine."""
        other = copy(self)
        other._engine = engine
        return other

    def stream(
        self,
        text: str,
        encoding: str,
        encode: Encode,
        line_rate_hz: int,
        language: str | None = None,
        voice: str | None = None,
        call: "CallVoice | None" = None,
    ) -> AsyncGenerator[Clip, None]:
        """`text` spoken, as pieces of payload, each as soon as the engine has produced its audio; all at once if
        cached.

        Pieces are whole frames of 20 ms, except for the last. Word positions are in `text`, and in ticks of 1/8000 s
        from the start of the piece in which the word ends (it may begin earlier); for an engine that does not report
        them, an even pace is assumed. `encode` takes PCM at `line_rate_hz`, which goes with `encoding`; it must be
        stateless. `language` is a BCP 47 tag, `voice` the name of one of the engine's voices, which goes before the
        language; an engine that does not know it speaks as if none were given. `call` is the call
        that it is said in, if any.

        Close the iterator to stop early: if nobody else wants the same, the engine is stopped at once. Raises
        EngineError while iterated.
        """

        speech = self._speech(language, voice)
        exact = speech.engine.capabilities.word_positions

        def join(pieces: list[Clip]) -> Clip:
            clip = joined(pieces)
            return clip if exact else replace(clip, words=spread(text, clip.ticks))

        key = (self.name, f"{speech.choice}/{speech.rules}", text, encoding, str(line_rate_hz))
        line = (encoding, line_rate_hz)
        return self._cache.stream(key, lambda: self._synthesise(text, encode, line, speech, call), join)

    async def clip(self, text: str, encoding: str, encode: Encode, line_rate_hz: int) -> Clip:
        """Everything that `stream` yields, in one piece, in the voice's own language."""
        async with aclosing(self.stream(text, encoding, encode, line_rate_hz)) as pieces:
            return joined([piece async for piece in pieces])

    def spoken(self, text: str, language: str | None, voice: str | None) -> str:
        """What the engine is given for `text`."""
        return normalize(text, self._speech(language, voice).rules).text

    def _speech(self, language: str | None, voice: str | None) -> "_Speech":
        engine, own = self._engine, self.language
        other = None if language is None or language.lower() == self._serves else language
        chosen = None if voice is None else named_voice(engine, voice, other)
        if chosen is not None:
            names = engine.voices if isinstance(engine, NamedVoicesTtsEngine) else {}
            rules = spoken_language(language or own, names.get(voice or "", ""))
            return _Speech(chosen, f"voice {voice}, {rules}", rules)
        known = None if other is None else known_as(engine.capabilities.languages, other)
        if other is None or known is None:
            return _Speech(engine, "", own)
        # "en" asks for nothing that an American voice lacks, and leaves its reading of dates as it is.
        rules = own if covers(other, own) else other.lower()
        if covers(known, own) or not isinstance(engine, MultilingualTtsEngine):
            return _Speech(engine, "", rules)
        return _Speech(engine.in_language(known), known.lower(), rules)

    async def _synthesise(
        self, text: str, encode: Encode, line: tuple[str, int], speech: "_Speech", call: "CallVoice | None"
    ) -> AsyncGenerator[Clip, None]:
        spoken, engine = normalize(text, speech.rules), speech.engine
        encoding, line_rate_hz = line
        if isinstance(engine, LineTtsEngine):
            engine = engine.for_line(encoding, line_rate_hz)
        elif isinstance(engine, RatedTtsEngine):
            engine = engine.at_rate(line_rate_hz)
        speaker = engine if call is None else call.speaker(engine, (speech.choice, *line))
        rate_hz = engine.capabilities.rate_hz
        resampler = None if rate_hz == line_rate_hz else self._resampler(rate_hz, line_rate_hz)
        pace = None if engine.capabilities.word_positions else self._paces.setdefault(speech.choice, Pace())
        maker = PieceMaker(text, spoken, rate_hz, line_rate_hz, encode, resampler, pace)
        async with closing(speaker.synthesize(spoken.text)) as chunks:
            keep, by = True, ""
            async for chunk in self._in_time(chunks):
                keep, by = keep and chunk.keep, chunk.engine
                if (piece := maker.push(chunk)) is not None:
                    yield replace(piece, keep=keep, engine=by)
        if (piece := maker.finish()) is not None:
            yield replace(piece, keep=keep, engine=by)

    async def _in_time(self, chunks: AsyncIterator[SpeechChunk]) -> AsyncIterator[SpeechChunk]:
        while True:
            try:
                async with asyncio.timeout(MAX_WAIT_S):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise EngineTimeout(self.name, "speaking", f"there was no audio for {MAX_WAIT_S:g} s") from None
            yield chunk


class CallVoice:
    """A voice in one call: an engine that keeps a context within a call gets one, and is notified what was played."""

    def __init__(self, voice: Voice) -> None:
        self.name = voice.name
        self.language = voice.language
        self._voice = voice
        self._conversations: dict[tuple[str, str, int], tuple[TtsConversation, int]] = {}
        self._closed = False

    def stream(
        self,
        text: str,
        encoding: str,
        encode: Encode,
        line_rate_hz: int,
        language: str | None = None,
        voice: str | None = None,
        *,
        apart: bool = False,
    ) -> AsyncGenerator[Clip, None]:
        """See Voice. `apart`: outside the call's conversation with the engine, for a text that may never be said."""
        within = None if apart else self
        return self._voice.stream(text, encoding, encode, line_rate_hz, language, voice, within)

    def finished(self) -> None:
        """The utterance was played to its end."""
        for conversation, _ in self._conversations.values():
            conversation.finished()

    def interrupted(self, text: str, played_ticks: int, language: str | None = None, voice: str | None = None) -> None:
        """The caller has heard so much of `text`, and nothing of what follows."""
        if self._conversations:
            spoken = self._voice.spoken(text, language, voice)
            for conversation, rate_hz in self._conversations.values():
                conversation.interrupted(spoken, played_ticks * rate_hz // TICK_HZ)

    def close(self) -> None:
        """The call is over. Idempotent."""
        self._closed = True
        for conversation, _ in self._conversations.values():
            conversation.close()
        self._conversations.clear()

    def speaker(self, engine: TtsEngine, key: tuple[str, str, int]) -> "TtsEngine | TtsConversation":
        """What speaks: the call's conversation with the engine in that language and format, if it has conversations."""
        if self._closed or not isinstance(engine, ConversationalTtsEngine):
            return engine
        if key not in self._conversations:
            self._conversations[key] = (engine.conversation(), engine.capabilities.rate_hz)
        return self._conversations[key][0]


class _Speech(NamedTuple):
    """How a text is spoken: by which engine, in which of its languages or voices ("": its own), read by which rules."""

    engine: TtsEngine
    choice: str
    rules: str


@asynccontextmanager
async def closing(chunks: AsyncIterator[SpeechChunk]) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
    """Closes an engine's iterator at the end, if it can be closed: not every one is a generator."""
    try:
        yield chunks
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
