"""What calls have walked of a flow: steps, and edges between them. Pure.

A call's walk is the list of the states that its dialog entered, each with the way that led there, as its timeline has
it. Edges are what `Step.edges` lists, by their names in the flow's file: every choice, `next`, being asked again after
silence (`no_input`) or something else (`no_match`), and what follows when that was too often (`no_input.then`). A
recogniser that fails is no edge: no caller can bring that about.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from offhook.pipeline.dialog.flow import Flow


class Entered(NamedTuple):
    """A state that a call's dialog has entered, and what led there."""

    name: str
    by: str


class Edge(NamedTuple):
    """A way from a step to another one, or back to itself."""

    step: str
    by: str
    to: str

    def __str__(self) -> str:
        return f"{self.step}: {self.by} -> {self.to}"


def walk_of(record: Mapping[str, Any]) -> list[Entered]:
    """The walk of a call, by its record as `/api/calls/ID` has it."""
    events = record.get("timeline", ())
    return [Entered(str(each["name"]), str(each.get("by", ""))) for each in events if each["kind"] == "state"]


def edges_of(flow: Flow) -> list[Edge]:
    """All edges of a flow, in the order of its file."""
    return [Edge(step.name, by, to) for step in flow.steps.values() for by, to in step.edges().items()]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each step and edge of a flow was walked."""

    flow: Flow
    steps: Mapping[str, int]
    edges: Mapping[Edge, int]

    @property
    def steps_walked(self) -> int:
        """How many steps were entered."""
        return sum(map(bool, self.steps.values()))

    @property
    def edges_walked(self) -> int:
        """How many edges were walked."""
        return sum(map(bool, self.edges.values()))

    @property
    def missing(self) -> tuple[str | Edge, ...]:
        """The steps (by name) and the edges that were not walked."""
        steps = [name for name, count in self.steps.items() if not count]
        return (*steps, *(edge for edge, count in self.edges.items() if not count))

    @property
    def percent(self) -> float:
        """The share of steps and edges, taken together, that were walked."""
        return 100 * (self.steps_walked + self.edges_walked) / (len(self.steps) + len(self.edges))


def coverage_of(flow: Flow, walks: Iterable[Sequence[Entered]]) -> Coverage:
    """What these calls have walked, together. States that are no step of the flow do not count."""
    steps = dict.fromkeys(flow.steps, 0)
    walked = dict.fromkeys(edges_of(flow), 0)
    for walk in walks:
        for at, (name, by) in enumerate(walk):
            if name in steps:
                steps[name] += 1
            # A late final may give the answer before the last another meaning: then the step before that is left.
            before = [Edge(each.name, by, name) for each in reversed(walk[max(0, at - 2) : at])]
            edge = next((each for each in before if each in walked), None)
            if edge is not None:
                walked[edge] += 1
    return Coverage(flow, steps, walked)
