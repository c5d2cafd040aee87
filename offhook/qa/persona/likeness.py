"""How alike two texts of a recogniser are. Pure.

By triples of letters: recognisers divide and spell words differently each time, and a balance or a name may differ in
what is said, where an answer to it still fits.
"""

from collections import Counter
from collections.abc import Sequence

from offhook.qa.script.words import words_of

ENOUGH = 0.4
"""Two hearings of a sentence have 0.6 and more, sentences with other words below 0.3."""


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """From 0, nothing in common, to 1, the same letters; that of two silences is 1."""
    mine, theirs = _triples(one), _triples(other)
    whole = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / whole if whole else 1.0


def _triples(texts: Sequence[str]) -> Counter[str]:
    letters = "".join(words_of(" ".join(texts)))
    if 0 < len(letters) < 3:
        return Counter([letters])
    return Counter(letters[at : at + 3] for at in range(len(letters) - 2))
