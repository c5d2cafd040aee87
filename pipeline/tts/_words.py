"""Maps words to samples, from the positions that a synthesiser reports. Pure."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"\S+")
_SPOKEN = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class WordSpan:
    """`text[char_start:char_end]` is spoken by the samples from `start_sample` up to `end_sample`."""

    char_start: int
    char_end: int
    start_sample: int
    end_sample: int


def align(text: str, events: Sequence[tuple[int, int]], end_sample: int) -> list[WordSpan]:
    """Words of `text`, divided at white space, in order and without overlap.

    `events` are (character, sample) of the synthesiser's words, in the order spoken: several may fall into one word of
    the text ("$12.50"), or none if it joined two ("of the"), which then share the time by their lengths. A token
    without letter and event is not spoken, and not a word. `end_sample` is where the speech ends.
    """
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    starts = [start for start, _ in tokens]
    began: dict[int, int] = {}
    latest = 0
    for character, sample in events:
        latest = max(latest, min(sample, end_sample))
        index = bisect_right(starts, character) - 1
        if index >= 0:
            began.setdefault(index, latest)
    spoken = [i for i, (start, end) in enumerate(tokens) if i in began or _SPOKEN.search(text[start:end])]
    spans: list[WordSpan] = []
    while spoken:
        # A word that has an event (the very first needs none), and those after it that have none.
        group = [spoken.pop(0)]
        while spoken and spoken[0] not in began:
            group.append(spoken.pop(0))
        first = max(began.get(group[0], 0), spans[-1].end_sample if spans else 0)
        last = max(first, began[spoken[0]] if spoken else end_sample)
        spans += _share([tokens[i] for i in group], first, last)
    return spans


def _share(tokens: Sequence[tuple[int, int]], first: int, last: int) -> list[WordSpan]:
    total = sum(end - start for start, end in tokens)
    spans = []
    done = 0
    for start, end in tokens:
        at = first + (last - first) * done // total
        done += end - start
        spans.append(WordSpan(start, end, at, first + (last - first) * done // total))
    return spans
