"""A turn core whose inputs and outputs go into the event log."""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields, replace
from functools import wraps
from typing import Any

from offhook.flight.event_log import EventLog
from offhook.flight.recorded import RecordedInterruption, RecordedKeypad, RecordedKind, RecordedOverlap, RecordedPolicy
from offhook.flight.values import MASK
from offhook.pipeline.endpoint.expectation import expectations_of
from offhook.pipeline.events import Answer, EndpointPolicy, Interruption, Question
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent
from offhook.pipeline.turn.keypad import is_keys
from offhook.pipeline.turn.machine import Command, TurnSettings
from offhook.pipeline.turn.overlap import Overlap

INPUTS: dict[str, int] = {
    name: list(inspect.signature(method).parameters).index("now") - 1
    for name, method in inspect.getmembers(TurnCore, inspect.isfunction)
    if not name.startswith("_") and "now" in inspect.signature(method).parameters
}
"""The methods of the core that are its inputs: those that take `now`. By name, which argument that is."""


class RecordingCore(TurnCore):
    """The floor of one call, recorded. `policy` ends its turns."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy, log: EventLog) -> None:
        self._log = log
        self._overlap: RecordedOverlap | None = None
        super().__init__(settings, RecordedPolicy(policy, log))
        self._keypad = RecordedKeypad(log)
        self._typed = 0
        self._lines: dict[int, tuple[str, float]] = {}  # of keys, which may be secret, by number; and when
        self._busy = False  # the core calls inputs of its own: only those from outside are recorded

    @property
    def overlap(self) -> Overlap | None:
        """See Interruptions."""
        return self._overlap

    @overlap.setter
    def overlap(self, overlap: Overlap | None) -> None:
        self._overlap = None if overlap is None else RecordedOverlap(overlap, self._log)

    def next_output(self) -> Command | TurnEvent | None:
        """See Machine."""
        output = super().next_output()
        if output is not None:
            self._log.append("o", output)
            if self._lines and isinstance(output, Command) and output.answer is not None and output.answer.typed:
                self._take_line(output.answer)
        return output

    def _enter(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Record an input. Returns the arguments for the core."""
        noted = list(arguments)
        if name == "key":
            noted[0] = self._masked_key(noted[0])
        elif name == "typed":
            noted[0] = self._masked_line(noted[0].strip(), noted[1])
        noted = [_described(each) for each in noted]
        self._log.append("i", name, noted)
        return tuple(self._recorded(each) for each in arguments)

    def _recorded(self, argument: Any) -> Any:
        if isinstance(argument, Interruption) and argument.keys is not None:
            values = {each.name: getattr(argument, each.name) for each in fields(argument)}
            return RecordedInterruption(**values, log=self._log)
        if not isinstance(argument, Question):
            return argument
        value, endpoint = argument.value, argument.endpoint
        return replace(
            argument,
            value=None if value is None else RecordedKind(value, self._log),
            endpoint=None if endpoint is None else RecordedPolicy(endpoint, self._log),
        )

    @property
    def _in_menu(self) -> bool:
        """Whether the question in progress is a menu, whose keys are no secret: what they chose is in the record."""
        asked = self._state.question
        return asked is not None and bool(asked.choices) and asked.digits is None and asked.value is None

    def _masked_key(self, digit: str) -> str:
        # Keys before a question may be an early PIN.
        return digit if not digit.isdigit() or (self._in_menu and not self._keypad.typed_ahead) else MASK

    def _masked_line(self, line: str, now: float) -> str:
        self._typed += 1
        if not is_keys(line):
            return line
        self._lines[self._typed] = line, now
        return re.sub(r"\d", "0", line)

    def _take_line(self, answer: Answer) -> None:
        """A typed line has answered. A choice from a menu is no secret, as it is in the record."""
        for number, (line, typed_at) in self._lines.items():
            if typed_at == self.turn_began_at and is_keys(answer.text or answer.digits):
                del self._lines[number]
                if answer.choice is not None:
                    self._log.append("t", number, line)
                return


def _described(argument: Any) -> Any:
    """A question for a value with what is expected of the answer: the log does not have its kind."""
    if not isinstance(argument, Question) or argument.value is None or argument.expect is not None:
        return argument
    expected = expectations_of(argument)
    return replace(argument, expect=expected[0]) if len(expected) == 1 else argument


def _recording(name: str) -> Callable[..., Any]:
    method = getattr(TurnCore, name)
    parameters = inspect.signature(method)

    @wraps(method)
    def record(self: RecordingCore, *arguments: Any, **named: Any) -> Any:
        if self._busy:
            return method(self, *arguments, **named)
        if named:
            bound = parameters.bind(self, *arguments, **named)
            bound.apply_defaults()  # the log has no names: none may be left out before one that is given
            arguments = bound.args[1:]
        self._busy = True
        try:
            return method(self, *self._enter(name, arguments))
        finally:
            self._busy = False

    return record


for _name in INPUTS:
    setattr(RecordingCore, _name, _recording(_name))
