"""Switches: values that people set while calls go on, for all calls at once. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.template import is_variable_name
from offhook.pipeline.dialog.variables import NAME_RULE, word_problems

OFF, ON = "off", "on"
MAX_SWITCHES = 50
MAX_VALUES = 20


@dataclass(frozen=True, slots=True)
class Switch:
    """`means` says, for people, what comes of it. It has one of `values`, `default` until somebody sets it. One with
    the values off and on is a truth in expressions, any other a text."""

    means: str
    default: str = OFF
    values: tuple[str, ...] = (OFF, ON)

    @property
    def is_truth(self) -> bool:
        """Whether it is on or off."""
        return self.values == (OFF, ON)

    def value_of(self, position: str | None) -> bool | str:
        """Its value in expressions, where it is set to `position`; None, or what it does not have: the default."""
        found = position if position in self.values else self.default
        return found == ON if self.is_truth else str(found)


def switch_problems(switches: Mapping[str, Switch]) -> Iterator[FlowProblem]:
    """What is wrong with the switches of a flow."""
    if len(switches) > MAX_SWITCHES:
        what, why = f"the flow has {len(switches)} switches", f"at most {MAX_SWITCHES} are kept"
        yield FlowProblem(what, why, "give one of them several values", ("switches",))
    for name, switch in switches.items():
        at: Path = ("switches", name)
        if not is_variable_name(name):
            yield FlowProblem(f"`{name}` is not a valid name", NAME_RULE, "rename it", at)
        yield from word_problems(name, at)
        if not 2 <= len(set(switch.values)) == len(switch.values) <= MAX_VALUES:
            why = f"it has 2 to {MAX_VALUES} of them, each once"
            todo = "type `values: [normal, storm, strike]`, or remove it for a switch that is on or off"
            yield FlowProblem(f"the values of `{name}` are {', '.join(switch.values)}", why, todo, (*at, "values"))
        elif switch.default not in switch.values:
            why = f"it has the values {', '.join(switch.values)}"
            todo = f"type `default: {switch.values[0]}`"
            yield FlowProblem(f"`{name}` is never `{switch.default}`", why, todo, (*at, "default"))
