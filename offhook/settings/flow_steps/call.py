"""Reads `call` and `return`."""

from yaml.nodes import Node, SequenceNode

from offhook.pipeline.dialog.steps.call import CallStep, ReturnStep, SubFlow
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader

_CALL = ("with", "results", "outcomes", "next")


def _call(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    """The sub-flow itself is read when all steps are (`settings.flow_calls`)."""
    flow = reader.text(found["call"], f"the sub-flow of {what}")
    given = reader.entries(found["with"], f"`with` of {what}", "type `{tries: 3}`") if "with" in found else []
    arguments = {key: reader.expression(value, f"`{key}` of {what}") for key, _, value in given or []}
    results = _results(reader, found["results"], f"`results` of {what}") if "results" in found else {}
    led = reader.entries(found["outcomes"], f"`outcomes` of {what}", "type `{done: …}`") if "outcomes" in found else []
    outcomes = {key: reader.step_name(value, f"`{key}` of {what}") for key, _, value in led or []}
    follows = reader.step_name(found["next"], f"`next` of {what}") if "next" in found else None
    if flow is None:
        return None
    read = {key: text for key, text in arguments.items() if text is not None}
    steps = {key: step for key, step in outcomes.items() if step is not None}
    return CallStep(name, flow, SubFlow(""), read, results, steps, follows)


def _results(reader: StepReader, node: Node, what: str) -> dict[str, str]:
    """The variables with the names of their results; a list has variables that are called as their results are."""
    if isinstance(node, SequenceNode):
        return {name: name for name in reader.texts(node, what)}
    read = {
        key: reader.text(value, f"`{key}` in {what}")
        for key, _, value in reader.entries(node, what, "type `{number: account}`, or `[account, name]`") or []
    }
    return {key: result for key, result in read.items() if result is not None}


def _return(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    outcome = reader.text(found["return"], f"the outcome of {what}")
    return None if outcome is None else ReturnStep(name, outcome)


CALL = StepKind("call", _CALL, _call)
RETURN = StepKind("return", (), _return)
