"""What the switches of flows are set to, in a process that carries calls."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog.hints import near
from offhook.pipeline.dialog.switches import Switch
from offhook.settings.queues import QueueConfig
from offhook.usererror import UserError


@dataclass(frozen=True, slots=True)
class SwitchSetting:
    """A switch was set to `value` at `at_s`, by somebody, and is until `until_s` (both Unix time; None: for good)."""

    value: str
    at_s: float
    by: str
    until_s: float | None = None

    def holds(self, now_s: float) -> bool:
        """Whether it is set still."""
        return self.until_s is None or now_s < self.until_s


def check_setting(switches: Mapping[str, Switch], name: str, value: str | None = None) -> Switch:
    """The switch of that name, which may be set to `value` (None: whatever it is). Raises UserError."""
    shown, known = name[:40], list(switches)
    if name not in switches and not known:
        todo = f"`switches: {{{shown}: {{means: …}}}}` at the top of a flow"
        raise UserError(f"there is no switch `{shown}`", "the bot's flows have none", todo)
    if name not in switches:
        raise UserError(f"there is no switch `{shown}`", f"there are {', '.join(known)}", near(name, known))
    values = switches[name].values
    if value is not None and value not in values:
        why = f"it has the values {', '.join(values)}"
        raise UserError(f"`{name}` is never `{value[:40]}`", why, near(value, values))
    return switches[name]


def check_closed_by(queues: Mapping[str, QueueConfig], switches: Mapping[str, Switch]) -> None:
    """Whether the switches that close queues are there, and are on or off. Raises UserError."""
    for name, queue in queues.items():
        what, where = f"`closed_by` of the queue `{name}`", f"[queues.{name}] closed_by"
        for each in queue.closed_by:
            try:
                switch = check_setting(switches, each)
            except UserError as error:
                (problem,) = error.problems
                raise UserError(f"{what}: {problem.what}", problem.why, problem.todo, where) from None
            if not switch.is_truth:
                truths = [other for other, known in switches.items() if known.is_truth]
                values = ", ".join(switch.values)
                why = f"it has the values {values}, and a queue is closed by one that is on or off"
                todo = near(each, truths) if truths else "`switches: {closed: {means: …}}` at the top of a flow"
                raise UserError(f"{what}: `{each}` closes nothing", why, todo, where)


SwitchSettings = Mapping[str, SwitchSetting]
"""By the names of the switches; those that nobody has set are missing."""


class Switches:
    """What they are set to, as the supervisor has said last. `now_s` is Unix time."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._settings: SwitchSettings = {}

    def set(self, settings: SwitchSettings) -> None:
        """All settings, in place of those before."""
        self._settings = settings

    def positions(self) -> Mapping[str, str]:
        """The values that are set now, by name."""
        now_s = self._now_s()
        return {name: each.value for name, each in self._settings.items() if each.holds(now_s)}
