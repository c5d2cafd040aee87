"""Reads `commands`, of a flow or of a question."""

from yaml.nodes import Node

from offhook.pipeline.dialog.commands import Command, Does
from offhook.pipeline.events import Choice
from offhook.settings.flow_steps.reader import StepReader

_COMMAND = ("phrases", "key", "next", "do", "language")


def read_commands(reader: StepReader, node: Node, what: str) -> tuple[Command, ...]:
    """Those that can be read."""
    example = "write each below its name: `repeat: {phrases: [repeat], do: repeat}`"
    read = [_command(reader, name, value, what) for name, _, value in reader.entries(node, what, example) or []]
    return tuple(command for command in read if command is not None)


def _command(reader: StepReader, name: str, node: Node, commands: str) -> Command | None:
    what = f"command `{name}` in {commands}"
    found = reader.fields(node, what, _COMMAND, (), f"type `{name}: {{phrases: [{name}], do: repeat}}`")
    if found is None:
        return None
    phrases = reader.phrases(found["phrases"], f"`phrases` of {what}") if "phrases" in found else ()
    key = reader.optional(reader.text, found, "key", what, None)
    follows = reader.step_name(found["next"], f"`next` of {what}") if "next" in found else None
    does = reader.one_of(found, "do", list(Does), "")
    if ("next" in found) is ("do" in found):
        both = "has `next` and `do`" if "next" in found else "does nothing"
        why = "a command leads to a step, or does one of " + ", ".join(f"`{each}`" for each in Does)
        reader.problem(node, f"{what} {both}", why, "type `next: …`, or `do: repeat`")
        return None
    if follows is None and does not in list(Does):
        return None
    language = reader.optional(reader.text, found, "language", what, None)
    if (language is None) is (does == Does.LANGUAGE):
        lacks = "does not say in which language it asks again" if language is None else "has a `language`"
        why = "`do: language` and `language` belong together"
        reader.problem(node, f"{what} {lacks}", why, "type `do: language, language: es`")
        return None
    return Command(Choice(name, phrases, key), follows, Does(does) if does else None, language)
