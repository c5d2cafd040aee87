"""The `take` step in a flow."""

import pytest

from offhook.pipeline.dialog.actions import CameBack, HangUp, Take
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import MAX_STEPS_ALONE, EndlessFlowError, FlowRunner
from offhook.pipeline.dialog.steps.branch import If
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.take import TakeStep


def flow(**options: object) -> Flow:
    take = TakeStep("take", "support", "take", "nobody", **options)  # type: ignore[arg-type]
    return Flow("f", "take", {"take": take, "nobody": End("nobody", "Nobody waits.")}, {"name": "Anna"})


def test_it_announces_and_takes_one_caller_after_the_other() -> None:
    runner = FlowRunner(flow(announce="The next one, {name}.", wait_s=60.0, end_key="*"))
    for action in (runner.start(), runner.after(CameBack())):
        assert isinstance(action, Take)
        assert action.prompt is not None and action.prompt.text == "The next one, Anna." and not action.prompt.barge_in
        assert (action.queue, action.wait_s, action.end_key) == ("support", 60.0, "*")


@pytest.mark.parametrize("reason", ["timeout", "not_possible"])
def test_otherwise_follows_when_nobody_has_come(reason: str) -> None:
    runner = FlowRunner(flow())
    assert runner.start() == Take("support", None, None, None)
    action = runner.after(CameBack(reason))
    assert isinstance(action, HangUp) and action.prompt is not None and action.prompt.text == "Nobody waits."


@pytest.mark.parametrize(("reason", "goes_on"), [("timeout", True), ("not_possible", False)])
def test_who_waits_in_vain_may_do_so_for_hours(reason: str, goes_on: bool) -> None:
    take, again = TakeStep("take", "support", "bye", "again", wait_s=5.0), If("again", 'name == "Anna"', "take", "bye")
    steps = {"take": take, "again": again, "bye": End("bye", "Goodbye.")}
    runner = FlowRunner(Flow("f", "take", steps, {"name": "Anna"}))
    runner.start()

    def wait() -> None:
        for _ in range(MAX_STEPS_ALONE):
            runner.after(CameBack(reason))

    if goes_on:
        wait()
        assert runner.step == "take"
    else:
        with pytest.raises(EndlessFlowError):
            wait()


@pytest.mark.parametrize("option", [{"wait_s": 0.0}, {"wait_s": 20_000.0}, {"end_key": "12"}, {"end_key": "x"}])
def test_numbers_and_keys_have_limits(option: dict[str, object]) -> None:
    with pytest.raises(FlowError, match=next(iter(option)) if "wait_s" in option else "ends no talk"):
        flow(**option)
