"""Checks that nothing is noted that is made of what callers key. The keys themselves are asterisks in a note; a part of
them, or what is calculated with them, is not recognised. Pure."""

from collections.abc import Iterator, Mapping

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import Expression, parse
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.scopes import within
from offhook.pipeline.dialog.steps.call import CallStep
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.log import LogStep
from offhook.pipeline.dialog.steps.step import Step

Types = Mapping[str, Mapping[str, Type]]


def noted_keys(steps: Mapping[str, Step], types: Types) -> Iterator[FlowProblem]:
    """The notes that have more of keyed values than their plain names. `types` has those of variables, by scope."""
    keyed, made = _keyed(steps), set[str]()
    moves = list(_moves(steps))
    known = -1
    while len(keyed) + len(made) > known:
        known = len(keyed) + len(made)
        for target, scope, expression in moves:
            used = {within(scope, name) for name in expression.names}
            if _tells(expression, scope, used, keyed, made, types):
                made.add(target)
            elif used & keyed and _is_name(expression):
                keyed.add(target)
    for name, step in steps.items():
        for each in step.expressions() if isinstance(step, LogStep) else ():
            expression = parse(each.text)
            used = {within(step.scope, variable) for variable in expression.names}
            if _tells(expression, step.scope, used, keyed, made, types):
                what = f"`{each.text[:60]}` is made of what the caller keys"
                why = "it may be secret, and in a note only the whole of it becomes asterisks"
                yield FlowProblem(what, why, "leave it out, or note the variable itself", ("steps", name, *each.path))


def _keyed(steps: Mapping[str, Step]) -> set[str]:
    """The variables of keyed digits, by their whole names; a number or an amount is no secret."""
    asked = [step for step in steps.values() if isinstance(step, Collect) and step.keyed is not None]
    return {within(step.scope, step.into) for step in asked if step.exits()[0].stores[step.into] is Type.TEXT}


def _moves(steps: Mapping[str, Step]) -> Iterator[tuple[str, str, Expression]]:
    """Each variable that gets the value of an expression, with the scope of that."""
    for step in steps.values():
        for way in step.ways():
            to = step.scope if way.scope is None else way.scope
            for name, value in way.stores.items():
                if isinstance(value, Expression):
                    yield within(to, name), step.scope, value
        if isinstance(step, CallStep):
            yield from ((within(step.name, name), step.scope, parse(text)) for name, text in step.arguments.items())


def _tells(expression: Expression, scope: str, used: set[str], keyed: set[str], made: set[str], types: Types) -> bool:
    """Whether an expression, which uses these variables, says something of keyed values; yes and no do not."""
    if not used & made and (not used & keyed or _is_name(expression)):
        return False
    try:
        return expression.type_in(types[scope]) is not Type.TRUTH
    except ExpressionError:
        return False  # it is reported where it stands


def _is_name(expression: Expression) -> bool:
    return expression.names == (expression.text.strip(),)
