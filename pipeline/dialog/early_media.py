"""Checks which steps of a flow are carried out before the call is answered."""

from collections.abc import Iterator, Mapping

from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.step import Step


def never_early(start: str, steps: Mapping[str, Step]) -> Iterator[FlowProblem]:
    """Steps for early media that no way leads to but through others, which answer the call."""
    reached, waiting = set[str](), [start]
    while waiting:
        step = steps[waiting.pop()]
        if step.early_media and step.name not in reached:
            reached.add(step.name)
            waiting.extend(way.next for way in step.ways())
    for name, step in steps.items():
        if step.early_media and name not in reached:
            what, why = f"step `{name}` is never early media", "every way to it answers the call before"
            todo = f"`early_media: true` in the steps from `{start}` on, or remove it here"
            yield FlowProblem(what, why, todo, ("steps", name, "early_media"))
