"""What a caller would have to do to walk an edge of a flow, in the words of a call script. Pure."""

from collections import deque

from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.agent import AgentStep
from offhook.pipeline.dialog.steps.branch import If, Switch
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.listening import ListeningStep, Retry
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.press import PressStep
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.take import TakeStep
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep
from offhook.pipeline.events import ValueKind
from offhook.pipeline.understanding.directory import Listed
from offhook.pipeline.understanding.kinds import Text
from offhook.qa.coverage.walked import Edge, edges_of


def ways_to(flow: Flow) -> dict[Edge, list[str]]:
    """For each edge what the caller does from the start of the flow on, the edge itself included. The shortest way is
    taken; what needs nothing of the caller is left out."""
    leading: dict[str, list[Edge]] = {flow.start: []}
    outgoing: dict[str, list[Edge]] = {}
    for edge in edges_of(flow):
        outgoing.setdefault(edge.step, []).append(edge)
    waiting = deque([flow.start])
    while waiting:
        name = waiting.popleft()
        for edge in outgoing.get(name, ()):
            if edge.to not in leading:
                leading[edge.to] = [*leading[name], edge]
                waiting.append(edge.to)
    return {
        edge: [done for each in (*leading.get(edge.step, ()), edge) if (done := action(flow.steps[each.step], each.by))]
        for edge in edges_of(flow)
    }


def action(step: Step, by: str) -> str:
    """What the caller does for an edge out of a step; empty: nothing."""
    kind, _, name = by.partition(".")
    if isinstance(step, ListeningStep) and kind in (rules := dict(step.retries)):
        return _wrong(step, kind, rules[kind], is_last=name == "then")
    if kind == "visits" and step.visits is not None:
        return f"come to {step.name} more than {step.visits.most} times"
    if kind == "choices" and isinstance(step, ListeningStep):
        return _choice(step, name)
    if kind == "next" and isinstance(step, Collect | CollectSecret):
        return _value(step)
    if kind == "on_failure":
        return f"let the wait end ({name})" if isinstance(step, QueueStep) else f"let the transfer fail ({name})"
    if kind in _OTHERS:
        return _OTHERS[kind].format(name)
    if kind == "outcomes" and isinstance(step, AgentStep):
        return f"let the agent hand back {name}"
    if isinstance(step, If):
        return f"have it that {step.condition}" if kind == "then" else f"have it that not: {step.condition}"
    if kind == "cases" and isinstance(step, Switch):
        return f"have {step.value} be {name}"
    return _OTHERWISE.get(type(step), "") if kind == "otherwise" else ""


_OTHERS = {
    "who_answered": "let the one who is called be {}",
    "on_status": "let the server answer with status {}",
}
"""What somebody else does, by the first word of an edge."""

_OTHERWISE: dict[type[Step], str] = {
    AgentStep: "let the agent end without an outcome",
    TransferStep: "let the transfer fail",
    QueueStep: "let the wait end without an agent",
    TakeStep: "have nobody wait in the queue",
    WhoAnsweredStep: "let it remain unknown who answered",
    CollectSecret: "press no key",
    RequestStep: "let the request fail",
    PythonStep: "let the function fail",
    PlayStep: "let the stream fail",
    PressStep: "have a line that sends no keys",
    Switch: "have a value that is none of the cases",
}


def _choice(step: ListeningStep, name: str) -> str:
    choice = next(choice for choice in step.question().choices if choice.name == name)
    ways = [f'press: "{choice.keys[0]}"'] if choice.keys else []
    ways += [f"say: {choice.phrases[0]}"] if choice.phrases else []
    return " or ".join(ways)


_SAID: dict[type[ValueKind], str] = {Text: "anything", Listed: "a name of the directory"}


def _value(step: Collect | CollectSecret) -> str:
    if isinstance(step, CollectSecret):
        return f"press the keys of a right {step.rule.kind}"
    if step.value is not None:
        return f"say {_SAID.get(type(step.value), f'a {type(step.value).__name__.lower()}')} for {step.into}"
    least, most = step.rule.minimum, step.rule.maximum
    count = f"{least}" if least == most else f"{least} to {most}"
    return f"press {count} digits"


def _wrong(step: ListeningStep, kind: str, rule: Retry, *, is_last: bool) -> str:
    times = f", {rule.attempts} times" if is_last and rule.attempts > 1 else ""
    if kind == "no_input":
        return f"say nothing for {step.timeout_s:g} s{times}"
    return f"say something else{times}"
