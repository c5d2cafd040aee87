"""Two values in one sentence: "between two and four", "two or three". Pure."""

from collections.abc import Iterator, Sequence

from offhook.pipeline.understanding.words import base_of

Sides = tuple[list[str], list[str]]

MAX_SIDE, MAX_REST = 10, 20
"""Words that are read as the first end, and behind the mark: "from a to from a to …" has very many pairs."""

_RANGES = {
    "en": ("between .. and", "from .. to", "from .. till", "from .. until", ".. to", ".. till", ".. until"),
    "de": ("zwischen .. und", "von .. bis", ".. bis"),
    "es": ("entre .. y", "de .. a", "desde .. hasta", "desde .. a", ".. a"),
    "fr": ("entre .. et", "de .. a", "de .. jusqu'a", "de .. jusqu a", ".. a"),
}
_OR = {"en": ("or",), "de": ("oder",), "es": ("o", "u"), "fr": ("ou",)}
_ARTICLES = frozenset(("the", "las", "la", "el", "le", "les", "los", "dem", "der", "den"))


def range_sides(words: Sequence[str], language: str | None) -> Iterator[Sides]:
    """What may be the two ends of a range, by every mark in it: the caller takes the first pair that can be read."""
    for mark in _RANGES.get(base_of(language), ()):
        opening, joining = (part.split() for part in mark.split(".."))
        for start in range(len(words)):
            if list(words[start : start + len(opening)]) != opening:
                continue
            first = start + len(opening)
            end = len(words) - len(joining)
            for at in range(first + 1, min(end, first + 1 + MAX_SIDE) if opening else end):
                if list(words[at : at + len(joining)]) == joining:
                    last = at + len(joining)
                    yield list(words[max(first, at - MAX_SIDE) : at]), _without_article(words[last : last + MAX_REST])
            if not opening:
                break  # the same ends would be found from each word on


def alternatives(words: Sequence[str], language: str | None) -> list[list[str]]:
    """The parts between "or"; one without it."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in _OR.get(base_of(language), ()):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _without_article(words: Sequence[str]) -> list[str]:
    return list(words[1:] if words and words[0] in _ARTICLES else words)
