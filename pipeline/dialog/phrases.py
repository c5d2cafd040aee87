"""What callers say, as a flow's file has it: what is wrong with a phrase, and which of them are the same. Pure."""

from collections.abc import Iterator

from offhook.pipeline.dialog.hints import phrase_hint
from offhook.pipeline.dialog.limits import MAX_PHRASE_CHARS
from offhook.pipeline.dialog.problem import FlowProblem, Path


def sound_of(phrase: str) -> str:
    """A key that is equal for phrases that sound the same (in `pipeline.understanding.menu.match`, too)."""
    words = phrase.lower().replace("’", "'").replace("-", " ").split()
    return " ".join("zero" if word == "oh" else word for word in words)


def phrase_faults(phrase: str, path: Path) -> Iterator[FlowProblem]:
    """Why a phrase cannot be listened for."""
    key = sound_of(phrase)
    odd = sorted({c for c in key if not (c.isalpha() or c in " '’-")})
    if not any(c.isalpha() for c in key):
        todo = "write words; keys go to `key: 1`"
        yield FlowProblem(f"phrase `{phrase}` has no word", "a phrase is what the caller says", todo, path)
    elif odd:
        why = "a phrase consists of words as they are spoken, without " + " ".join(odd)
        yield FlowProblem(f"phrase `{phrase}` cannot be recognised", why, phrase_hint(phrase), path)
    elif len(key) > MAX_PHRASE_CHARS:
        why = f"at most {MAX_PHRASE_CHARS} characters are listened for"
        yield FlowProblem("the phrase is too long", why, "keep the words that matter", path)
