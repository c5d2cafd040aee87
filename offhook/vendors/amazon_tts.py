"""Amazon Polly: `[tts] engine = "amazon"`.

One HTTP request a text, whose audio comes while it is made: in the line's own G.711 law, or PCM at 8 or 16 kHz. A
second request, at the same time, asks where the words are (Polly's speech marks). Polly's stream for texts that are not
complete (StartSpeechSynthesisStream) is not used: it needs HTTP/2, has only the generative voices, and no speech marks,
while a bot hands over whole clauses anyway.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from copy import copy
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word
from offhook.vendors.amazon import JSON, Account, AmazonOptions
from offhook.vendors.amazon_languages import HINDI, VOICES, voice_for
from offhook.vendors.g711 import Format, line_format
from offhook.vendors.http_voice import HttpTts
from offhook.vendors.limits import Limits
from offhook.vendors.word_times import finite, tokens

FORMATS = {"PCMU": "mulaw", "PCMA": "alaw", "LINEAR16": "pcm"}
MARKS_S = 0.5
"""For the places of the words to come after the audio, before they are assumed."""

MAX_MARKS_BYTES = 1_000_000

BILINGUAL = ("Aditi", HINDI)
"""Indian voices, which must be told the language."""

_LANGUAGES = tuple(dict.fromkeys(each for tag in (*VOICES.values(), "hi-IN") for each in (primary(tag), tag)))


class AmazonTtsOptions(AmazonOptions):
    """See docs/engines.md."""

    voice: str | None = None
    voices: dict[str, str] = Field(default_factory=dict)
    model: Literal["standard", "neural", "long-form", "generative"] = "neural"
    lexicons: tuple[str, ...] = ()
    word_times: bool = True
    encoding: Literal["line", "PCMU", "PCMA", "LINEAR16"] = "line"
    first_audio_ms: Annotated[int, Field(ge=100, le=10_000)] = 2_000


class AmazonTts(HttpTts):
    """`TtsEngine`, `LineTtsEngine`, `MultilingualTtsEngine` and `NamedVoicesTtsEngine`. `characters` are those that
    Amazon bills: with word times each text twice."""

    def __init__(self, options: AmazonTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        super().__init__(context.name, limits)
        self.options = options
        self.language = context.language
        self.voice = options.voice or context.voice or self._voice_for(context.language)
        self._target = Account(options, context, "polly").target("/v1/speech")
        self._use(Format("PCMU" if options.encoding == "line" else options.encoding, 8_000))

    @property
    def voices(self) -> Mapping[str, str]:
        """See NamedVoicesTtsEngine."""
        return VOICES if self.voice in VOICES else {self.voice: self.language, **VOICES}

    def for_line(self, encoding: str, rate_hz: int) -> Self:
        """The same for a line: its G.711 law as it is, unless the options say otherwise."""
        form = line_format(encoding, rate_hz)
        if self.options.encoding != "line" or form == self.form:
            return self
        other = copy(self)
        other._use(form)
        return other

    def in_language(self, language: str) -> Self:
        """See MultilingualTtsEngine."""
        other = copy(self)
        other.language = language
        other.voice = self._voice_for(language)
        return other

    def with_voice(self, voice: str) -> Self:
        """See NamedVoicesTtsEngine."""
        other = copy(self)
        other.language = self.voices[voice]
        other.voice = voice
        return other

    def audio(self, text: str) -> AsyncGenerator[bytes]:
        """See HttpTts."""
        return self._ask(text, {"OutputFormat": FORMATS[self.form.encoding], "SampleRate": str(self.form.rate_hz)})

    def _use(self, form: Format) -> None:
        self.form = form
        self.sample_bytes = form.sample_bytes
        exact = self.options.word_times and self.options.model != "generative"
        self.capabilities = TtsCapabilities(
            form.rate_hz, word_positions=exact, encoding=form.encoding, languages=_LANGUAGES
        )

    def _voice_for(self, language: str) -> str:
        own = self.options.voices
        return own.get(language) or own.get(primary(language)) or voice_for(language) or "Joanna"

    def _ask(self, text: str, output: Mapping[str, object]) -> AsyncGenerator[bytes]:
        """The answer to a request: audio, or the places of the words."""
        self.count(text)
        request = {"Text": text, "VoiceId": self.voice, "Engine": self.options.model, **output}
        if self.voice in BILINGUAL:
            request["LanguageCode"] = "hi-IN" if primary(self.language) == "hi" else "en-IN"
        if self.options.lexicons:
            request["LexiconNames"] = self.options.lexicons
        first_s = self.options.first_audio_ms / 1000
        return self._client.post(self._target, json.dumps(request).encode(), JSON, first_s)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        samples, told = 0, 0
        marks = asyncio.create_task(self._marks(text)) if self.capabilities.word_positions else None
        pieces = self.samples(text)
        try:
            async for piece in pieces:
                samples += len(piece) // self.sample_bytes
                words: tuple[Word, ...] = ()
                if marks is not None and marks.done() and not told:
                    words = place(text, marks.result(), self.form.rate_hz, None)
                    told = len(words)
                yield SpeechChunk(piece, words)
            if marks is not None:
                await asyncio.wait([marks], timeout=MARKS_S)
                found = marks.result() if marks.done() else []
                yield SpeechChunk(b"", place(text, found, self.form.rate_hz, samples)[told:])
        finally:
            await pieces.aclose()
            if marks is not None:
                marks.cancel()
                await asyncio.wait([marks])

    async def _marks(self, text: str) -> "list[Mark]":
        """Where the words begin; empty if Polly does not say."""
        found = b""
        pieces = self._ask(text, {"OutputFormat": "json", "SpeechMarkTypes": ["word"]})
        try:
            async for piece in pieces:
                found += piece
                if len(found) > MAX_MARKS_BYTES:
                    return []
        except EngineError:
            return []
        finally:
            await pieces.aclose()
        return list(read_marks(text, found))


class Mark(NamedTuple):
    """A word of Polly's: where it begins in the text, and in the audio."""

    char_start: int
    start_s: float


