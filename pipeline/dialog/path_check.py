"""Checks the ways through a flow: every step is reachable, no loop runs without the caller, and every variable that is
spoken has a value by then. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from offhook.pipeline.dialog.early_media import never_early
from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import Expression, parse
from offhook.pipeline.dialog.expression.types import Type, joined, may_be
from offhook.pipeline.dialog.hints import call_variable_hint, near
from offhook.pipeline.dialog.noted_keys import noted_keys
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.result_check import result_problems
from offhook.pipeline.dialog.scopes import local, scope_of, within
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.step import Evaluated, Exit, Step
from offhook.pipeline.dialog.template import expressions_in
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.dialog.variables import CALL, CALL_PARTS, HOURS, RESERVED, SWITCHES

Steps = Mapping[str, Step]


def path_problems(
    start: str,
    steps: Steps,
    constants: Iterable[str],
    hours: Sequence[str] = (),
    catalogue: Catalogue = Catalogue(),  # noqa: B008
    switches: Sequence[str] = (),
) -> Iterator[FlowProblem]:
    """All problems of the ways through a flow, whose steps themselves are right. `hours` and `switches` are the names
    of those that it has, `catalogue` has its texts in other languages."""
    asked = {CALL: CALL_PARTS, HOURS: hours, SWITCHES: switches}
    yield from _unreachable(start, steps)
    yield from _endless_loops(steps)
    parts = {whole: names for whole, names in asked.items() if names}
    yield from _variable_problems(start, steps, constants, parts, catalogue)
    yield from never_early(start, steps)


def _unreachable(start: str, steps: Steps) -> Iterator[FlowProblem]:
    seen = {start}
    waiting = [start]
    while waiting:
        for way in steps[waiting.pop()].ways():
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
        spent: set[str] = set()  # steps that the silent caller has visited as often as they may
        step = steps[name]
        while step.name not in settled and (follows := _silently(step, spent)) is not None:
            if step.name in trail:
                loop = trail[trail.index(step.name) :]
                limited = next((each for each in loop if _limits(steps[each], loop) and each not in spent), None)
                if limited is None:
                    yield _endless([steps[each] for each in loop])
                    break
                spent.add(limited)
                trail.clear()
                continue
            trail.append(step.name)
            step = steps[follows]
        settled.update(trail)


def _limits(step: Step, loop: Collection[str]) -> bool:
    """Whether the step's limit of visits ends the loop: one that calls its sub-flow again counts them anew."""
    scope = step.scope
    while scope and scope not in loop:
        scope = scope_of(scope)
    return step.visits is not None and not scope


def _silently(step: Step, spent: Collection[str]) -> str | None:
    return step.visits.then if step.visits and step.name in spent else step.after_silence()


def _endless(loop: list[Step]) -> FlowProblem:
    steps = " → ".join([*(step.name for step in loop), loop[0].name])
    waiting = [step for step in loop if step.waits]
    if waiting:
        what, why = (
            f"a silent caller loops for ever: {steps}",
            "the caller may have gone, and no step hangs up",
        )
        asking = [step.name for step in waiting if isinstance(step, ListeningStep)]
        if not asking:
            todo = "limit one of them: `visits: {most: 10, then: …}`"
            return FlowProblem(what, why, todo, ("steps", waiting[-1].name, "next"))
        return FlowProblem(what, why, "lead `no_input` to a `hang_up`", ("steps", asking[-1], "no_input", "then"))
    what, why = f"these steps repeat for ever: {steps}", "none of them waits for the caller"
    return FlowProblem(what, why, "lead one of them to an `ask` or a `hang_up`", ("steps", loop[-1].name, "next"))


def _variable_problems(
    start: str, steps: Steps, constants: Iterable[str], parts: Mapping[str, Sequence[str]], catalogue: Catalogue
) -> Iterator[FlowProblem]:
    known = {step.scope: dict.fromkeys(parts, Type.OBJECT) for step in steps.values()}
    known[""] = {**dict.fromkeys(constants, Type.TEXT), **dict.fromkeys(parts, Type.OBJECT)}
    types = _types(steps, known)
    certain = _certain_variables(start, steps, {within(scope, name) for scope in known for name in known[scope]})
    for name, step in steps.items():
        if name not in certain:
            continue  # never reached, which is reported
        there = {local(each) for each in certain[name] if scope_of(each) == step.scope}
        for each in _expressions(step, catalogue):
            at = ("steps", name, *each.path)
            expression = parse(each.text)
            unset = list(_unset(expression, types[step.scope], there | {each.given}, name, at))
            yield from unset
            yield from _unknown_parts(expression, parts, at)
            if not unset:
                yield from _type_problems(expression, types[step.scope], each.wanted, at)
            if each.into is not None:
                there.add(each.into)
    yield from result_problems(steps, types)
    yield from noted_keys(steps, types)


