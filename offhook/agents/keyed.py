"""The caller's keys: what the model reads of them, and how they stay off the record. Pure."""

from collections import deque
from dataclasses import replace

from offhook.pipeline.events import Answer
from offhook.pipeline.trace import ModelAsked, ModelReplied, SessionEvent, ToolRan

MIN_MASKED_DIGITS = 3
"""Shorter entries are choices of a menu, and too common to be found again in a text."""

MAX_REMEMBERED = 50

_BRACKETS = str.maketrans("[]", "()")
"""What stands in square brackets is the bot's: keys, results of tools. Nobody can type or dictate it."""


class Keyed:
    """The keys of one call. `hidden`: the model reads how many there were, and not which."""

    def __init__(self, *, hidden: bool = False) -> None:
        self._hidden = hidden
        self._digits: deque[str] = deque(maxlen=MAX_REMEMBERED)

    def words(self, answer: Answer) -> str:
        """A turn as the model reads it; "" if nothing was understood."""
        if not answer.digits:
            return answer.text.translate(_BRACKETS)
        if len(answer.digits) >= MIN_MASKED_DIGITS and answer.digits not in self._digits:
            self._digits.append(answer.digits)
        return f"[{len(answer.digits)} keys pressed]" if self._hidden else f"[keys: {answer.digits}]"

    def masked(self, text: str) -> str:
        """The text without what was keyed."""
        for digits in self._digits:
            text = text.replace(digits, "*" * len(digits))
        return text

    def masked_event(self, event: SessionEvent) -> SessionEvent:
        """An event of an agent, likewise."""
        if not self._digits:
            return event
        match event:
            case ModelAsked(said=said):
                return replace(event, said=self.masked(said))
            case ModelReplied(text=text, error=error):
                return replace(event, text=self.masked(text), error=self.masked(error))
            case ToolRan(arguments=arguments, result=result, error=error):
                masked = self.masked(arguments), self.masked(result), self.masked(error)
                return replace(event, arguments=masked[0], result=masked[1], error=masked[2])
            case _:
                return event
