"""Reads `agent`."""

from pathlib import Path

from yaml.nodes import Node

from offhook.pipeline.dialog.steps.agent import AgentOutcome, AgentStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.parameters import read_parameters


def _agent(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    instructions = reader.text(found["agent"], f"the instructions of {what}")
    file = reader.text(found["with"], f"`with` of {what}")
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}")
    greeting = reader.spoken(found["greeting"], f"`greeting` of {what}") if "greeting" in found else None
    outcomes = _outcomes(reader, found["outcomes"], what)
    spoken = reader.spoken_by(found, what)
    if instructions is None or file is None or otherwise is None:
        return None
    beside = str(Path(reader.name).parent / file)
    return AgentStep(name, instructions, beside, outcomes, otherwise, greeting, **spoken)


def _outcomes(reader: StepReader, node: Node, what: str) -> tuple[AgentOutcome, ...]:
    read = []
    for name, _, value in reader.entries(node, f"`outcomes` of {what}", "type `done: {next: …}`") or []:
        of = f"outcome `{name}` of {what}"
        fields = reader.fields(value, of, ("next", "values"), ("next",), "type `{next: …}`") or {}
        follows = reader.step_name(fields["next"], f"`next` of {of}") if "next" in fields else None
        values = read_parameters(reader, fields["values"], f"`values` of {of}") if "values" in fields else {}
        if follows is not None:
            read.append(AgentOutcome(name, follows, values))
    return tuple(read)


AGENT = StepKind(
    "agent", ("with", "outcomes", "otherwise", "greeting", *SPOKEN), _agent, ("with", "outcomes", "otherwise")
)
