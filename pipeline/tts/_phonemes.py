"""Finds the words of a text in the phonemes that a synthesiser made of it. Pure."""

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

_WORD = re.compile(r"\S+")
_SPOKEN = re.compile(r"\w")
_MOST_JOINED = 3  # words that are spoken as one: "of the", "would have been"


def word_starts(text: str) -> list[int]:
    """Where the words of `text` begin that are spoken: those with a letter or a digit."""
    return [found.start() for found in _WORD.finditer(text) if _SPOKEN.search(found.group())]


def starts_in(text: str, rewritten: str) -> list[int]:
    """For each word of `rewritten`, an edited form of `text`, where in `text` the word begins that it stands for."""
    old = [(found.group(), found.start()) for found in _WORD.finditer(text)]
    new = [found.group() for found in _WORD.finditer(rewritten)]
    if not old:
        return [0] * len(new)
    starts = []
    for tag, first, last, at, end in SequenceMatcher(
        None, [word for word, _ in old], new, autojunk=False
    ).get_opcodes():
        for index in range(at, end):
            # Of a stretch that was rewritten, every word begins where its counterpart does, as far as there are any.
            of = first + index - at if tag == "equal" else min(first + index - at, max(first, last - 1))
            starts.append(old[min(of, len(old) - 1)][1])
    return starts


def joined_words(groups: Sequence[int], words: Sequence[int]) -> list[int]:
    """For each group of phonemes, by its size, the first of the words that it speaks, in order.

    `words` are the sizes of the words spoken alone: a synthesiser that runs words together has fewer groups, and the
    sizes show which. If there are more groups than words, some words are spoken as several.
    """
    if len(groups) >= len(words):
        return [min(index, max(0, len(words) - 1)) for index in range(len(groups))]
    # costs[w]: the least cost of having spoken w words with the groups so far; back[g][w]: words in group g then.
    far = float("inf")
    costs = [0.0] + [far] * len(words)
    back: list[list[int]] = []
    most = max(_MOST_JOINED, len(words) - len(groups) + 1)
    for size in groups:
        following, taken = [far] * (len(words) + 1), [0] * (len(words) + 1)
        for end in range(1, len(words) + 1):
            for count in range(1, min(most, end) + 1):
                cost = costs[end - count] + abs(size - sum(words[end - count : end]))
                if cost < following[end]:
                    following[end], taken[end] = cost, count
        costs = following
        back.append(taken)
    firsts, at = [], len(words)
    for taken in reversed(back):
        at -= taken[at]
        firsts.append(at)
    return firsts[::-1]


def words_at(text: str, groups: Sequence[tuple[int, int]], size_of: Callable[[str], int]) -> list[tuple[int, int]]:
    """(character, sample) of the words of `text`, from `placed` groups; `size_of` is how many phonemes a word has that
    is spoken alone. None if nothing was placed: the words are then spread evenly."""
    starts = word_starts(text)
    if not starts or not groups:
        return []
    sizes = [1] * len(starts)
    if len(groups) < len(starts):
        sizes = [size_of(text[start:].split(maxsplit=1)[0]) for start in starts]
    firsts = joined_words([size for _, size in groups], sizes)
    return [(starts[first], at) for first, (at, _) in zip(firsts, groups, strict=True)]


def placed(phonemes: Sequence[str], durations: Sequence[int], is_gap: Callable[[str], bool]) -> list[tuple[int, int]]:
    """(first sample, phonemes) of each group between gaps; `durations` are in samples, one for each phoneme."""
    groups: list[tuple[int, int]] = []
    at, start, size = 0, 0, 0
    for phoneme, samples in zip(phonemes, durations, strict=True):
        if is_gap(phoneme):
            if size:
                groups.append((start, size))
            size = 0
        else:
            start = at if not size else start
            size += 1
        at += samples
    return [*groups, (start, size)] if size else groups
