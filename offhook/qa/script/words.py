"""Whether what a recogniser heard has certain words. Recognisers of telephone speech miss some: a share suffices."""

import re

ENOUGH = 0.6
"""The share of the expected words that has to be heard, in their order."""


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return re.findall(r"[^\W_]+", text.lower().replace("'", ""))


def has_words(heard: str, expected: str) -> bool:
    """Whether `heard` has enough of the words of `expected`, in their order."""
    wanted = words_of(expected)
    return bool(wanted) and _in_order(wanted, words_of(heard)) >= ENOUGH * len(wanted)


def _in_order(wanted: list[str], heard: list[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(heard) + 1)
    for word in wanted:
        diagonal = 0
        for at, each in enumerate(heard, 1):
            diagonal, row[at] = row[at], diagonal + 1 if each == word else max(row[at], row[at - 1])
    return row[-1]
