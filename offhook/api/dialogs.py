"""Agents that come with offhook: a flow, and the fixed dialog that benchmarks talk to."""

from dataclasses import replace

from offhook.api.agent import Outcome
from offhook.api.call import Call, Dialog
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import AskFor, FlowRunner, HangUp, Speak
from offhook.pipeline.events import ANYTHING, NOTHING, DigitRule, Interruption, Prompt, Question


class FlowAgent:
    """Runs a flow, from its start, for every call."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def run(self, call: Call) -> Outcome:
        """See Agent."""
        runner = FlowRunner(self._flow, call.language)
        action = runner.start()
        call.enter(runner.step)
        while not isinstance(action, HangUp):
            question = action.question if isinstance(action, AskFor) else None
            prompt = action.prompt
            if isinstance(action, Speak) and prompt.barge_in:
                prompt = replace(prompt, interruption=_interruption(runner.ahead()))
            action = runner.answered(await call.step(prompt, question, self._flow.wording))
            call.enter(runner.step)
        if action.prompt is not None:
            await call.step(action.prompt, None)
        return Outcome()


def _interruption(ahead: Question | None) -> Interruption:
    """What may interrupt an announcement: an answer to the question that follows it; nothing if none follows."""
    if ahead is None:
        return NOTHING
    keys = {choice.dtmf[0] for choice in ahead.choices if choice.dtmf}
    if ahead.digits is not None:
        keys.update("0123456789")
    if not keys:
        return Interruption(by="speech") if ahead.speech else NOTHING
    by = ANYTHING.by if ahead.speech else "keys"
    return Interruption(by=by, keys="".join(sorted(keys)))


def flow_dialog(flow: Flow) -> Dialog:
    """The dialog that runs `flow`, from its start, for every call."""
    agent = FlowAgent(flow)

    async def run(call: Call) -> None:
        await agent.run(call)
        await call.hangup()

    return run


BENCH_SENTENCE = "Thank you. Your request has been noted, and we will take care of it before the end of the day."


async def bench_dialog(call: Call) -> None:
    """A greeting, then the same sentence after any speech or DTMF, until the caller hangs up."""
    question = Question(digits=DigitRule(1, 1), no_input_ms=600_000)
    while True:
        await call.step(Prompt(BENCH_SENTENCE), question)
