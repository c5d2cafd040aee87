"""Agents that come with offhook: a flow, and the fixed dialog that benchmarks talk to."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog

from offhook.agents.agent import Agent
from offhook.agents.agent_file import AgentFile, SpeechFile, load_agent
from offhook.agents.tools import arguments_model
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.turns import TurnEvents
from offhook.llm.model import LanguageModel
from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.dialog.flow import AgentStep, Flow
from offhook.pipeline.dialog.runner import Action, AskFor, Connect, Delegate, FindOut, FlowRunner, HangUp, Speak
from offhook.pipeline.events import ANYTHING, NOTHING, Answer, AnswerKind, DigitRule, Interruption, Prompt, Question
from offhook.pipeline.turn.events import TurnCorrected
from offhook.transfer.outcome import TransferError, TransferFailure, TransferMode
from offhook.usererror import UserError


class FlowAgent:
    """Runs a flow, from its start, for every call. `model` makes that of the `agent` steps whose files name none."""

    def __init__(self, flow: Flow, model: Callable[[], LanguageModel] | None = None) -> None:
        self._flow = flow
        shared = cache(model) if model is not None else None
        self._agents = {
            step.name: _agent_of(step, load_agent(Path(step.file)), shared)
            for step in flow.steps.values()
            if isinstance(step, AgentStep)
        }

    @property
    def agents(self) -> list[Agent]:
        """Those of the `agent` steps."""
        return list(self._agents.values())

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        runner = FlowRunner(self._flow, call.language, call.variables)
        action = runner.start()
        asked: Question | None = None  # whose answer may still be corrected
        call.enter(runner.step, runner.by)
        while True:
            if not runner.in_early_media and not call.answered:
                await call.answer()
            if isinstance(action, Delegate):
                outcome = await self._delegate(call, action)
                if call.hung_up:
                    return outcome
                asked, action = None, runner.handed_back(outcome.name, outcome.values)
                call.enter(runner.step, runner.by)
                continue
            if isinstance(action, Connect):
                reason = await self._connect(call, action)
                if call.hung_up:
                    return Outcome(f"transferred to {action.step.target}")
                asked, action = None, runner.back(reason)
                call.enter(runner.step, runner.by)
                continue
            if isinstance(action, FindOut):
                asked, action = None, runner.found_out(await self._find_out(call, action))
                call.enter(runner.step, runner.by)
                continue
            step = self._step(call, action, runner)
            found = await step if asked is None else await self._unless_corrected(call, runner, asked, step)
            if not isinstance(found, Answer):
                asked, action = None, found
            elif isinstance(action, HangUp):
                return Outcome()
            else:
                asked = None if found.is_final or not isinstance(action, AskFor) else action.question
                action = runner.answered(found)
            call.enter(runner.step, runner.by)

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly."""
        return self._flow.speaks_early

    async def _delegate(self, call: Call, action: Delegate) -> Outcome:
        """The agent's part; the language is that of the call again afterwards."""
        agent = self._agents[action.step.name]
        await agent.ready()
        language, own = call.language, action.language or agent.language
        if own is not None:
            call.language = own
        try:
            return await agent.for_step(action.instructions, action.greeting, action.voice).run(call)
        finally:
            call.language = language

    async def _connect(self, call: Call, action: Connect) -> str:
        """Why the caller is back; empty where they were connected."""
        step = action.step
        if action.prompt is not None:
            await call.step(action.prompt, None)
        try:
            # The settings' reader knows the modes.
            mode = cast("TransferMode | None", step.mode)
            await call.transfer(step.target, mode=mode, summary=action.summary, ring_s=step.ring_s)
        except TransferError as error:
            return str(error.reason)
        except UserError as error:
            log = structlog.get_logger("offhook.flow")
            log.warning("not transferred", call=call.id, step=step.name, why=str(error))
            return str(TransferFailure.NOT_POSSIBLE)
        return ""

    async def _find_out(self, call: Call, action: FindOut) -> str:
        """Who answered; a voicemail that has a step of its own is ready for a message then."""
        by = await call.until_ended(call.who_answered(action.step.within_s))
        if by == AnsweredBy.VOICEMAIL and by in dict(action.step.answers):
            await call.until_ended(call.wait_for_beep())
        return by

    async def _step(self, call: Call, action: Speak | AskFor | HangUp, runner: FlowRunner) -> Answer:
        question = action.question if isinstance(action, AskFor) else None
        prompt = action.prompt
        if prompt is None:
            return Answer(AnswerKind.NO_INPUT)
        if isinstance(action, Speak) and prompt.barge_in:
            prompt = replace(prompt, interruption=_interruption(runner.ahead()))
        return await call.step(prompt, question, self._flow.wording)

    async def _unless_corrected(
        self, call: Call, runner: FlowRunner, asked: Question, work: Coroutine[Any, Any, Answer]
    ) -> Answer | Action:
        """The answer of a step; or the action that takes its place, since a late final gives the answer before it, to
        `asked`, another meaning."""
        step = asyncio.ensure_future(work)
        correction = asyncio.ensure_future(self._correction(call, call.turns(), runner, asked, step))
        try:
            await asyncio.wait((step, correction), return_when=asyncio.FIRST_COMPLETED)
            if correction.done() and (action := correction.result()) is not None:
                return action
            return await step
        finally:
            step.cancel()
            correction.cancel()
            await asyncio.gather(step, correction, return_exceptions=True)

    async def _correction(
        self, call: Call, events: TurnEvents, runner: FlowRunner, asked: Question, step: "asyncio.Task[Answer]"
    ) -> Action | None:
        try:
            async for event in events:
                if step.done():
                    break  # with an answer, which is not one to where a correction would lead
                if isinstance(event, TurnCorrected):
                    answer = call.corrected(asked, event.answer, self._flow.wording)
                    if (action := runner.corrected(answer)) is not None:
                        return action
            return None
        finally:
            events.close()


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


