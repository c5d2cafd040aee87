"""A flow as a dialog: what its steps want is done in the call."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import structlog

from offhook.agents.agent import Agent
from offhook.agents.agent_file import AgentFile, SpeechFile, load_agent
from offhook.agents.tools import arguments_model
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.flow_corrections import Instead, unless_corrected
from offhook.api.flow_functions import CallFunction, in_process, returned
from offhook.api.flow_message import prompted_to_record, recorded
from offhook.api.flow_requests import RequestCount, Send, changes_something, fetched
from offhook.api.flow_secrets import FlowSecrets
from offhook.api.flow_sound import done
from offhook.api.taken import TakeEnd
from offhook.http_request import HttpRequest
from offhook.llm.model import LanguageModel
from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.dialog.actions import (
    Action,
    AskFor,
    CameBack,
    Connect,
    Delegate,
    Done,
    Enqueue,
    Fetch,
    Fetched,
    FindOut,
    FoundOut,
    HandedBack,
    HangUp,
    Instant,
    Invoke,
    Note,
    Play,
    Press,
    RecordCall,
    RecordMessage,
    Result,
    Returned,
    SecretTaken,
    Speak,
    Take,
    TakeSecret,
    Wait,
)
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.agent import AgentStep
from offhook.pipeline.dialog.switches import Switch
from offhook.pipeline.events import ANYTHING, NOTHING, Answer, AnswerKind, Interruption, Question
from offhook.queues.orders import QueueEnd
from offhook.transfer.outcome import TransferError, TransferFailure, TransferMode
from offhook.usererror import UserError


@dataclass(frozen=True, slots=True)
class _OfCall:
    """What is counted and kept of one call: its requests and functions, and the secrets that one of them may have."""

    requests: RequestCount
    secrets: FlowSecrets


class FlowAgent:
    """Runs a flow, from its start, for every call. `model` makes that of the `agent` steps whose files name none.
    `send` sends its requests, `call_function` calls its functions, `now` is the time of its expressions, in tests;
    None: that in the flow's time zone. Without `asks_models`, in tests, too, an `agent` step goes on with
    `otherwise`."""

    def __init__(
        self,
        flow: Flow,
        model: Callable[[], LanguageModel] | None = None,
        send: Send = HttpRequest.send,
        now: Callable[[], datetime] | None = None,
        *,
        asks_models: bool = True,
        call_function: CallFunction = in_process,
    ) -> None:
        self._flow = flow
        self._send = send
        self._call_function = call_function
        self._now = now or partial(datetime.now, None if flow.timezone is None else ZoneInfo(flow.timezone))
        shared = cache(model) if model is not None else None
        self._agents = {
            step.name: _agent_of(step, load_agent(Path(step.file)), shared)
            for step in flow.steps.values()
            if isinstance(step, AgentStep) and asks_models
        }

    @property
    def agents(self) -> list[Agent]:
        """Those of the `agent` steps."""
        return list(self._agents.values())

    @property
    def switches(self) -> Mapping[str, Switch]:
        """The flow's."""
        return self._flow.switches

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly."""
        return self._flow.speaks_early

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        of_call = _OfCall(RequestCount(), FlowSecrets(call, self._now))
        try:
            outcome = await self._run(call, of_call)
            await of_call.secrets.lower()
            return outcome
        finally:
            of_call.secrets.wipe()

    async def _run(self, call: Call, of_call: _OfCall) -> Outcome:
        known = _known_of(call)
        runner = FlowRunner(self._flow, call.language, call.variables, known, self._now, call.id, lambda: call.switches)
        began_in = call.language
        action = runner.start()
        asked: Question | None = None  # whose answer may still be corrected
        while True:
            for step, by in runner.walked():
                call.enter(step, by)
            _speak(call, runner.spoken_language or began_in)
            if not runner.in_early_media and not call.answered:
                await call.answer()
            of_call.requests.before(action)
            ahead = isinstance(action, Speak | Instant) and runner.secret_ahead()
            await of_call.secrets.before(action, runner.step, ahead=ahead)
            found = await self._done(call, runner, action, asked, of_call)
            if isinstance(found, Outcome):
                _speak(call, runner.chosen_language or began_in)
                return found
            if isinstance(found, Instead):
                asked, action = None, found.action
                continue
            if not isinstance(action, Instant):
                may_change = isinstance(found, Answer) and not found.is_final
                asked = _as_asked(call, action.question) if isinstance(action, AskFor) and may_change else None
            action = runner.after(found)

    async def _done(
        self, call: Call, runner: FlowRunner, action: Action, asked: Question | None, of_call: _OfCall
    ) -> Result | Instead | Outcome:
        """What came of an action; an Outcome ends the flow."""
        wording = self._flow.wording
        if asked is not None and _is_for_good(action):
            settled = unless_corrected(call, wording, runner, asked, asyncio.sleep(call.correct_within_s))
            if (instead := await call.until_ended(settled)) is not None:
                return instead
            asked = None
        match action:
            case Delegate():
                outcome = await self._delegate(call, action)
                return outcome if call.hung_up else HandedBack(outcome.name, outcome.values)
            case Connect() | Enqueue() | Take():
                return await self._to_a_person(call, action)
            case FindOut():
                return await unless_corrected(call, wording, runner, asked, self._find_out(call, action))
            case RecordMessage():
                prompted = await unless_corrected(call, wording, runner, asked, prompted_to_record(call, action))
                return prompted if isinstance(prompted, Instead) else await recorded(call, action)
            case TakeSecret() | Fetch() | Invoke() | Wait() | Play() | Press() | Note() | RecordCall():
                return await unless_corrected(call, wording, runner, asked, self._do_unheard(call, action, of_call))
            case Speak() | AskFor() | HangUp():
                found = await unless_corrected(call, wording, runner, asked, self._say(call, action, runner))
                if isinstance(action, HangUp) and isinstance(found, Answer):
                    call.end_reason = action.reason
                    return Outcome()
                return found

    async def _do_unheard(
        self, call: Call, action: TakeSecret | Fetch | Invoke | Wait | Play | Press | Instant, of_call: _OfCall
    ) -> SecretTaken | Fetched | Returned | Answer | Done:
        """What is done without a word of the bot, but for those that cover it. Raises CallEnded."""
        match action:
            case TakeSecret():
                return await of_call.secrets.take(action)
            case Fetch():
                return await self._fetched(call, action, of_call)
            case Invoke():
                may_call = of_call.requests.may_begin(call, action)
                return await returned(call, action, self._call_function) if may_call else Returned(False)
            case _:
                return await done(call, action)

    async def _fetched(self, call: Call, action: Fetch, of_call: _OfCall) -> Fetched:
        try:
            given = of_call.secrets.of(action)
            # None: it was sent before, and the flow has come here once more.
            if given is None or not of_call.requests.may_begin(call, action):
                return Fetched(False)
            return await fetched(call, action, self._send, given)
        finally:
            of_call.secrets.wipe(action)

    async def _say(self, call: Call, action: Speak | AskFor | HangUp, runner: FlowRunner) -> Answer:
        question = action.question if isinstance(action, AskFor) else None
        prompt = action.prompt
        if prompt is None:
            return Answer(AnswerKind.NO_INPUT)
        if isinstance(action, Speak) and prompt.barge_in:
            prompt = replace(prompt, interruption=_interruption(runner.ahead()))
        return await call.step(prompt, question, self._flow.wording)

    async def _delegate(self, call: Call, action: Delegate) -> Outcome:
        """The agent's part; the language is that of the call again afterwards."""
        agent = self._agents.get(action.step.name)
        if agent is None:
            return Outcome()
        await agent.ready()
        language, own = call.language, action.language or agent.language
        if own is not None:
            call.language = own
        try:
            return await agent.for_step(action.instructions, action.greeting, action.voice).run(call)
        finally:
            call.language = language

    async def _to_a_person(self, call: Call, action: Connect | Enqueue | Take) -> CameBack | Outcome:
        match action:
            case Connect():
                reason, to = await self._connect(call, action), " or ".join(action.targets)
            case Enqueue():
                reason, to = await self._enqueue(call, action), action.queue
            case Take():
                reason, to = await self._take(call, action), action.queue
        return Outcome(f"transferred to {to}") if call.hung_up else CameBack(reason)

    async def _connect(self, call: Call, action: Connect) -> str:
        """Why the caller is back; empty where they were connected."""
        step = action.step
        if action.prompt is not None:
            await call.step(action.prompt, None)
        try:
            # The settings' reader knows the modes.
            mode = cast("TransferMode | None", step.mode)
            await call.transfer(action.targets, mode=mode, summary=action.summary, ring_s=step.ring_s)
        except TransferError as error:
            return str(error.reason)
        except UserError as error:
            log = structlog.get_logger("offhook.flow")
            log.warning("not transferred", call=call.id, step=step.name, why=str(error))
            return str(TransferFailure.NOT_POSSIBLE)
        return ""

    async def _enqueue(self, call: Call, action: Enqueue) -> str:
        """Why the caller is back; empty where they have talked to an agent."""
        if action.prompt is not None:
            await call.step(action.prompt, None)
        try:
            queued = await call.queue(action.queue, summary=action.summary, priority=action.priority)
        except UserError as error:
            log = structlog.get_logger("offhook.flow")
            log.warning("nobody waits in the queue", call=call.id, queue=action.queue, why=str(error))
            return str(QueueEnd.NOT_POSSIBLE)
        return "" if queued.end is None else str(queued.end)

    async def _take(self, call: Call, action: Take) -> str:
        """Why an agent has talked to nobody; empty where they have."""
        if action.prompt is not None:
            await call.step(action.prompt, None)
        try:
            taken = await call.take(action.queue, wait_s=action.wait_s, return_key=action.end_key)
        except UserError as error:
            log = structlog.get_logger("offhook.flow")
            log.warning("nobody is taken from the queue", call=call.id, queue=action.queue, why=str(error))
            return str(TakeEnd.NOT_POSSIBLE)
        return "" if taken.end is None else str(taken.end)

    async def _find_out(self, call: Call, action: FindOut) -> FoundOut:
        """Who answered; a voicemail that has a step of its own is ready for a message then."""
        by = await call.until_ended(call.who_answered(action.step.within_s))
        if by == AnsweredBy.VOICEMAIL and by in dict(action.step.answers):
            await call.until_ended(call.wait_for_beep())
        return FoundOut(by)


