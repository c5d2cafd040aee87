"""Sentences of a grammar's graph: which ones a model of word pairs is made from, and whether words are one. Pure."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from offhook.pipeline.asr.jsgf import AROUND, Arc, WordGraph

MAX_PHRASES = 5_000

Known = Callable[[str], bool]


def unknown_words(graph: WordGraph, known: Known, optional: Collection[str] = ()) -> list[str]:
    """The words that are neither `known` nor `optional`, each once."""
    words = dict.fromkeys(arc.word for arc in graph.arcs if arc.word is not None)
    return [word for word in words if word not in optional and not known(word)]


def without_unknown(graph: WordGraph, known: Known) -> WordGraph:
    """The sentences that have only known words. Words that are marked with AROUND are looked up without it."""
    arcs = [arc for arc in graph.arcs if arc.word is None or known(arc.word.removeprefix(AROUND))]
    return WordGraph(graph.nodes, arcs)


def covering_phrases(graph: WordGraph) -> list[str]:
    """Sentences that contain every pair of neighbouring words which occurs in a sentence, and every word.

    A loop is endless, but its pairs are few: for a recogniser that estimates a bigram model from phrases, these are as
    good as all sentences. At most MAX_PHRASES.
    """
    words = _Words(graph)
    found: dict[str, None] = {}
    seen: set[tuple[str, str]] = set()
    for arc in words.useful:
        found[" ".join(words.through(arc))] = None
    for arc in words.useful:
        for following in words.after(arc):
            pair = (arc.word or "", following.word or "")
            if len(found) >= MAX_PHRASES:
                return list(found)
            if pair not in seen and following in words.ways_out:
                seen.add(pair)
                found[" ".join([*words.up_to(arc), *words.on_from(following)])] = None
    return list(found)


def sentence_of(graph: WordGraph, words: Sequence[str]) -> list[int] | None:
    """Whether `words` are a sentence: the positions of those that are not marked with AROUND, None if they are not."""
    leaving: dict[int, list[Arc]] = {}
    for arc in graph.arcs:
        leaving.setdefault(arc.source, []).append(arc)
    # By node: the kept positions on a way that leads there.
    places = _closure(leaving, {graph.START: ()})
    for at, word in enumerate(words):
        moved: dict[int, tuple[int, ...]] = {}
        for node, kept in places.items():
            for arc in leaving.get(node, ()):
                if arc.word == word:
                    moved[arc.target] = (*kept, at)
                elif arc.word == AROUND + word:
                    moved.setdefault(arc.target, kept)
        places = _closure(leaving, moved)
    return list(places[graph.END]) if graph.END in places else None


def _closure(leaving: dict[int, list[Arc]], places: dict[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    found = dict(places)
    waiting = list(places)
    while waiting:
        node = waiting.pop()
        for arc in leaving.get(node, ()):
            if arc.word is None and arc.target not in found:
                found[arc.target] = found[node]
                waiting.append(arc.target)
    return found


@dataclass(slots=True)
class _Words:
    """The arcs with words as a graph of their own, and the shortest ways from the start to each, and from each to the
    end."""

    graph: WordGraph
    ways_in: dict[Arc, Arc | None] = field(default_factory=dict)
    """By arc: the one before it on the shortest way from the start."""
    ways_out: dict[Arc, Arc | None] = field(default_factory=dict)
    """By arc: the one after it on the shortest way to the end."""
    _following: dict[int, list[Arc]] = field(default_factory=dict)
    _leaving: dict[int, list[Arc]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for arc in self.graph.arcs:
            self._leaving.setdefault(arc.source, []).append(arc)
        first = self._next(self.graph.START)
        self._spread(self.ways_in, first, self.after)
        before: dict[Arc, list[Arc]] = {}
        for arc in self.ways_in:
            for following in self.after(arc):
                before.setdefault(following, []).append(arc)
        last = [arc for arc in self.ways_in if self.graph.END in self._reachable(arc.target)]
        self._spread(self.ways_out, last, lambda arc: before.get(arc, []))

    @property
    def useful(self) -> Iterator[Arc]:
        """Arcs that are part of a sentence."""
        return (arc for arc in self.ways_in if arc in self.ways_out)

    def after(self, arc: Arc) -> list[Arc]:
        """The arcs with words that may follow."""
        return self._next(arc.target)

    def up_to(self, arc: Arc) -> list[str]:
        """The words of the shortest way to `arc`, its own included."""
        return [each.word or "" for each in reversed(list(_along(self.ways_in, arc)))]

    def on_from(self, arc: Arc) -> list[str]:
        """The words of the shortest way from `arc`, its own included."""
        return [each.word or "" for each in _along(self.ways_out, arc)]

    def through(self, arc: Arc) -> list[str]:
        """A shortest sentence with `arc`."""
        return self.up_to(arc) + self.on_from(arc)[1:]

    def _next(self, node: int) -> list[Arc]:
        if node not in self._following:
            reachable = self._reachable(node)
            self._following[node] = [
                arc for each in reachable for arc in self._leaving.get(each, ()) if arc.word is not None
            ]
        return self._following[node]

    def _reachable(self, node: int) -> Iterable[int]:
        return _closure(self._leaving, {node: ()})

    @staticmethod
    def _spread(ways: dict[Arc, Arc | None], first: list[Arc], following: Callable[[Arc], list[Arc]]) -> None:
        ways.update(dict.fromkeys(first))
        waiting = deque(ways)
        while waiting:
            arc = waiting.popleft()
            for each in following(arc):
                if each not in ways:
                    ways[each] = arc
                    waiting.append(each)


def _along(ways: dict[Arc, Arc | None], arc: Arc | None) -> Iterator[Arc]:
    while arc is not None:
        yield arc
        arc = ways[arc]
