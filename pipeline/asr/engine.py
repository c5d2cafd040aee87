"""What a recogniser is to the rest of the pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Encoding = Literal["LINEAR16", "PCMU", "PCMA"]
"""Of an engine's audio: 16-bit little-endian mono PCM at any rate, or one of the laws of G.711 at 8000 Hz."""


@dataclass(frozen=True, slots=True)
class AsrCapabilities:
    """What an engine takes, and what it can do. `asr.adapt` makes up for what it lacks, or refuses it at the start.

    `rate_hz` and `encoding` are those of the audio that it takes. `grammar`: JSGF is understood; without it an engine
    gets the question's phrases as hints, and its words are matched with them afterwards. `free_speech`: it recognises
    without a grammar. `partials`: it reports words before the turn is over; `word_times`, `confidence`: its transcripts
    have them. `ends_turns`: it decides itself when a turn is over, and says so. `languages` are BCP 47 tags, "en" for
    all of English; empty: any.
    """

    rate_hz: int
    grammar: bool
    free_speech: bool
    partials: bool
    encoding: Encoding = "LINEAR16"
    word_times: bool = False
    confidence: bool = False
    ends_turns: bool = False
    languages: tuple[str, ...] = ()


def knows_language(languages: tuple[str, ...], wanted: str) -> bool:
    """Whether an engine of these languages knows the one that is `wanted` (BCP 47, in any case)."""
    wanted = wanted.lower()
    return not languages or any(
        wanted == known.lower() or wanted.startswith(f"{known.lower()}-") for known in languages
    )


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """One turn to recognise: with the JSGF `grammar`, or without one as free speech.

    `phrases` are what the caller may well say, for engines that take hints; `language` is a BCP 47 tag, None for the
    engine's own.
    """

    grammar: str | None = None
    phrases: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word with its time in seconds from the turn's first audio, and its confidence where there is one."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said ("": nothing recognised) and, where the engine has one, a `confidence` from 0 to 1.

    `words` have the times; `alternatives` are other readings, the likeliest first. Either may be empty.
    """

    text: str
    confidence: float | None = None
    words: tuple[RecognisedWord, ...] = ()
    alternatives: tuple[str, ...] = ()


class AsrStream(Protocol):
    """One turn being recognised. `finish` or `cancel` ends it; nothing may be called after either."""

    def feed(self, pcm: bytes) -> None:
        """Take the next audio in the engine's encoding and at its rate, of any length. Never blocks."""

    async def finish(self) -> Transcript:
        """No more audio comes: the transcript. Raises EngineError, EngineTimeout when the engine hangs."""
        ...

    def cancel(self) -> None:
        """Drop the turn, its result is not wanted. Idempotent; a waiting `finish` may raise EngineError."""


class AsrEngine(Protocol):
    """A recogniser, shared by all calls of the process."""

    @property
    def capabilities(self) -> AsrCapabilities:
        """Known before `start`."""
        ...

    async def start(self) -> None:
        """Get ready for `open`. Raises EngineError when that cannot be."""

    async def close(self) -> None:
        """End all streams and free everything. Idempotent."""

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn; returns at once.

        `on_partial` gets the text so far, on the event loop's thread, if there are partials. A failure (a
        refused grammar, no engine left) is raised as EngineError by `finish`, or here.
        """
        ...
