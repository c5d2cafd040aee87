"""Reads `collect`."""

from yaml.nodes import Node, ScalarNode

from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import DigitRule
from offhook.settings.flow_hints import digits_hint
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.listening import LISTENING, read_listening
from offhook.settings.flow_steps.options import read_options
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.flow_values import LIMITS, value_kind

_DIGITS = ("digits", "terminator", "clear", "inter_digit_ms", "spoken")
_JUDGED = ("where", "where_reprompt", "confirm")


def _collect(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["collect"], f"the text of {what}")
    into = reader.text(found["into"], f"`into` of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    value = value_kind(reader, found, what)
    rule = _rule(reader, found, what)
    if value is not None and value.keys is None:
        for key in ("terminator", "clear", "inter_digit_ms"):
            if key in found:
                reader.problem(found[key], f"{what} has `{key}`", "what it collects is not keyed", f"remove `{key}`")
    spoken = reader.optional(reader.truth, found, "spoken", what, False)
    options = read_options(reader, found["choices"], what) if "choices" in found else ()
    where = reader.expression(found["where"], f"`where` of {what}") if "where" in found else None
    where_reprompt = (
        reader.spoken(found["where_reprompt"], f"`where_reprompt` of {what}") if "where_reprompt" in found else None
    )
    confirm = reader.optional(reader.truth, found, "confirm", what, False)
    listening = read_listening(reader, found, what)
    if prompt is None or into is None or follows is None or listening is None:
        return None
    return Collect(
        name,
        prompt,
        into,
        rule,
        follows,
        spoken,
        value=value,
        options=options,
        where=where,
        where_reprompt=where_reprompt,
        confirm=confirm,
        **listening,
    )


def _rule(reader: StepReader, found: Fields, what: str) -> DigitRule:
    low, high = read_count(reader, found["digits"], what) if "digits" in found else (1, 1)
    rule = DigitRule()
    terminator = reader.optional(reader.text, found, "terminator", what, rule.terminator)
    clear = reader.optional(reader.text, found, "clear", what, rule.clear)
    inter_digit_ms = reader.optional(reader.whole, found, "inter_digit_ms", what, rule.inter_digit_ms)
    return DigitRule(low, high, "" if terminator == "none" else terminator, inter_digit_ms, clear)


def read_count(reader: StepReader, node: Node, what: str) -> tuple[int, int]:
    """How many digits, the least and the most."""
    low: int | None
    high: int | None
    if (hint := digits_hint(node)) is not None:
        reader.problem(node, f"`digits` of {what} is not a number", reader.got(node), f"type `digits: {hint}`")
        low = high = None
    elif isinstance(node, ScalarNode):
        low = high = reader.whole(node, f"`digits` of {what}")
    else:
        ends = reader.fields(node, f"`digits` of {what}", ("min", "max"), required=("min", "max")) or {}
        low, high = (reader.whole(ends[end], f"`{end}` of {what}") if end in ends else None for end in ("min", "max"))
    # Unreadable values were reported already: any numbers will do.
    return 1 if low is None else low, 1 if high is None else high


COLLECT = StepKind(
    "collect",
    ("into", *_DIGITS, "as", "pattern", "directory", *LIMITS, *_JUDGED, "choices", "next", *LISTENING),
    _collect,
    ("into", ("digits", "as", "pattern", "directory"), "next"),
)
