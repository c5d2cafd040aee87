"""What a voice is to the rest of the pipeline."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TtsCapabilities:
    """What an engine gives, and what it can do.

    Its audio has `encoding` (16-bit mono PCM, or a law of G.711) at `rate_hz`. `word_positions`: its chunks carry
    words; without it words are placed at an even pace. `languages` are BCP 47 tags, "en" for all of English; empty:
    any.
    """

    rate_hz: int
    word_positions: bool
    encoding: Literal["LINEAR16", "PCMU", "PCMA"] = "LINEAR16"
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word, `text[char_start:char_end]` of the text given; its samples count from the utterance's start."""

    text: str
    char_start: int
    char_end: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """Some mono audio at the engine's rate and in its encoding, and the words that became known with it."""

    pcm: bytes
    words: tuple[Word, ...] = ()


class TtsEngine(Protocol):
    """A voice, shared by all calls of the process."""

    @property
    def capabilities(self) -> TtsCapabilities:
        """Known before `start`."""
        ...

    async def start(self) -> None:
        """Get ready for `synthesize`. Raises EngineError when that cannot be."""

    async def close(self) -> None:
        """End all synthesis and free everything. Idempotent."""

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`: chunks in order, as soon as they are there.

        Raises EngineError (EngineTimeout when hung) while iterated. To stop early, close the iterator.
        """
        ...


@runtime_checkable
class RatedTtsEngine(TtsEngine, Protocol):
    """A voice that speaks at more than one rate."""

    def at_rate(self, rate_hz: int) -> TtsEngine:
        """The same voice, which speaks at 8000 or 16000 Hz; it starts and ends with this one."""
        ...
