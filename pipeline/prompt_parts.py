"""What a prompt is made of where it is more than a text for the voice: texts, pauses, recordings. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from offhook.pipeline.clauses import Clause, clauses
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.recording import Recording


@dataclass(frozen=True, slots=True)
class Words:
    """A text for the voice; with a `language` of its own (BCP 47), for the engine's own voice for that."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    ms: int

    @property
    def text(self) -> str:
        """Nothing is said."""
        return ""

    @property
    def ticks(self) -> int:
        """In 1/8000 s."""
        return self.ms * TICK_HZ // 1000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording in which `text` is said; empty: no words."""

    text: str
    recording: Recording


Part = Words | Pause | Recorded


class Span(NamedTuple):
    """A clause for the voice, or a part of another kind, which begins at `start` of the prompt's text. `part`: how it
    is made; None: the voice speaks it as it does the rest."""

    start: int
    text: str
    part: Part | None = None

    @property
    def ends_softly(self) -> bool:
        """Whether the sentence continues after it."""
        return Clause(self.start, self.text).ends_softly

    @property
    def is_spoken(self) -> bool:
        """Whether a voice speaks it, which needs a gap before the next clause."""
        return self.part is None or isinstance(self.part, Words)


def transcript(parts: Iterable[Part]) -> str:
    """What is said in all of them, a space between two."""
    return " ".join(part.text for part in parts if part.text)


def spans(parts: Iterable[Part], language: str) -> Iterator[Span]:
    """The clauses and other parts in their order, placed in the `transcript`. `language` is that of the prompt."""
    start = 0
    for part in parts:
        if isinstance(part, Words):
            own = part if part.language is not None else None
            for clause in clauses(part.text, part.language or language):
                yield Span(start + clause.start, clause.text, own)
        else:
            yield Span(start, part.text, part)
        start += len(part.text) + 1 if part.text else 0
