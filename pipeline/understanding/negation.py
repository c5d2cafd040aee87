"""What a caller does not want: "not sales", "anything but support". Pure."""

from collections.abc import Container, Sequence
from functools import lru_cache

from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.words import base_of

_REACH = 6

_CLAUSE_ENDS = {"de": ("will ich nicht", "mochte ich nicht", "brauche ich nicht")}


def negated_positions(
    words: Sequence[str], language: str | None, together: Container[tuple[str, str]] = ()
) -> dict[int, int]:
    """The positions of words that a negation takes in, each with where it begins: of "I don't want sales" that of
    "sales".

    Only words that belong to the negation may stand between: "I'm not happy with my bill" negates nothing but "happy".
    Of two words in `together`, the second is negated with the first ("not technical support").
    """
    base = base_of(language)
    negators, skipped = _listed(base)
    found: dict[int, int] = {}
    for start in range(len(words)):
        length = max((len(each) for each in negators if tuple(words[start : start + len(each)]) == each), default=0)
        if not length:
            continue
        at = start + length
        while at < len(words) and at < start + _REACH and words[at] in skipped:
            at += 1
        if at < len(words) and at < start + _REACH:
            found[at] = start
            while at + 1 < len(words) and (words[at], words[at + 1]) in together:
                at += 1
                found[at] = start
    return found | _negated_afterwards(words, base)


@lru_cache(maxsize=8)
def _listed(base: str) -> tuple[tuple[tuple[str, ...], ...], frozenset[str]]:
    known = lexicon(base)
    return tuple(tuple(each.split()) for each in known.phrases("negations")), known.words("within_negations")


def _negated_afterwards(words: Sequence[str], base: str) -> dict[int, int]:
    """ "Den Vertrieb will ich nicht"."""
    for phrase in _CLAUSE_ENDS.get(base, ()):
        mark = tuple(phrase.split())
        for start in range(1, len(words) - len(mark) + 1):
            if tuple(words[start : start + len(mark)]) == mark:
                return {start - 1: start}
    return {}
