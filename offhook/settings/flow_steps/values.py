"""Reads `set`, `if` and `switch`."""

from offhook.pipeline.dialog.steps.branch import If, Switch
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _set(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    entries = reader.entries(found["set"], f"`set` of {what}", "type `{count: count + 1}`") or []
    values = {key: reader.expression(value, f"`{key}` of {what}") for key, _, value in entries}
    follows = reader.step_name(found["next"], f"`next` of {what}")
    read = {key: text for key, text in values.items() if text is not None}
    return None if follows is None or not read or len(read) < len(values) else Set(name, read, follows)


def _if(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    condition = reader.expression(found["if"], f"the condition of {what}")
    then, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("then", "else"))
    return None if condition is None or then is None or otherwise is None else If(name, condition, then, otherwise)


def _switch(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    value = reader.expression(found["switch"], f"the value of {what}")
    entries = reader.entries(found["cases"], f"`cases` of {what}", "type `{sent: …, lost: …}`") or []
    cases = {key: reader.step_name(node, f"case `{key}` of {what}") for key, _, node in entries}
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}")
    read = {key: step for key, step in cases.items() if step is not None}
    return (
        None if value is None or otherwise is None or len(read) < len(cases) else Switch(name, value, read, otherwise)
    )


SET = StepKind("set", ("next",), _set, ("next",))
IF = StepKind("if", ("then", "else"), _if, ("then", "else"))
SWITCH = StepKind("switch", ("cases", "otherwise"), _switch, ("cases", "otherwise"))
