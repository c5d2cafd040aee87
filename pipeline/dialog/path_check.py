"""Checks the ways through a flow: every step is reachable, no loop runs without the caller, and every variable that is
spoken has a value by then. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from offhook.pipeline.dialog.early_media import never_early
from offhook.pipeline.dialog.hints import call_variable_hint, near
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.template import names_in

Steps = Mapping[str, Step]


def path_problems(start: str, steps: Steps, constants: Iterable[str]) -> Iterator[FlowProblem]:
    """All problems of the ways through a flow, whose steps themselves are right."""
    yield from _unreachable(start, steps)
    yield from _endless_loops(steps)
    yield from _unset_variables(start, steps, frozenset(constants))
    yield from never_early(start, steps)


def _unreachable(start: str, steps: Steps) -> Iterator[FlowProblem]:
    seen = {start}
    waiting = [start]
    while waiting:
        for way in steps[waiting.pop()].exits():
            if way.next not in seen:
                seen.add(way.next)
                waiting.append(way.next)
    for name in steps:
        if name not in seen:
            what, why = f"step `{name}` is never reached", f"nothing leads there from `{start}`"
            yield FlowProblem(what, why, f"lead a branch there (`next: {name}`), or remove it", ("steps", name))


def _endless_loops(steps: Steps) -> Iterator[FlowProblem]:
    settled: set[str] = set()
    for name in steps:
        trail: list[str] = []
        step = steps[name]
        while step.name not in settled and (follows := step.after_silence()) is not None:
            if step.name in trail:
                yield _endless([steps[each] for each in trail[trail.index(step.name) :]])
                break
            trail.append(step.name)
            step = steps[follows]
        settled.update(trail)


def _endless(loop: list[Step]) -> FlowProblem:
    steps = " → ".join([*(step.name for step in loop), loop[0].name])
    asking = [step.name for step in loop if not step.goes_on]
    if asking:
        what, why = (
            f"a silent caller loops for ever: {steps}",
            "the caller may have gone, and no step hangs up",
        )
        return FlowProblem(what, why, "lead `no_input` to a `hang_up`", ("steps", asking[-1], "no_input", "then"))
    what, why = f"these steps repeat for ever: {steps}", "none of them waits for the caller"
    return FlowProblem(what, why, "lead one of them to an `ask` or a `hang_up`", ("steps", loop[-1].name, "next"))


def _unset_variables(start: str, steps: Steps, constants: frozenset[str]) -> Iterator[FlowProblem]:
    ever = constants.union(*(way.stores for step in steps.values() for way in step.exits()))
    certain = _certain_variables(start, steps, constants)
    for name, step in steps.items():
        for path, text in step.texts():
            for variable in dict.fromkeys(names_in(text)):
                at = ("steps", name, *path)
                if variable not in ever and (hint := call_variable_hint(variable)) is not None:
                    yield FlowProblem(f"there is no variable `{variable}`", *hint, at)
                elif variable not in ever:
                    why = "no `collect` step stores it and `variables` does not set it"
                    todo = near(variable, sorted(ever)) if ever else f"set it: `variables: {{{variable}: …}}`"
                    yield FlowProblem(f"there is no variable `{variable}`", why, todo, at)
                elif variable not in certain[name]:
                    why = f"step `{name}` can be reached without the `collect` step that stores it"
                    todo = f"collect `{variable}` on every way to `{name}`"
                    yield FlowProblem(f"variable `{variable}` may have no value here", why, todo, at)


def _certain_variables(start: str, steps: Steps, constants: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each step, the variables that have a value on every path to it (a forward must-analysis)."""
    certain: dict[str, frozenset[str]] = {start: constants}
    waiting = [start]
    while waiting:
        step = steps[waiting.pop()]
        for way in step.exits():
            brings = certain[step.name] | way.stores
            known = certain.get(way.next)
            both = brings if known is None else known & brings
            if both != known:
                certain[way.next] = both
                waiting.append(way.next)
    return certain
