"""Words that callers are likely to say, as far as a vendor takes them: those of the options, and a question's phrases.
Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class KeytermLimits:
    """What a vendor takes: so many terms, so many characters and words in each, and so many characters in all."""

    terms: int = 100
    term_chars: int = 50
    term_words: int = 6
    total_chars: int = 5_000


@dataclass(frozen=True, slots=True)
class Preference:
    """What a turn prefers: these words. `message` tells an open stream so; None: it must be told when it is opened."""

    keyterms: tuple[str, ...] = ()
    message: str | None = None


class KeytermOptions(BaseModel):
    """Options of recognisers that take such words. `phrases`: those of a question are among them."""

    keyterms: tuple[str, ...] = ()
    phrases: bool = True


def keyterms_of(options: KeytermOptions, phrases: Iterable[str], limits: KeytermLimits) -> tuple[str, ...]:
    """The terms for a turn, those of the options first, each once; what the vendor would refuse is left out."""
    found: dict[str, str] = {}
    left = limits.total_chars
    for words in (*options.keyterms, *(phrases if options.phrases else ())):
        term = " ".join(words.split())
        if not term or len(term) > min(limits.term_chars, left) or len(term.split()) > limits.term_words:
            continue
        if term.casefold() in found:
            continue
        if len(found) == limits.terms:
            break
        found[term.casefold()] = term
        left -= len(term)
    return tuple(found.values())
