"""Finds the best sentence of a grammar for the output of `PhoneNet`: Viterbi search over CTC states.

Connectionist temporal classification (Graves et al. 2006): a phone lasts for any number of frames; blanks may separate
phones, and must separate two of the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offhook.pipeline.asr.jsgf import AROUND, WordGraph
from offhook.pipeline.asr.phone_net import BLANK

MAX_CELLS = 200_000
"""States and predecessors: a larger graph would be a noticeable wait for the caller."""

PHONE_BONUS = 2.0
"""What a phone of the answer adds to a sentence's rank (natural log). A word that the network hears badly costs nothing
where it is left out, so that short sentences would win: of 100 answers about cards 86 were right without it, all with
it; of a paragraph's phrases 85 %, and 90 %. From 1.5 to 3 the results are the same."""

IMPOSSIBLE = -1e9
BEGAN, STAYED = -1, -2

Pronunciations = Callable[[str], Sequence[Sequence[int]]]
"""The phone numbers of a word, for each pronunciation."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """A word with its phones, and the log probability of its frames (up to the next word's).

    `choices` is how many words of the grammar could have been said in its place (those AROUND it are not counted); the
    word lasts from frame `start` until frame `end`.
    """

    text: str
    phones: tuple[int, ...]
    score: float
    choices: int = 1
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """The words of a sentence, and the log probability of its best alignment; the sentence with the highest `rank`
    is the answer."""

    words: tuple[DecodedWord, ...]
    score: float

    @property
    def rank(self) -> float:
        """The score with PHONE_BONUS for each phone of the answer."""
        return self.score + _bonus(self.words)


class GraphTooLargeError(ValueError):
    """The grammar has too many states for this decoder."""


class PhoneGraph:
    """The states of a grammar, for any number of utterances.

    A state is one phone of one pronunciation of one arc, followed by a blank. Raises GraphTooLargeError, and ValueError
    if a word has no pronunciation or the grammar no sentence.
    """

    def __init__(self, graph: WordGraph, pronunciations: Pronunciations) -> None:
        self._phones: list[int] = []
        self._words: list[str | None] = []  # on the first state of a word
        self._bonuses: list[float] = []
        self._before: list[list[int]] = []
        self._choices: dict[int, int] = {}  # by the first state of a word
        lasts: dict[int, list[int]] = {}  # by arc: its last states
        firsts: dict[int, list[int]] = {}
        for index, arc in enumerate(graph.arcs):
            if arc.word is not None:
                spoken = pronunciations(arc.word)
                if not spoken:
                    raise ValueError(f"the word {arc.word!r} has no pronunciation")
                chains = [self._add_word(arc.word, phones) for phones in spoken]
                firsts[index], lasts[index] = [c[0] for c in chains], [c[1] for c in chains]
        self._connect(graph, firsts, lasts)

    def _add_word(self, word: str, phones: Sequence[int]) -> tuple[int, int]:
        first = len(self._phones)
        for at, phone in enumerate(phones):
            self._phones.append(phone)
            self._words.append(word if at == 0 else None)
            self._bonuses.append(0.0 if _is_around(word) else PHONE_BONUS)
            self._before.append([] if at == 0 else [first + at - 1])
        if len(self._phones) > MAX_CELLS:
            raise GraphTooLargeError
        return first, len(self._phones) - 1

    def _connect(self, graph: WordGraph, firsts: dict[int, list[int]], lasts: dict[int, list[int]]) -> None:
        reach = _Reach(graph)
        ends: list[int] = []
        beginnings = [first for arc in reach.arcs_from(graph.START) for first in firsts[arc]]
        self._count_choices(beginnings)
        for arc, states in lasts.items():
            target = graph.arcs[arc].target
            following = [first for next_arc in reach.arcs_from(target) for first in firsts[next_arc]]
            self._count_choices(following)
            for first in following:
                self._before[first].extend(states)
            if reach.reaches_end(target):
                ends.extend(states)
        if not ends or not beginnings:
            raise ValueError("the grammar has no sentence")
        self._ends = np.array(ends)
        self._labels = np.array(self._phones)
        self._entry = np.full(len(self._phones), IMPOSSIBLE, np.float32)
        self._entry[beginnings] = 0.0
        self._bonus = np.array(self._bonuses, np.float32)
        self._tabulate()

    def _count_choices(self, firsts: Sequence[int]) -> None:
        words = {self._words[first] for first in firsts if not _is_around(str(self._words[first]))}
        for first in firsts:
            self._choices[first] = max(self._choices.get(first, 1), len(words))

    def _tabulate(self) -> None:
        """Predecessors as arrays: a single one for most states, rows of several for states that begin a word.

        A missing one is the number of states: an extra state that is never reached.
        """
        count = len(self._phones)
        padded = np.append(self._labels, BLANK)
        self._single = np.array([before[0] if len(before) == 1 else count for before in self._before])
        self._single_bar = _bar(padded[self._single], self._labels)
        self._wide = np.array([state for state, before in enumerate(self._before) if len(before) > 1], np.intp)
        rows = [self._before[state] for state in self._wide]
        if count + sum(map(len, rows)) > MAX_CELLS:
            raise GraphTooLargeError
        lengths = [len(row) for row in rows]
        self._begins = np.cumsum([0, *lengths[:-1]]) if rows else np.array([], np.intp)
        self._many = np.array([state for row in rows for state in row], np.intp)
        self._row_of = np.repeat(np.arange(len(rows)), lengths)
        self._many_bar = _bar(padded[self._many], self._labels[self._wide][self._row_of])

    def decode(self, log_probs: Array) -> Decoded | None:
        """The sentence of the highest rank for [frames, phones]; None if there are too few frames for any."""
        count, frames = len(self._labels), len(log_probs)
        label = np.full(count + 1, IMPOSSIBLE, np.float32)
        blank = np.full(count + 1, IMPOSSIBLE, np.float32)
        silence = np.float32(0.0)  # of blanks only so far
        came_from = np.empty((frames, count), np.int32)  # state * 2 + (1 from its blank), or BEGAN, or STAYED
        blank_stayed = np.empty((frames, count), bool)
        for frame, emitted in enumerate(log_probs):
            best, source = self._arrivals(label, blank)
            start = self._entry + silence
            source = np.where(start > best, BEGAN, source)
            best = np.maximum(best, start) + self._bonus
            stays = label[:-1] >= best
            came_from[frame] = np.where(stays, STAYED, source)
            blank_stayed[frame] = blank[:-1] >= label[:-1]
            next_blank = np.maximum(blank[:-1], label[:-1]) + emitted[BLANK]
            label[:-1] = np.where(stays, label[:-1], best) + emitted[self._labels]
            blank[:-1] = next_blank
            silence += emitted[BLANK]
        return self._trace(log_probs, label, blank, came_from, blank_stayed)

    def _arrivals(self, label: Array, blank: Array) -> tuple[Array, NDArray[np.int32]]:
        """The best transition into each state from another one, and where it comes from."""
        by_label = label[self._single] + self._single_bar
        by_blank = blank[self._single]
        best: Array = np.maximum(by_label, by_blank)
        source = (self._single * 2 + (by_blank > by_label)).astype(np.int32)
        if len(self._wide):
            by_label = label[self._many] + self._many_bar
            by_blank = blank[self._many]
            ways = np.maximum(by_label, by_blank)
            best[self._wide] = best_ways = np.maximum.reduceat(ways, self._begins)
            chosen = np.where(ways == best_ways[self._row_of], self._many * 2 + (by_blank > by_label), -1)
            source[self._wide] = np.maximum.reduceat(chosen, self._begins)
        return best, source

    def _trace(
        self,
        log_probs: Array,
        label: Array,
        blank: Array,
        came_from: NDArray[np.int32],
        blank_stayed: NDArray[np.bool_],
    ) -> Decoded | None:
        by_label, by_blank = label[self._ends], blank[self._ends]
        at = int(np.maximum(by_label, by_blank).argmax())
        state, in_blank = int(self._ends[at]), bool(by_blank[at] > by_label[at])
        rank = float(max(by_label[at], by_blank[at]))
        if rank <= IMPOSSIBLE / 2:
            return None
        words: list[DecodedWord] = []
        phones: list[int] = []
        score, end = 0.0, 0
        for frame in range(len(came_from) - 1, -1, -1):
            phone = int(self._labels[state])
            score += float(log_probs[frame, BLANK if in_blank else phone])
            if in_blank:
                in_blank = bool(blank_stayed[frame, state])
                continue
            end = end or frame + 1
            source = int(came_from[frame, state])
            if source == STAYED:
                continue
            phones.append(phone)
            if (word := self._words[state]) is not None:
                choices = self._choices.get(state, 1)
                words.append(DecodedWord(word, tuple(reversed(phones)), score, choices, frame, end))
                phones, score, end = [], 0.0, 0
            if source == BEGAN:
                break
            state, in_blank = source // 2, bool(source % 2)
        return Decoded(tuple(reversed(words)), rank - _bonus(words))


def _is_around(word: str) -> bool:
    return word.startswith(AROUND)


def _bonus(words: Sequence[DecodedWord]) -> float:
    return PHONE_BONUS * sum(len(word.phones) for word in words if not _is_around(word.text))


def _bar(phone: NDArray[np.intp], following: NDArray[np.intp]) -> Array:
    """Two of the same phone need a blank between them."""
    return np.where(phone == following, IMPOSSIBLE, 0.0).astype(np.float32)


class _Reach:
    """Finds the arcs with words that can follow a node."""

    def __init__(self, graph: WordGraph) -> None:
        self._end = graph.END
        self._empty: dict[int, list[int]] = {}
        self._words: dict[int, list[int]] = {}
        for index, arc in enumerate(graph.arcs):
            if arc.word is None:
                self._empty.setdefault(arc.source, []).append(arc.target)
            else:
                self._words.setdefault(arc.source, []).append(index)
        self._closures: dict[int, frozenset[int]] = {}

    def arcs_from(self, node: int) -> list[int]:
        """The arcs with words that leave the node or nodes reachable from it without a word."""
        return [arc for reached in sorted(self._closure(node)) for arc in self._words.get(reached, ())]

    def reaches_end(self, node: int) -> bool:
        """Whether a sentence may end at the node."""
        return self._end in self._closure(node)

    def _closure(self, node: int) -> frozenset[int]:
        if node not in self._closures:
            found, waiting = {node}, [node]
            while waiting:
                for target in self._empty.get(waiting.pop(), ()):
                    if target not in found:
                        found.add(target)
                        waiting.append(target)
            self._closures[node] = frozenset(found)
        return self._closures[node]
