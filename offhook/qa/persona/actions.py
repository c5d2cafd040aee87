"""What a persona's model may do, as tools, and what it wrote as steps of a script. Pure.

The model is not trusted: whatever it wrote becomes a few short steps, or is refused with a reason that it is told.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from offhook.llm.model import ToolCall, ToolSpec
from offhook.qa.script.persona import Answer
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, Step, Wait
from offhook.qa.script.words import words_of

MAX_SAID_CHARS = 400
MAX_KEYS = 32
MAX_WAIT_S = 20.0
MAX_ACTIONS = 4

_KEYS = re.compile(rf"[0-9*#]{{1,{MAX_KEYS}}}")
_TEXT = {"type": "string", "description": "what is said, as it is spoken", "maxLength": MAX_SAID_CHARS}
_DIGITS = {"type": "string", "description": "keys of the phone: 0-9 * #", "maxLength": MAX_KEYS}
_SECONDS = {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S}


def _schema(required: tuple[str, ...], **properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TOOLS = (
    ToolSpec("say", "Say something, then listen.", _schema(("text",), text=_TEXT)),
    ToolSpec("press", "Press keys of the phone, then listen.", _schema(("keys",), keys=_DIGITS)),
    ToolSpec("wait", "Say nothing for so long, then listen on.", _schema((), seconds=_SECONDS)),
    ToolSpec(
        "interrupt",
        "Let the other side begin its next sentence, and cut in so many seconds later, with words or keys.",
        _schema(("after_seconds",), after_seconds=_SECONDS, text=_TEXT, keys=_DIGITS),
    ),
    ToolSpec("hang_up", "End the call.", _schema(())),
)
"""In the order in which they are explained."""

_ARGUMENTS = {
    "say": {"text"},
    "press": {"keys"},
    "wait": {"seconds"},
    "interrupt": {"after_seconds", "text", "keys"},
    "hang_up": set[str](),
}


class RefusedAnswerError(ValueError):
    """What the model wrote cannot be done; the text says why."""


def steps_of(answer: Answer) -> tuple[Step, ...]:
    """What to do. A text without a tool is said; beside one it is not. Raises RefusedAnswerError."""
    if not answer.calls:
        return (Say(Speech(_words(answer.text))),)
    if len(answer.calls) > MAX_ACTIONS:
        raise RefusedAnswerError(f"there are {len(answer.calls)} tool calls, at most {MAX_ACTIONS} are done")
    steps = tuple(_step(call) for call in answer.calls)
    for step in steps[:-1]:
        if isinstance(step, HangUp):
            raise RefusedAnswerError("hang_up ends the call: nothing can follow it")
        if isinstance(step, Interrupt):
            raise RefusedAnswerError("interrupt comes last: listen to what its effect is")
    return steps


def _step(call: ToolCall) -> Step:
    known = _ARGUMENTS.get(call.name)
    if known is None:
        raise RefusedAnswerError(f"there is no tool {call.name[:40]!r}: there are {', '.join(_ARGUMENTS)}")
    given = _arguments(call)
    if unknown := given.keys() - known:
        raise RefusedAnswerError(f"{call.name} has no argument {sorted(unknown)[0][:40]!r}")
    match call.name:
        case "say":
            return Say(Speech(_words(given.get("text"))))
        case "press":
            return Press(_keys(given.get("keys")))
        case "wait":
            return Wait(_milliseconds("seconds", given.get("seconds", 0)))
        case "interrupt":
            return _interrupt(given)
        case _:
            return HangUp()


def _interrupt(given: Mapping[str, Any]) -> Interrupt:
    after_ms = _milliseconds("after_seconds", given.get("after_seconds"))
    if ("text" in given) == ("keys" in given):
        raise RefusedAnswerError("interrupt takes either `text` or `keys`")
    if "text" in given:
        return Interrupt(after_ms, Speech(_words(given["text"])))
    return Interrupt(after_ms, keys=_keys(given["keys"]))


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        found = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedAnswerError(f"the arguments of {call.name} are no JSON object")
    return found


def _words(value: object) -> str:
    if not isinstance(value, str) or not words_of(value):
        raise RefusedAnswerError("there is nothing to say: `text` has no words")
    text = " ".join("".join(each if each.isprintable() else " " for each in value).split())
    if len(text) > MAX_SAID_CHARS:
        raise RefusedAnswerError(f"it is too long for a phone: {len(text)} characters, at most {MAX_SAID_CHARS}")
    return text


def _keys(value: object) -> str:
    keys = value.replace(" ", "") if isinstance(value, str) else ""
    if not _KEYS.fullmatch(keys):
        raise RefusedAnswerError(f"`keys` are 1 to {MAX_KEYS} of 0-9 * #")
    return keys


def _milliseconds(name: str, value: object) -> int:
    # NaN is not within any bounds; asking a whole number of hundreds of digits whether it is finite would raise.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_WAIT_S:
        raise RefusedAnswerError(f"`{name}` is a number from 0 to {MAX_WAIT_S:g}")
    return round(1_000 * value)
