"""Reads `collect`."""

from yaml.nodes import ScalarNode

from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import DigitRule
from offhook.settings.flow_hints import digits_hint
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.listening import LISTENING, read_listening
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.flow_values import LIMITS, value_kind

_DIGITS = ("digits", "terminator", "inter_digit_ms", "spoken")


def _collect(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["collect"], f"the text of {what}")
    into = reader.text(found["into"], f"`into` of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    value = value_kind(reader, found, what)
    rule = _rule(reader, found, what) if "digits" in found else DigitRule()
    spoken = reader.optional(reader.truth, found, "spoken", what, False)
    listening = read_listening(reader, found, what)
    if prompt is None or into is None or follows is None or listening is None:
        return None
    return Collect(name, prompt, into, rule, follows, spoken, value=value, **listening)


def _rule(reader: StepReader, found: Fields, what: str) -> DigitRule:
    node = found["digits"]
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
    rule = DigitRule()
    terminator = reader.optional(reader.text, found, "terminator", what, rule.terminator)
    inter_digit_ms = reader.optional(reader.whole, found, "inter_digit_ms", what, rule.inter_digit_ms)
    # Unreadable values were reported already: any numbers will do.
    low, high = (1 if low is None else low), (1 if high is None else high)
    return DigitRule(low, high, "" if terminator == "none" else terminator, inter_digit_ms)


COLLECT = StepKind(
    "collect", ("into", *_DIGITS, "as", *LIMITS, "next", *LISTENING), _collect, ("into", ("digits", "as"), "next")
)
