"""`record_call`, as it is written, and what it does in a call."""

import pytest

from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.dialog.steps.record_call import RecordCallStep
from offhook.pipeline.trace import ConsentNoted
from offhook.settings.flow_file import parse_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.usererror import UserError

FLOW = """
name: shop
start: first
steps:
  first: {step}
  bye: {{hang_up: Goodbye.}}
"""


def flow(step: str) -> str:
    return FLOW.format(step=step)


@pytest.mark.parametrize(
    ("step", "read"),
    [
        ("{record_call: on, next: bye}", RecordCallStep("first", "on", "bye")),
        ("{record_call: on, consent: announced, next: bye}", RecordCallStep("first", "on", "bye", "announced")),
        ("{record_call: off, consent: refused, next: bye}", RecordCallStep("first", "off", "bye", "refused")),
        ("{record_call: pause, next: bye}", RecordCallStep("first", "pause", "bye")),
    ],
)
def test_it_is_read(step: str, read: RecordCallStep) -> None:
    assert parse_flow(flow(step).encode(), "f.yaml").steps["first"] == read


@pytest.mark.parametrize(
    ("step", "where", "what", "todo"),
    [
        ("{record_call: stop, next: bye}", "5:24", "`record_call` is `stop`", "one of: on, off, pause, resume"),
        ("{record_call: on, consent: 'yes', next: bye}", "5:37", "`consent` is `yes`", "one of: given"),
        (
            "{record_call: on, consent: refused, next: bye}",
            "5:37",
            "`consent: refused` does not",
            "type `consent: given`",
        ),
        (
            "{record_call: off, consent: given, next: bye}",
            "5:38",
            "`consent: given` does not",
            "type `consent: refused`",
        ),
        ("{record_call: pause, consent: given, next: bye}", "5:40", "`consent: given` does not", "remove it"),
        ("{record_call: on}", "5:10", "`record_call` step `first` has no `next`", "add a line `next: …`"),
    ],
)
def test_what_is_wrong(step: str, where: str, what: str, todo: str) -> None:
    with pytest.raises(UserError) as failed:
        parse_flow(flow(step).encode(), "f.yaml")
    problem = next(each for each in failed.value.problems if each.what.startswith(what))
    assert problem.where == f"f.yaml:{where}" and problem.todo.startswith(todo)


@pytest.mark.parametrize(
    ("does", "consent", "kept"), [("on", "given", True), ("on", "announced", True), ("off", "refused", False)]
)
def test_a_call_does_it(does: str, consent: str, kept: bool) -> None:
    talk = flow_dialog(parse_flow(flow(f"{{record_call: {does}, consent: {consent}, next: bye}}").encode(), "f.yaml"))

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.hears("Goodbye.")
            assert caller.recorded_from_here is kept
            noted = [event.consent for event in caller.events if isinstance(event, ConsentNoted)]
            assert noted == [consent]

    run(call())