def _agent_of(step: AgentStep, file: AgentFile | SpeechFile, model: Callable[[], LanguageModel] | None) -> Agent:
    """The agent of a step: its file's, with the step's outcomes."""
    if isinstance(file, SpeechFile):
        what, why = f"step {step.name} cannot use {step.file}", "an agent of `kind: speech` hands no call back"
        raise UserError(what, why, "a file without `kind: speech`, or `agent_file` of a route")
    outcomes = {outcome.name: arguments_model(outcome.name, dict(outcome.values)) for outcome in step.outcomes}
    file = replace(file, options={**file.options, "outcomes": outcomes})
    return file.make(None if file.names_model or model is None else model())


class FlowDialog:
    """A Dialog: the flow, and the call's end after it."""

    def __init__(self, agent: FlowAgent) -> None:
        self._agent = agent

    @property
    def agents(self) -> list[Agent]:
        """Those of the `agent` steps."""
        return self._agent.agents

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly."""
        return self._agent.speaks_early(called, trunk)

    async def __call__(self, call: Call) -> None:
        """As a Dialog."""
        await self._agent.run(call)
        await call.hangup()


def flow_dialog(flow: Flow, model: Callable[[], LanguageModel] | None = None) -> FlowDialog:
    """The dialog that runs `flow`, from its start, for every call. `model`: see FlowAgent.

    Raises UserError for the file of an `agent` step that cannot be used.
    """
    return FlowDialog(FlowAgent(flow, model))


BENCH_SENTENCE = "Thank you. Your request has been noted, and we will take care of it before the end of the day."


async def bench_dialog(call: Call) -> None:
    """A greeting, then the same sentence after any speech or DTMF, until the caller hangs up."""
    question = Question(digits=DigitRule(1, 1), no_input_ms=600_000)
    while True:
        await call.step(Prompt(BENCH_SENTENCE), question)
