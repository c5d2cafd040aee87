"""The interface of a voice."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TtsCapabilities:
    """What an engine produces, and what it can do.

    Its audio has `encoding` (16-bit mono PCM, or a G.711 law) at `rate_hz`. `word_positions`: its chunks carry words;
    otherwise an even pace is assumed. `languages` are BCP 47 tags, "en" for all of English; empty means any.
    """

    rate_hz: int
    word_positions: bool
    encoding: Literal["LINEAR16", "PCMU", "PCMA"] = "LINEAR16"
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word, `text[char_start:char_end]` of the text given; its samples count from the utterance's start.

    `is_estimated`: the voice does not know where it is; it was placed at an even pace.
    """

    text: str
    char_start: int
    char_end: int
    start_sample: int
    end_sample: int
    is_estimated: bool = False

    def moved(self, chars: int, samples: int) -> "Word":
        """The same word where its text and its audio are part of longer ones."""
        return Word(
            self.text,
            self.char_start + chars,
            self.char_end + chars,
            self.start_sample + samples,
            self.end_sample + samples,
            self.is_estimated,
        )


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of mono audio at the engine's rate and encoding, and the words that became known with it.

    `keep`: whether the utterance may be cached, to be said again. `engine`: which one of a chain speaks.
    """

    pcm: bytes
    words: tuple[Word, ...] = ()
    keep: bool = True
    engine: str = ""


class TtsEngine(Protocol):
    """A voice, shared by all calls of the process."""

    @property
    def capabilities(self) -> TtsCapabilities:
        """Must be known before `start`."""
        ...

    async def start(self) -> None:
        """Get ready for `synthesize`. Raises EngineError if that is impossible."""

    async def close(self) -> None:
        """End all synthesis and free everything. Idempotent."""

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`: yields chunks in order, as soon as they are ready.

        Raises EngineError (EngineTimeout if hung) while iterated. To stop early, close the iterator.
        """
        ...


@runtime_checkable
class MultilingualTtsEngine(TtsEngine, Protocol):
    """A voice that speaks more than one language."""

    def in_language(self, language: str) -> TtsEngine:
        """The same voice in one of its `capabilities.languages` (any BCP 47 tag if it declares none); it starts and
        ends with this one."""
        ...


@runtime_checkable
class RatedTtsEngine(TtsEngine, Protocol):
    """A voice that can speak at more than one rate."""

    def at_rate(self, rate_hz: int) -> TtsEngine:
        """The same voice at 8000 or 16000 Hz; it starts and ends with this one."""
        ...


@runtime_checkable
class NamedVoicesTtsEngine(TtsEngine, Protocol):
    """A voice engine with several voices to choose from."""

    @property
    def voices(self) -> Mapping[str, str]:
        """The names of the voices that can speak here and now, and the BCP 47 language of each ("": any)."""
        ...

    def with_voice(self, voice: str) -> TtsEngine:
        """The same engine with one of its voices; it starts and ends with this one. Raises KeyError for another."""
        ...


@runtime_checkable
class ListingTtsEngine(TtsEngine, Protocol):
    """A voice engine whose voices are only known to its service."""

    async def list_voices(self) -> Mapping[str, str]:
        """As NamedVoicesTtsEngine.voices, asked of the service; the engine need not have been started. Raises
        EngineError."""
        ...


@runtime_checkable
class LineTtsEngine(TtsEngine, Protocol):
    """A voice that gives a line's audio as it is: in more than one encoding or rate."""

    def for_line(self, encoding: str, rate_hz: int) -> TtsEngine:
        """The same voice in the encoding and rate that suit a line with these; it starts and ends with this one. On a
        line with PCMU or PCMA that is usually the line's own law."""
        ...


class TtsConversation(Protocol):
    """A voice in one call: it keeps its context from text to text, and is notified what became of its audio.

    The texts of an utterance come one after the other; `finished` or `interrupted` ends it. A text that another call
    has had spoken before may be missing: it comes from a cache.
    """

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        ...

    def finished(self) -> None:
        """The utterance has been played to its end. Returns at once."""

    def interrupted(self, text: str, played_samples: int) -> None:
        """The caller cut the utterance off, having heard `played_samples` (at the engine's rate) of `text`, one of its
        texts, and nothing of what follows. Its synthesis may still be going on, and is closed next. A text that it was
        not given came from a cache. Returns at once."""

    def close(self) -> None:
        """The call is over. Speech that other calls wait for goes on. Idempotent; returns at once."""


@runtime_checkable
class ConversationalTtsEngine(TtsEngine, Protocol):
    """A voice that keeps a context within a call, or wants to know where a caller stopped hearing."""

    def conversation(self) -> TtsConversation:
        """For a call that begins."""
        ...
