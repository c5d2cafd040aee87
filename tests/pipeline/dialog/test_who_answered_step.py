"""The step that finds out who answered a call of the bot."""

import pytest

from offhook.pipeline.dialog.actions import FindOut, FoundOut, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep

WHO = WhoAnsweredStep("who", (("human", "hello"), ("voicemail", "message")), "bye")
FLOW = Flow(
    "f",
    "who",
    {
        "who": WHO,
        "hello": Say("hello", "Hello, {answered_by}.", "bye"),
        "message": Say("message", "A message.", "bye"),
        "bye": End("bye"),
    },
)


@pytest.mark.parametrize(
    ("by", "step", "said"),
    [
        ("human", "hello", "Hello, human."),
        ("voicemail", "message", "A message."),
        ("fax", "bye", None),
        ("", "bye", None),
    ],
)
def test_what_follows(by: str, step: str, said: str | None) -> None:
    runner = FlowRunner(FLOW)
    assert runner.start() == FindOut(WHO)
    action = runner.after(FoundOut(by))
    assert runner.step == step
    assert isinstance(action, HangUp) if said is None else isinstance(action, Speak) and action.prompt.text == said


def test_only_where_it_was_asked() -> None:
    runner = FlowRunner(FLOW)
    runner.start()
    runner.after(FoundOut("human"))
    with pytest.raises(RuntimeError, match="not waiting for FoundOut"):
        runner.after(FoundOut("human"))
