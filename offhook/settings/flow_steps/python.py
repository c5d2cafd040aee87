"""Reads `python`."""

from collections.abc import Mapping
from pathlib import Path

from yaml.nodes import MappingNode, Node

from offhook.flow_function import FlowFunction, kind_of
from offhook.pipeline.dialog.expression.types import TYPE_WORDS, Type, may_be, word_of
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.user_modules import import_user_module, reason
from offhook.usererror import did_you_mean

_NAME = "type `python: shop:order_status`, for `def order_status(number: str) -> str` in shop.py"


def _python(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    given = reader.entries(found["with"], f"`with` of {what}", "type `{number: account}`") if "with" in found else []
    arguments = {key: reader.expression(value, f"`{key}` of {what}") for key, _, value in given or []}
    sent = {key: text for key, text in arguments.items() if text is not None}
    function = _function(reader, found["python"], what, list(arguments))
    before = len(reader.problems)
    into, results = _into(reader, found["into"], what) if "into" in found else (None, {})
    meanwhile = reader.spoken(found["meanwhile"], f"`meanwhile` of {what}") if "meanwhile" in found else None
    timeout_s = reader.optional(reader.number, found, "timeout_s", what, 5.0)
    follows, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("next", "otherwise"))
    spoken = reader.spoken_by(found, what)
    is_wrong = len(sent) < len(arguments) or len(reader.problems) > before
    if function is None or follows is None or otherwise is None or is_wrong:
        return None
    gives = kind_of(function.gives)
    if results and not may_be(gives, Type.OBJECT):
        why = f"its annotation says that it returns a {gives}"
        todo = f"`into: {next(iter(results))}`, or have it return a dict"
        reader.problem(found["into"], f"{function.name} has no results of these names", why, todo)
        return None
    kept = Type.ANY if results else gives
    return PythonStep(
        name, follows, otherwise, sent, function.types(), into, kept, results, meanwhile, timeout_s, function, **spoken
    )


def _into(reader: StepReader, node: Node, what: str) -> tuple[str | None, Mapping[str, Type]]:
    """The variable that keeps the result, or those that keep its parts, each with its type."""
    if not isinstance(node, MappingNode):
        return reader.text(node, f"`into` of {what}"), {}
    found = {}
    for name, _, value in reader.entries(node, f"`into` of {what}") or []:
        word = reader.text(value, f"`{name}` of {what}")
        if word is not None and word not in TYPE_WORDS:
            why = "it is one of " + ", ".join(f"`{each}`" for each in TYPE_WORDS)
            reader.problem(value, f"`{word[:40]}` is not a type", why, did_you_mean(word, list(TYPE_WORDS)))
        found[name] = TYPE_WORDS.get(word or word_of(Type.ANY), Type.ANY)
    return None, found


def _function(reader: StepReader, node: Node, what: str, arguments: list[str]) -> FlowFunction | None:
    target = reader.text(node, f"`python` of {what}")
    if target is None:
        return None
    if not reader.defaults.functions:
        why = "the settings forbid it: `flow_functions = false` below `[dialog]`"
        reader.problem(node, f"{what} calls Python", why, "ask who runs the bot, or type `request: https://…`")
        return None
    module_name, colon, name = target.partition(":")
    if not (colon and name.isidentifier() and all(part.isidentifier() for part in module_name.split("."))):
        reader.problem(node, f"`{target[:60]}` is no function", "it is MODULE:NAME", _NAME)
        return None
    try:
        module = import_user_module(module_name, Path(reader.name).parent)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the module is the user's: whatever its code raises
        todo = f"{module_name.partition('.')[0]}.py beside the flow, or in the current folder"
        reader.problem(node, f"`{target[:60]}` cannot be called", reason(error, module_name), todo)
        return None
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        why = f"{module_name} has no function `{name}`"
        reader.problem(node, f"`{target[:60]}` cannot be called", why, did_you_mean(name, known))
        return None
    made = FlowFunction.of(target, function)
    if misfit := made.misfit(arguments):
        given = ", ".join(arguments) or "nothing"
        reader.problem(node, f"`{target[:60]}` cannot be called with {given}", misfit, "see `with`, and its parameters")
        return None
    return made


PYTHON_STEP = StepKind(
    "python", ("with", "into", "meanwhile", "timeout_s", "next", "otherwise", *SPOKEN), _python, ("next", "otherwise")
)
