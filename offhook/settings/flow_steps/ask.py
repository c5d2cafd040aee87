"""Reads `ask`."""

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.steps.ask import Ask, Option
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import Choice
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.listening import LISTENING, read_listening
from offhook.settings.flow_steps.reader import StepReader

_CHOICE = ("phrases", "key", "next")


def _ask(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["ask"], f"the text of {what}")
    example = "write each below its name: `yes: {phrases: [yes], key: 1, next: …}`"
    entries = reader.entries(found["choices"], f"`choices` of {what}", example) or []
    options = [_option(reader, choice, value, what) for choice, _, value in entries]
    listening = read_listening(reader, found, what)
    if prompt is None or listening is None:
        return None
    return Ask(name, prompt, tuple(option for option in options if option is not None), **listening)


def _option(reader: StepReader, name: str, node: Node, step: str) -> Option | None:
    what = f"choice `{name}` of {step}"
    example = f"type `{name}: {{phrases: [{name.replace('_', ' ')}], next: …}}`"
    found = reader.fields(node, what, _CHOICE, ("next",), example)
    if not found or "next" not in found:
        return None
    phrases = reader.texts(found["phrases"], f"`phrases` of {what}") if "phrases" in found else []
    key = _key(reader, found["key"], what) if "key" in found else None
    follows = reader.step_name(found["next"], f"`next` of {what}")
    return None if follows is None else Option(Choice(name, tuple(phrases), key), follows)


def _key(reader: StepReader, node: Node, what: str) -> str | None:
    if not isinstance(node, SequenceNode):
        return reader.text(node, f"`key` of {what}")
    keys = [item.value for item in node.value if isinstance(item, ScalarNode)]
    others = " and ".join(f"`{key}`" for key in keys[1:]) or "each of the others"
    todo = f"keep one, and add a choice for {others} that leads to the same step"
    reader.problem(node, f"{what} has several keys", "a choice has one", todo)
    return None


ASK = StepKind("ask", ("choices", *LISTENING), _ask, ("choices",))
