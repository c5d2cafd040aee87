"""Runs a call's turn core again from its event log, in no time, and compares its decisions with those of the call."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from offhook.flight.reader import FlightLog
from offhook.flight.recording_core import INPUTS
from offhook.flight.replay_core import DivergedError, ReplayCore
from offhook.flight.values import to_json
from offhook.pipeline.turn.tables import Floor
from offhook.usererror import UserError


@dataclass(slots=True)
class Step:
    """One input and what the core made of it. `outputs` are as in the log. `at` is on the call's clock, in seconds."""

    row: int
    at: float
    name: str
    arguments: list[Any]
    before: Floor
    after: Floor
    outputs: list[Any] = field(default_factory=list)

    @property
    def actions(self) -> list[str]:
        """The commands' actions."""
        return [output["action"] for output in self.outputs if output["~"] == "Command"]


@dataclass(frozen=True, slots=True)
class Difference:
    """The replay decided otherwise than the call, in row `row` (the header is row 0)."""

    row: int
    at: float
    was: Any
    replayed: Any


@dataclass(slots=True)
class Replay:
    """A call that was run again. It stops at the first difference."""

    log: FlightLog
    steps: list[Step] = field(default_factory=list)
    difference: Difference | None = None

    @property
    def identical(self) -> bool:
        """Whether every decision was the same."""
        return self.difference is None

    @property
    def seconds(self) -> float:
        """The call's length, as far as it was replayed."""
        return self.steps[-1].at if self.steps else 0.0


Watch = Callable[[ReplayCore, Step], None]
"""Is called with the core after each step, when its outputs have been taken."""


def replay(log: FlightLog, watch: Watch | None = None) -> Replay:
    """Run a log. UserError for a row that cannot be an input; not for differences: see `Replay`."""
    core, found = ReplayCore(log), Replay(log)
    step: Step | None = None
    try:
        for number, row in enumerate(log.rows, 1):
            if row[0] == "i":
                if step is not None and watch is not None:
                    watch(core, step)
                step = _input(core, log, number, row)
                found.steps.append(step)
            elif row[0] == "o" and step is not None:
                output = core.next_output()
                replayed = None if output is None else to_json(output)
                if replayed != row[1]:
                    found.difference = Difference(number, step.at, row[1], replayed)
                    return found
                step.outputs.append(replayed)
    except DivergedError as error:
        found.difference = Difference(number, step.at if step is not None else 0.0, row, str(error))
        return found
    if step is not None and watch is not None:
        watch(core, step)
    if not log.truncated and step is not None and (left := core.next_output()) is not None:
        found.difference = Difference(len(log.rows), step.at, None, to_json(left))
    return found


def _input(core: ReplayCore, log: FlightLog, number: int, row: list[Any]) -> Step:
    _, name, plain = row
    if name not in INPUTS:
        raise DivergedError(f"this offhook's core has no input {name!r}")
    try:
        arguments, before = core.arguments(plain), core.floor
        at = arguments[INPUTS[name]] - log.began
        with suppress(ValueError):  # as in the call: the dialog asked for what is impossible
            getattr(core, name)(*arguments)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        why = f"row {number} is damaged: {name} cannot be given {plain} ({error})"
        raise UserError(f"the call {log.call} cannot be run again", why, "offhook replay FILE, another log") from error
    return Step(number, at, name, arguments, before, core.floor)
