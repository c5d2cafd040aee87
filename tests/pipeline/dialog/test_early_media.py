"""Steps that are carried out before the call is answered."""

import pytest

from offhook.pipeline.dialog.actions import CameBack
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.events import Answer, AnswerKind
from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError

PLAYED = Answer(AnswerKind.NO_INPUT)


def test_a_flow_begins_before_the_answer_if_its_first_step_does() -> None:
    early: dict[str, Step] = {"hold": Say("hold", "One moment.", "bye", early_media=True), "bye": End("bye")}
    assert Flow("f", "hold", early).speaks_early
    late: dict[str, Step] = {"hold": Say("hold", "One moment.", "bye"), "bye": End("bye")}
    assert not Flow("f", "hold", late).speaks_early


def test_the_first_other_step_answers() -> None:
    steps: dict[str, Step] = {
        "hold": Say("hold", "One moment.", "desk", early_media=True),
        "desk": TransferStep("desk", ("desk",), "sorry", early_media=True),
        "sorry": Say("sorry", "Nobody is there.", "bye"),
        "bye": End("bye"),
    }
    runner = FlowRunner(Flow("f", "hold", steps))
    assert not runner.in_early_media
    runner.start()
    seen = [runner.in_early_media]
    runner.after(PLAYED)
    seen.append(runner.in_early_media)
    runner.after(CameBack("busy"))
    seen.append(runner.in_early_media)
    assert seen == [True, True, False]


def test_a_step_that_comes_too_late_for_it_is_refused() -> None:
    steps: dict[str, Step] = {
        "hello": Say("hello", "Hello.", "hold"),
        "hold": Say("hold", "One moment.", "bye", early_media=True),
        "bye": End("bye", early_media=True),
    }
    with pytest.raises(FlowError) as failed:
        Flow("f", "hello", steps)
    assert [(each.what, each.path) for each in failed.value.problems] == [
        ("step `hold` is never early media", ("steps", "hold", "early_media")),
        ("step `bye` is never early media", ("steps", "bye", "early_media")),
    ]


FLOW = """
name: closed
start: notice
steps:
  notice: {{say: We are closed today., early_media: true, next: {next}}}
  hello: {{say: Hello., next: bye}}
  bye: {{hang_up: Please call again., early_media: {early}}}
"""


def test_in_a_file() -> None:
    flow = parse_flow(FLOW.format(next="hello", early="no").encode(), "flow.yaml")
    assert [step.early_media for step in flow.steps.values()] == [True, False, False]


def test_what_is_wrong_in_a_file_has_its_line() -> None:
    with pytest.raises(UserError) as failed:
        parse_flow(FLOW.format(next="hello", early="true").encode(), "flow.yaml")
    assert failed.value.render().splitlines() == [
        "flow.yaml:7:51: step `bye` is never early media",
        "  why:  every way to it answers the call before",
        "  type: `early_media: true` in the steps from `notice` on, or remove it here",
    ]
    with pytest.raises(UserError, match="early_media"):
        parse_flow(FLOW.format(next="hello", early="perhaps").encode(), "flow.yaml")
