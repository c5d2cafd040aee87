"""Dialogs that come with offhook: a flow, and the fixed one that benchmarks talk to."""

from offhook.api.call import Call, Dialog
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import AskFor, FlowRunner, HangUp
from offhook.pipeline.events import DigitRule, Prompt, Question


def flow_dialog(flow: Flow) -> Dialog:
    """The dialog that runs `flow`, from its start, for every call."""

    async def run(call: Call) -> None:
        runner = FlowRunner(flow)
        action = runner.start()
        call.enter(runner.step)
        while not isinstance(action, HangUp):
            question = action.question if isinstance(action, AskFor) else None
            action = runner.answered(await call.step(action.prompt, question))
            call.enter(runner.step)
        if action.prompt is not None:
            await call.step(action.prompt, None)
        await call.hangup()

    return run


BENCH_SENTENCE = "Thank you. Your request has been noted, and we will take care of it before the end of the day."


async def bench_dialog(call: Call) -> None:
    """A greeting, then the same sentence in answer to whatever is said or keyed, until the caller hangs up."""
    question = Question(digits=DigitRule(1, 1), no_input_ms=600_000)
    while True:
        await call.step(Prompt(BENCH_SENTENCE), question)
