"""Checks the ways through a flow: every step is reachable, no loop runs without the caller, and every variable that is
spoken has a value by then. Pure."""

from collections.abc import Iterator

from offhook.pipeline.dialog.early_media import never_early
from offhook.pipeline.dialog.hints import call_variable_hint, near
from offhook.pipeline.dialog.steps import (
    ANSWERED_BY,
    AgentStep,
    AnyFlow,
    Ask,
    Collect,
    FlowProblem,
    Path,
    Say,
    Step,
    TransferStep,
    WhoAnsweredStep,
    targets,
    texts,
)
from offhook.pipeline.dialog.template import names_in


def path_problems(flow: AnyFlow) -> Iterator[FlowProblem]:
    """All problems of the ways through `flow`, whose steps themselves are right."""
    yield from _unreachable(flow)
    yield from _endless_loops(flow)
    yield from _unset_variables(flow)
    yield from never_early(flow.start, flow.steps)


def _unreachable(flow: AnyFlow) -> Iterator[FlowProblem]:
    seen = {flow.start}
    waiting = [flow.start]
    while waiting:
        for _, name in targets(flow.steps[waiting.pop()]):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    for name in flow.steps:
        if name not in seen:
            what, why = f"step `{name}` is never reached", f"nothing leads there from `{flow.start}`"
            yield FlowProblem(what, why, f"lead a branch there (`next: {name}`), or remove it", ("steps", name))


def _endless_loops(flow: AnyFlow) -> Iterator[FlowProblem]:
    settled: set[str] = set()
    for name in flow.steps:
        trail: list[str] = []
        step = flow.steps[name]
        while step.name not in settled and (follows := _after_silence(step)) is not None:
            if step.name in trail:
                yield _endless([flow.steps[each] for each in trail[trail.index(step.name) :]])
                break
            trail.append(step.name)
            step = flow.steps[follows]
        settled.update(trail)


def _after_silence(step: Step) -> str | None:
    """The next step if the caller neither says nor presses anything."""
    if isinstance(step, Say):
        return step.next
    if isinstance(step, AgentStep | TransferStep | WhoAnsweredStep):
        return step.otherwise
    return step.no_input.then if isinstance(step, Ask | Collect) else None


def _endless(loop: list[Step]) -> FlowProblem:
    steps = " → ".join([*(step.name for step in loop), loop[0].name])
    asking = [step.name for step in loop if not isinstance(step, Say)]
    if asking:
        what, why = (
            f"a silent caller loops for ever: {steps}",
            "the caller may have gone, and no step hangs up",
        )
        return FlowProblem(what, why, "lead `no_input` to a `hang_up`", ("steps", asking[-1], "no_input", "then"))
    what, why = f"these steps repeat for ever: {steps}", "none of them waits for the caller"
    return FlowProblem(what, why, "lead one of them to an `ask` or a `hang_up`", ("steps", loop[-1].name, "next"))


def _unset_variables(flow: AnyFlow) -> Iterator[FlowProblem]:
    ever = set(flow.constants)
    for step in flow.steps.values():
        ever |= {name for path, _ in targets(step) for name in _stored(step, path)}
    certain = _certain_variables(flow)
    for name, step in flow.steps.items():
        for path, text in texts(step):
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


def _stored(step: Step, path: Path) -> frozenset[str]:
    """The variables that get a value on the branch at `path` of the step."""
    if isinstance(step, Collect) and path == ("next",):
        return frozenset((step.into,))
    if isinstance(step, WhoAnsweredStep):
        return frozenset((ANSWERED_BY,))
    if isinstance(step, AgentStep) and path[0] == "outcomes":
        return frozenset(next(outcome.values for outcome in step.outcomes if outcome.name == path[1]))
    return frozenset()


def _certain_variables(flow: AnyFlow) -> dict[str, frozenset[str]]:
    """For each step, the variables that have a value on every path to it (a forward must-analysis)."""
    certain: dict[str, frozenset[str]] = {flow.start: frozenset(flow.constants)}
    waiting = [flow.start]
    while waiting:
        step = flow.steps[waiting.pop()]
        for path, name in targets(step):
            brings = certain[step.name]
            brings |= _stored(step, path)
            known = certain.get(name)
            both = brings if known is None else known & brings
            if both != known:
                certain[name] = both
                waiting.append(name)
    return certain
