"""The variables of a flow: their names, and their values in a call. Pure."""

from collections.abc import Iterator, Mapping
from keyword import kwlist

from offhook.pipeline.dialog.expression.words import WORDS
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.template import is_variable_name

CALL = "call"
"""The variable that has what is known of the call itself."""

CALL_PARTS = ("caller", "called", "language", "trunk", "id")

HOURS = "hours"
"""The variable that has, for each opening hours of the flow, whether it is open now."""

SWITCHES = "switches"
"""The variable that has the value of each switch of the flow, as it is set now."""

_WORDS = frozenset(WORDS) | frozenset(kwlist)
"""What stands for something else in expressions, which are parsed as Python."""

RESERVED = {
    CALL: f"`{CALL}` has what is known of the call itself, such as `{CALL}.caller`",
    HOURS: f"`{HOURS}` has the flow's opening hours, such as `{HOURS}.shop`",
    SWITCHES: f"`{SWITCHES}` has the flow's switches, such as `{SWITCHES}.emergency`",
}
"""Variables that no step stores in, and why."""

NAME_RULE = "a variable's name is letters, digits and underscores and does not begin with a digit"


def word_problems(name: str, path: Path) -> Iterator[FlowProblem]:
    """What is wrong with a name that expressions cannot use."""
    if name in _WORDS:
        why = "it means something else in expressions, as `and`, `if`, `yes` and `from` do"
        yield FlowProblem(f"`{name}` cannot be a name", why, f"choose another name, such as `{name}_`", path)


def name_problems(name: str, constants: Mapping[str, str], stored: str, path: Path) -> Iterator[FlowProblem]:
    """What is wrong with a variable of this name that a step stores something in; `stored` says what."""
    if not is_variable_name(name):
        todo = f"type `{path[-1]}: pin`" if path[-1] == "into" else "rename it"
        yield FlowProblem(f"`{name}` is not a valid variable name", NAME_RULE, todo, path)
    elif name in RESERVED:
        yield FlowProblem(f"`{name}` cannot be stored in", RESERVED[name], "choose another name", path)
    elif name in constants:
        what, why = f"`{name}` is a constant of the flow", f"{stored} would replace it"
        yield FlowProblem(what, why, "choose another name", path)
    else:
        yield from word_problems(name, path)
