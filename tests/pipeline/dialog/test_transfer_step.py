"""The `transfer` step in a flow."""

import pytest

from offhook.pipeline.dialog.actions import CameBack, Connect, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep


def flow(**options: object) -> Flow:
    step = TransferStep("desk", ("reception",), "sorry", **options)  # type: ignore[arg-type]
    steps: dict[str, Step] = {
        "desk": step,
        "sorry": Say("sorry", "Nobody is there.", "bye"),
        "bye": End("bye", "Goodbye."),
    }
    if "busy" in str(options):
        steps["busy"] = Say("busy", "They are busy.", "bye")
    return Flow("f", "desk", steps, {"topic": "a tyre"})


def test_it_announces_and_connects() -> None:
    action = FlowRunner(flow(announce="One moment.", summary="It is about {topic}.")).start()
    assert isinstance(action, Connect)
    assert action.prompt is not None and action.prompt.text == "One moment." and not action.prompt.barge_in
    assert action.summary == "It is about a tyre."


@pytest.mark.parametrize(("reason", "said"), [("busy", "They are busy."), ("declined", "Nobody is there.")])
def test_a_failure_leads_to_its_step(reason: str, said: str) -> None:
    runner = FlowRunner(flow(failures=(("busy", "busy"),)))
    runner.start()
    action = runner.after(CameBack(reason))
    assert isinstance(action, Speak) and action.prompt.text == said


def test_a_caller_who_comes_back_goes_on_or_is_hung_up() -> None:
    runner = FlowRunner(flow(next="bye"))
    runner.start()
    action = runner.after(CameBack())
    assert isinstance(action, HangUp) and action.prompt is not None
    runner = FlowRunner(flow())
    runner.start()
    assert runner.after(CameBack()) == HangUp()


def test_back_is_for_transfers_only() -> None:
    with pytest.raises(RuntimeError, match="not waiting"):
        FlowRunner(flow()).after(CameBack())


def test_every_branch_leads_somewhere() -> None:
    with pytest.raises(FlowError, match="nowhere"):
        flow(failures=(("declined", "nowhere"),))


def test_several_that_come_out_the_same_are_called_once() -> None:
    flow = Flow(
        "f",
        "desk",
        {"desk": TransferStep("desk", ("anna", "{call.called}", "ben"), "bye"), "bye": End("bye", "Goodbye.")},
    )
    action = FlowRunner(flow, call={"called": "anna"}).start()
    assert isinstance(action, Connect) and action.targets == ("anna", "ben")
