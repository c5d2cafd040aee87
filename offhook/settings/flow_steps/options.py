"""Reads `choices`."""

from yaml.nodes import Node

from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.events import Choice
from offhook.settings.flow_steps.reader import StepReader

_CHOICE = ("phrases", "key", "next")


def read_options(reader: StepReader, node: Node, step: str) -> tuple[Option, ...]:
    """The choices that can be read."""
    example = "write each below its name: `yes: {phrases: [yes], key: 1, next: …}`"
    entries = reader.entries(node, f"`choices` of {step}", example) or []
    options = [_option(reader, name, value, step) for name, _, value in entries]
    return tuple(option for option in options if option is not None)


def _option(reader: StepReader, name: str, node: Node, step: str) -> Option | None:
    what = f"choice `{name}` of {step}"
    example = f"type `{name}: {{phrases: [{name.replace('_', ' ')}], next: …}}`"
    found = reader.fields(node, what, _CHOICE, ("next",), example)
    if not found or "next" not in found:
        return None
    phrases = reader.phrases(found["phrases"], f"`phrases` of {what}") if "phrases" in found else ()
    keys = reader.texts(found["key"], f"`key` of {what}") if "key" in found else []
    follows = reader.step_name(found["next"], f"`next` of {what}")
    if follows is None:
        return None
    return Option(Choice(name, phrases, next(iter(keys), None), tuple(keys[1:])), follows)
