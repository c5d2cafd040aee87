"""A kind of step in a flow's file: which keys it has, and what they mean."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from yaml.nodes import Node

from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.reader import StepReader

Fields = Mapping[str, Node]
"""The values of a step, by their keys."""

SPOKEN = ("language", "voice")
"""The keys of what is said in another language or voice."""


@dataclass(frozen=True, slots=True)
class StepKind:
    """`word` is the key that makes a step one of this kind, `keys` are the others, but for those that all
    steps have (`settings.flow_part.OF_ALL_STEPS`).

    Of a tuple in `required` one has to be there.

    `read` gets the reader, the step's name, what it is called in errors, and its fields, those of `required` (and of
    `word`) among them. It returns None after a problem, which it has reported.
    """

    word: str
    keys: tuple[str, ...]
    read: Callable[[StepReader, str, str, Fields], Step | None]
    required: tuple[str | tuple[str, ...], ...] = ()

    def needs(self, keys: Collection[str]) -> tuple[str, ...]:
        """The required keys of a step that has `keys`."""
        each_one_of = [(each,) if isinstance(each, str) else each for each in self.required]
        return tuple(next((key for key in one_of if key in keys), one_of[0]) for one_of in each_one_of)