def _expressions(step: Step, catalogue: Catalogue) -> Iterator[Evaluated]:
    yield from step.expressions()
    for path, text in step.texts():
        for language, said in catalogue.variants(text):
            yield from (Evaluated((*path, *language), each) for each in dict.fromkeys(expressions_in(said)))


def _type_problems(
    expression: Expression, types: Mapping[str, Type], wanted: Type | None, at: Path
) -> Iterator[FlowProblem]:
    try:
        given = expression.type_in(types)
    except ExpressionError as error:
        yield FlowProblem(f"`{expression.text[:60]}` cannot be evaluated", error.why, error.todo, at)
        return
    if wanted is not None and not may_be(given, wanted):
        what, why = f"`{expression.text[:60]}` is a {given}", f"the parameter `{at[-1]}` is a {wanted}"
        todo = f"type `{wanted}({expression.text[:60]})`" if wanted in (Type.NUMBER, Type.TEXT) else f"a {wanted}"
        yield FlowProblem(what, why, todo, at)


def _unset(
    expression: Expression, types: Mapping[str, Type], certain: Collection[str | None], step: str, at: Path
) -> Iterator[FlowProblem]:
    for variable in expression.names:
        if variable not in types and (hint := call_variable_hint(variable)) is not None:
            yield FlowProblem(f"there is no variable `{variable}`", *hint, at)
        elif variable not in types:
            why, given_in = "no step stores it and `variables` does not set it", "variables"
            if scope_of(step):
                why, given_in = "no step of the sub-flow stores it and it is no parameter", "parameters"
            others = sorted(types.keys() - RESERVED.keys())
            todo = near(variable, others) if others else f"set it: `{given_in}: {{{variable}: …}}`"
            if at[2] in ("set", "send", "with") and not todo.startswith("did you mean"):
                todo = f"a text has quotes of its own: `'\"{variable}\"'`"
            yield FlowProblem(f"there is no variable `{variable}`", why, todo, at)
        elif variable not in certain:
            why = f"step `{step}` can be reached without the step that stores it"
            todo = f"collect or set `{variable}` on every way to `{step}`"
            yield FlowProblem(f"variable `{variable}` may have no value here", why, todo, at)


def _unknown_parts(expression: Expression, parts: Mapping[str, Sequence[str]], at: Path) -> Iterator[FlowProblem]:
    for whole, names in parts.items():
        for part in expression.parts_of(whole):
            if part not in names:
                why = f"`{whole}` has {', '.join(names)}"
                yield FlowProblem(f"there is no `{whole}.{part}`", why, near(part, names), at)


def _types(steps: Steps, known: Mapping[str, Mapping[str, Type]]) -> dict[str, dict[str, Type]]:
    """The type of each variable, by its scope: `known`, and of those that steps store, ANY where they differ, or where
    it is made of itself."""
    stored: dict[tuple[str, str], list[tuple[str, Type | Expression]]] = {}
    for step in steps.values():
        for way in step.ways():
            scope = step.scope if way.scope is None else way.scope
            for name, each in way.stores.items():
                stored.setdefault((scope, name), []).append((step.scope, each))
    types = {scope: dict(names) for scope, names in known.items()}  # none of which a step stores
    for _ in range(len(stored) + 1):
        is_settled = True
        for (scope, name), each_stored in stored.items():
            found = {_type_of(each, types[where]) for where, each in each_stored} - {None}
            kind = joined(each for each in found if each is not None) if found else None
            if kind is not None and types[scope].get(name) is not kind:
                types[scope][name], is_settled = kind, False
        if is_settled:
            break
    for scope, name in stored:
        types[scope].setdefault(name, Type.ANY)
    return types


def _type_of(stored: Type | Expression, types: Mapping[str, Type]) -> Type | None:
    """None: it depends on variables whose types are not known yet."""
    if isinstance(stored, Type):
        return stored
    if not types.keys() >= set(stored.names):
        return None
    try:
        return stored.type_in(types)
    except ExpressionError:
        return Type.ANY  # it is reported where it stands


def _certain_variables(start: str, steps: Steps, known: Collection[str]) -> dict[str, frozenset[str]]:
    """For each step, the variables, by their whole names, that have a value on every path to it (a forward
    must-analysis)."""
    certain: dict[str, frozenset[str]] = {start: frozenset(known)}
    waiting = [start]
    while waiting:
        step = steps[waiting.pop()]
        for way in step.ways():
            brings = certain[step.name].union(_brought(step, way, certain[step.name]))
            before = certain.get(way.next)
            both = brings if before is None else before & brings
            if both != before:
                certain[way.next] = both
                waiting.append(way.next)
    return certain


def _brought(step: Step, way: Exit, certain: Collection[str]) -> Iterator[str]:
    """The variables that have a value because of this way."""
    for name, value in way.stores.items():
        if way.scope is None:
            yield within(step.scope, name)
        elif isinstance(value, Type) or all(within(step.scope, each) in certain for each in value.names):
            yield within(way.scope, name)