def _is_for_good(action: Action) -> bool:
    """Whether it cannot be taken back, so that the answer that led to it has to be certain: an agent's tools may do
    anything, and so may a function."""
    return isinstance(action, Connect | Enqueue | Take | Delegate | Press | Invoke | TakeSecret) or (
        isinstance(action, Fetch) and changes_something(action)
    )


def _speak(call: Call, language: str) -> None:
    """What the call says by itself from here on, in a queue or to an agent, is in this language. A step that says
    nothing may have one that the voice does not know."""
    if call.language != language and call.speaks(language=language):
        call.language = language


def _as_asked(call: Call, question: Question) -> Question:
    """The question with its language, whatever that of the call is when its answer is corrected."""
    return question if question.language is not None else replace(question, language=call.language)


def _known_of(call: Call) -> Mapping[str, str]:
    """What flows know of the call itself: see `pipeline.dialog.variables`."""
    parties = call.identities
    return {
        "caller": parties.caller.number or call.caller,
        "called": parties.called.number or call.called,
        "language": call.language or "",
        "trunk": call.trunk,
        "id": call.id,
    }


def _interruption(ahead: Question | None) -> Interruption:
    """What may interrupt an announcement: an answer to the question that follows it; nothing if none follows."""
    if ahead is None:
        return NOTHING
    keys = {key[0] for choice in ahead.choices for key in choice.keys}
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

    @property
    def switches(self) -> Mapping[str, Switch]:
        """The flow's."""
        return self._agent.switches

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
