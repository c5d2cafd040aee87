"""Checks that sub-flows give the results that they promise. Pure."""

from collections.abc import Iterator, Mapping

from offhook.pipeline.dialog.expression.types import Type, may_be, word_of
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.call import CallStep
from offhook.pipeline.dialog.steps.step import Step


def result_problems(steps: Mapping[str, Step], types: Mapping[str, Mapping[str, Type]]) -> Iterator[FlowProblem]:
    """Results of sub-flows that none of their steps stores, or that are of another type. `types` has those of the
    variables, by scope."""
    for step in steps.values():
        if not isinstance(step, CallStep):
            continue
        for name, wanted in step.sub_flow.results.items():
            given = types.get(step.name, {}).get(name)
            at = ("flows", step.name, "results", name)
            if given is None:
                what, why = f"the result `{name}` never has a value", "no step of the sub-flow stores it"
                yield FlowProblem(what, why, f"store it (`into: {name}`, `set: {{{name}: …}}`), or remove it", at)
            elif not may_be(given, wanted):
                what, why = f"the result `{name}` is a {given}", f"it is declared as a {wanted}"
                yield FlowProblem(what, why, f"type `{name}: {word_of(given)}`", at)
