"""What callers say, as a flow's file has it: what is wrong with a phrase, and which of them are the same. Pure."""

from collections.abc import Iterator
from functools import lru_cache

from offhook.pipeline.dialog.hints import phrase_hint
from offhook.pipeline.dialog.limits import MAX_PHRASE_CHARS
from offhook.pipeline.dialog.problem import FlowProblem, Path

KEPT = 10_000
"""Phrases that are looked at once: commands are checked with every question."""


@lru_cache(KEPT)
def sound_of(phrase: str) -> str:
    """A key that is equal for phrases that sound the same (in `pipeline.understanding.menu.match`, too)."""
    words = phrase.lower().replace("’", "'").replace("-", " ").split()
    return " ".join("zero" if word == "oh" else word for word in words)


def phrase_faults(phrase: str, path: Path) -> Iterator[FlowProblem]:
    """Why a phrase cannot be listened for."""
    fault = _fault(phrase)
    if fault is not None:
        yield FlowProblem(*fault, path)


@lru_cache(KEPT)
def _fault(phrase: str) -> tuple[str, str, str] | None:
    """What is wrong, why, and what to do."""
    key = sound_of(phrase)
    odd = sorted({c for c in key if not (c.isalpha() or c in " '’-")})
    if not any(c.isalpha() for c in key):
        todo = "write words; keys go to `key: 1`"
        return f"phrase `{phrase}` has no word", "a phrase is what the caller says", todo
    if odd:
        why = "a phrase consists of words as they are spoken, without " + " ".join(odd)
        return f"phrase `{phrase}` cannot be recognised", why, phrase_hint(phrase)
    if len(key) > MAX_PHRASE_CHARS:
        why = f"at most {MAX_PHRASE_CHARS} characters are listened for"
        return "the phrase is too long", why, "keep the words that matter"
    return None
