"""Puts a conversation into an order that every vendor takes. Pure.

Vendors want the result of each tool call right behind it. On a phone the conversation goes on meanwhile: such a call
gets the result PENDING, and what the tool says later becomes a note. So the beginning of a conversation never changes
when it grows, and the vendor's cache holds.
"""

import json
from collections.abc import Sequence

from offhook.llm.model import Message, ToolCall

PENDING = "The tool is still running."
OPENING = "[The call is connected.]"
"""Stands for the caller where the vendor wants the user to begin."""


def ordered(messages: Sequence[Message]) -> list[Message]:
    """The same conversation: system messages only at the start, results right behind their calls, nothing empty."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    found: list[Message] = []
    waiting: dict[str, ToolCall] = {}
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id in waiting:
                del waiting[message.tool_call_id]
                found.append(message)
                continue
            name = names.get(message.tool_call_id, "a tool")
            message = Message("system", f"{name} answered: {message.text}")  # noqa: PLW2901
        found += [Message("tool", PENDING, tool_call_id=each) for each in waiting]
        waiting = {call.id: call for call in message.tool_calls}
        if message.role == "system" and any(each.role != "system" for each in found):
            found.append(note(message.text))
        elif message.text.strip() or message.tool_calls:
            found.append(message)
    found += [Message("tool", PENDING, tool_call_id=each) for each in waiting]
    return found


def split(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system's text, and the rest, which the user begins."""
    found = ordered(messages)
    start = next((at for at, message in enumerate(found) if message.role != "system"), len(found))
    system = "\n\n".join(message.text for message in found[:start])
    rest = found[start:]
    if not rest or rest[0].role != "user":
        rest.insert(0, Message("user", OPENING))
    return system, rest


def note(text: str) -> Message:
    """A note to the model, in the middle of a conversation."""
    return Message("user", f"[Note: {text}]")


def arguments_of(call: ToolCall) -> dict[str, object]:
    """The arguments as an object, for vendors that take nothing else."""
    try:
        found = json.loads(call.arguments or "{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"malformed": call.arguments}
