"""The `queue` step in a flow."""

import pytest

from offhook.pipeline.dialog.actions import CameBack, Enqueue, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.queues.orders import QueueEnd


def flow(**options: object) -> Flow:
    steps: dict[str, Step] = {
        "wait": QueueStep("wait", "support", "sorry", **options),  # type: ignore[arg-type]
        "sorry": Say("sorry", "Nobody is there.", "bye"),
        "bye": End("bye", "Goodbye."),
    }
    if "left" in str(options):
        steps["left"] = Say("left", "You have left.", "bye")
    return Flow("f", "wait", steps, {"topic": "a tyre"})


def test_it_announces_and_has_the_caller_wait() -> None:
    action = FlowRunner(flow(announce="One moment.", summary="It is about {topic}.", priority=3)).start()
    assert isinstance(action, Enqueue)
    assert action.prompt is not None and action.prompt.text == "One moment." and not action.prompt.barge_in
    assert (action.queue, action.summary, action.priority) == ("support", "It is about a tyre.", 3)


@pytest.mark.parametrize(("reason", "said"), [("left", "You have left."), ("full", "Nobody is there.")])
def test_the_end_of_a_wait_leads_to_its_step(reason: str, said: str) -> None:
    runner = FlowRunner(flow(failures=(("left", "left"),)))
    runner.start()
    action = runner.after(CameBack(reason))
    assert isinstance(action, Speak) and action.prompt.text == said


def test_after_the_talk_the_flow_goes_on_or_hangs_up() -> None:
    runner = FlowRunner(flow(next="bye"))
    runner.start()
    action = runner.after(CameBack())
    assert isinstance(action, HangUp) and action.prompt is not None
    runner = FlowRunner(flow())
    runner.start()
    assert runner.after(CameBack()) == HangUp()


def test_who_will_be_called_back_does_not_hear_that_nobody_is_there() -> None:
    runner = FlowRunner(flow())
    runner.start()
    assert runner.after(CameBack(QueueEnd.CALL_BACK)) == HangUp()
    runner = FlowRunner(flow(failures=(("call_back", "left"),)))
    runner.start()
    assert isinstance(runner.after(CameBack(QueueEnd.CALL_BACK)), Speak)


def test_a_priority_has_limits() -> None:
    with pytest.raises(FlowError, match="priority"):
        flow(priority=10)
