"""Other readings of a transcript, in which a question's phrases stand where something similar was recognised. Pure.

"Might have a" may have been "might have been", if that is what was asked for. Whether it was, the recogniser's model
says: it compares a reading with the sound.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from offhook.pipeline.understanding.canonical import canonical

MOST = 3
"""Readings that are returned."""

COMPARED = 8
"""Phrases that are compared word by word: those that share most pairs of letters with the transcript."""

MIN_LETTERS = 5
"""Of a phrase: "no" and "two" fit too much, "unless to" for example."""

_PUNCTUATION = ".,?!;:"


def has_phrase(text: str, phrases: Iterable[str], base: str) -> bool:
    """Whether one of the phrases is in the text, word by word; "7 of clubs" has "seven of clubs".

    `base` is the language without its region.
    """
    words = canonical(text, base)
    wanted = {phrase for each in phrases if (phrase := canonical(each, base))}
    return any(
        words[at : at + len(phrase)] == phrase for phrase in wanted for at in range(len(words) - len(phrase) + 1)
    )


def readings(text: str, phrases: Iterable[str]) -> list[str]:
    """At most MOST readings, the most similar first."""
    words = text.split()
    plain = [word.strip(_PUNCTUATION).lower() for word in words]
    split = dict.fromkeys(tuple(phrase.lower().split()) for phrase in phrases)
    wanted = [phrase for phrase in split if len("".join(phrase)) >= MIN_LETTERS]
    if not words:
        return []
    pairs = _pairs("".join(plain))
    wanted.sort(key=lambda phrase: -len(pairs & _pairs("".join(phrase))) / len("".join(phrase)))
    found = [_best(words, plain, phrase) for phrase in wanted[:COMPARED]]
    return [reading for _, reading in sorted(found, key=lambda each: -each[0])[:MOST]]


def _best(words: Sequence[str], plain: Sequence[str], phrase: tuple[str, ...]) -> tuple[float, str]:
    """How similar the phrase is to the most similar words in a row, and the text with the phrase in their place."""
    best, begin, end = -1.0, 0, len(words)
    for size in range(max(1, len(phrase) - 1), len(phrase) + 2):
        for at in range(len(words) - size + 1):
            ratio = SequenceMatcher(None, "".join(plain[at : at + size]), "".join(phrase)).ratio()
            if ratio > best:
                best, begin, end = ratio, at, at + size
    old = words[begin:end]
    # Capital letters as before, and at the beginning.
    capital = [begin + at == 0 or (at < len(old) and old[at][:1].isupper()) for at in range(len(phrase))]
    new = [word[:1].upper() + word[1:] if large else word for word, large in zip(phrase, capital, strict=True)]
    mark = old[-1][len(old[-1].rstrip(_PUNCTUATION)) :]
    return best, " ".join([*words[:begin], *new]) + mark + "".join(f" {word}" for word in words[end:])


def _pairs(letters: str) -> set[str]:
    return {letters[at : at + 2] for at in range(len(letters) - 1)}