def read_marks(text: str, lines: bytes) -> Iterable[Mark]:
    """The words in Polly's answer, whose places are bytes of UTF-8. What cannot be read is left out."""
    encoded = text.encode()
    for line in lines.splitlines():
        with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
            fields = json.loads(line)
            if fields["type"] == "word":
                before = encoded[: int(fields["start"])].decode("utf-8", "ignore")
                yield Mark(len(before), finite(fields["time"]) / 1000)


def place(text: str, marks: list[Mark], rate_hz: int, samples: int | None) -> tuple[Word, ...]:
    """The words of `text`, each up to the beginning of the next. The last one ends with the audio of `samples`, and is
    left out while those are not known.

    Without marks the words are spread evenly over the audio.
    """
    spans = tokens(text)
    if not marks:
        if samples is None or not spans:
            return ()
        pace = samples / max(1, len(text))
        return tuple(Word(text[a:b], a, b, round(a * pace), round(b * pace)) for a, b in spans)
    begins: list[tuple[int, int, int]] = []
    for char_start, start_s in marks:
        span = next(((a, b) for a, b in spans if a <= char_start < b), None)
        if span is not None and (not begins or span[0] > begins[-1][0]):
            begins.append((*span, round(start_s * rate_hz)))
    ends = [start for _, _, start in begins[1:]] + ([samples] if samples is not None else [])
    return tuple(
        Word(text[a:b], a, b, start, max(start, end)) for (a, b, start), end in zip(begins, ends, strict=False)
    )


def make(options: Mapping[str, Any], context: EngineContext) -> AmazonTts:
    """The factory of `tts.engine = "amazon"`."""
    return AmazonTts(read_options(AmazonTtsOptions, options, context), context)
