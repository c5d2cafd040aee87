"""One call of an agent: turns of the caller come in, requests go to the model, replies go out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from offhook.agents.history import History, Unheard, Window
from offhook.agents.keyed import Keyed
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import HandBack, HangUp, Policy, Transfer
from offhook.agents.reply import Ending, Reply, Surroundings
from offhook.agents.reply_stream import ReplyStream
from offhook.agents.speculation import Speculation
from offhook.agents.speech import AgentSpeech
from offhook.agents.tool_runs import ToolRuns
from offhook.agents.tools import Tool
from offhook.agents.wording import agent_wording
from offhook.api.agent import Outcome
from offhook.api.call import Call, CallEnded
from offhook.api.turns import TurnEvents
from offhook.llm.model import LanguageModel, ModelError, ModelRequest, ToolSpec
from offhook.pipeline.events import Answer, DigitRule, Question
from offhook.pipeline.trace import EngineFailed, SessionEvent
from offhook.pipeline.turn.events import (
    Interrupted,
    NoInput,
    TurnCorrected,
    TurnEvent,
    TurnIgnored,
    TurnLikelyOver,
    TurnOver,
    TurnResumed,
    TurnStarted,
    UtterancePlayed,
)
from offhook.usererror import UserError

MAX_KEYS = 32
INTER_DIGIT_MS = 2_000

SILENT = "[the caller says nothing]"
NOT_UNDERSTOOD = "[the caller said something that was not understood]"


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """What an agent is, the same for all its calls."""

    instructions: str
    model: LanguageModel
    greeting: str | None
    voice: str | None
    limits: AgentLimits
    policy: Policy
    tools: dict[str, Tool]
    specs: tuple[ToolSpec, ...]
    unheard: Unheard
    on_failure: str
    transfer_to: dict[str, str]
    speculate: bool
    hides_keys: bool


class AgentCall:
    """Runs one agent in one call."""

    def __init__(self, setup: AgentSetup, call: Call) -> None:
        self._setup = setup
        self._call = call
        limits = setup.limits
        self._wording = agent_wording(call.language)
        self._keyed = Keyed(hidden=setup.hides_keys)
        self._inbox: asyncio.Queue[TurnEvent | _News | asyncio.Task[Ending | None] | None] = asyncio.Queue()
        self._history = History(setup.instructions, Window(limits.turns, limits.chars), setup.unheard)
        self._speech = AgentSpeech(call, self._history, setup.voice)
        self._runs = ToolRuns(setup.tools, limits, self._history, call, self._report, self._on_news)
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._around = Surroundings(
            call,
            self._history,
            self._speech,
            self._runs,
            setup.policy,
            limits,
            self._wording,
            lambda: ReplyStream(setup.model, self._request(self._history), self._report),
            lambda: self._caller_talks,
            setup.model.name,
        )
        self._caller_talks = False
        self._speculation: Speculation | None = None
        self._reply: Reply | None = None
        self._replying: asyncio.Task[Ending | None] | None = None
        self._has_news = False  # a tool's result came while nobody waited for it
        self._silences = 0
        self._failures = 0

    async def run(self) -> Outcome:
        """Talk until the agent ends. Raises CallEnded when the call ends first."""
        turns = self._call.turns()
        self._call.expect(self._question())
        reading = asyncio.ensure_future(self._read(turns))
        try:
            await self._open()
            while (event := await self._inbox.get()) is not None:
                outcome = await self._on(event)
                if outcome is not None:
                    return outcome
            raise CallEnded
        finally:
            turns.close()
            reading.cancel()
            self._drop_speculation()
            self._end_reply()
            await self._runs.close()
            with suppress(CallEnded):
                self._call.expect(None)

    def _question(self) -> Question:
        rule = DigitRule(1, MAX_KEYS, inter_digit_ms=INTER_DIGIT_MS)
        call = self._call
        return Question(digits=rule, any_words=True, silence_ms=call.silence_ms, no_input_ms=call.no_input_ms)

    async def _open(self) -> None:
        if self._setup.greeting is None:
            self._begin_reply()
        else:
            await self._speech.say(self._setup.greeting)

    async def _read(self, turns: TurnEvents) -> None:
        async for event in turns:
            self._inbox.put_nowait(event)
        self._inbox.put_nowait(None)

    async def _on(self, event: "TurnEvent | _News | asyncio.Task[Ending | None]") -> Outcome | None:
        match event:
            case NoInput():
                return await self._on_silence()
            case UtterancePlayed(utterance, playback) | Interrupted(utterance, playback):
                self._speech.on_over(utterance, playback)
                self._tell_news()
            case _News():
                self._has_news = True
                self._tell_news()
            case asyncio.Task():
                return await self._on_replied(event)
            case _:
                self._on_caller(event)
        return None

    # The caller.

    def _on_caller(self, event: TurnEvent) -> None:
        match event:
            case TurnStarted():
                self._caller_talks = True
            case TurnIgnored():
                self._caller_talks = False
                self._drop_speculation()
                self._tell_news()
            case TurnLikelyOver(text):
                self._speculate(text)
            case TurnResumed():
                self._drop_speculation()
            case TurnOver(answer):
                self._on_turn(self._keyed.words(answer) or NOT_UNDERSTOOD)
            case TurnCorrected(answer, was):
                self._on_correction(was, answer)
            case _:
                pass

    def _on_turn(self, text: str) -> None:
        self._caller_talks, self._silences = False, 0
        self._end_reply()
        self._runs.interrupt()
        self._history.said(text)
        self._speech.caller_done()
        speculation, self._speculation = self._speculation, None
        if speculation is not None and speculation.fits(self._request(self._history)):
            self._begin_reply(speculation.commit(self._now()))
            return
        if speculation is not None:
            speculation.drop(self._now())
        self._begin_reply()

    def _on_correction(self, was: Answer, answer: Answer) -> None:
        self._history.corrected(self._keyed.words(was), self._keyed.words(answer))
        if self._reply is not None and self._replying is not None and not self._reply.has_spoken:
            self._end_reply()
            self._begin_reply()

    async def _on_silence(self) -> Outcome | None:
        if self._replying is not None or self._speech.busy:
            return None  # the silence is ours
        self._silences += 1
        if self._silences >= self._setup.limits.silences:
            await self._speech.say(self._wording.goodbye)
            await self._speech.over()
            return Outcome("the caller said nothing")
        self._history.add_note(SILENT)
        if self._silences == 1:
            self._speech.caller_done()
            self._begin_reply()
        else:
            await self._speech.say(self._wording.still_there)
        return None

    # The model.

    def _request(self, history: History) -> ModelRequest:
        return ModelRequest(history.messages(), self._setup.specs, self._setup.limits.output_tokens)

    def _speculate(self, text: str) -> None:
        if not self._setup.speculate or not text.strip():
            return
        likely = self._history.copy()
        self._speech.would_be(likely)
        likely.said(text)
        request = self._request(likely)
        if self._speculation is not None:
            if self._speculation.fits(request):
                return
            self._drop_speculation()
        self._speculation = Speculation(
            self._setup.model, request, self._report, self._speech.prepare, self._call.language
        )

    def _drop_speculation(self) -> None:
        speculation, self._speculation = self._speculation, None
        if speculation is not None:
            speculation.drop(self._now())

    def _begin_reply(self, stream: ReplyStream | None = None) -> None:
        self._has_news = False
        self._reply = Reply(self._around, stream)
        task = asyncio.ensure_future(self._reply.run())
        self._replying = task
        task.add_done_callback(self._inbox.put_nowait)

    def _end_reply(self) -> None:
        """Stop speaking, and close the request."""
        self._speech.stop()
        replying, self._replying = self._replying, None
        if replying is not None:
            replying.cancel()

    async def _on_replied(self, task: "asyncio.Task[Ending | None]") -> Outcome | None:
        if task is not self._replying:
            if not task.cancelled():
                task.exception()  # of a reply that was given up
            return None
        self._replying = None
        try:
            ending = task.result()
        except ModelError as error:
            self._report(EngineFailed(error.model, str(error), self._now()))
            return await self._on_failure(for_good=error.kind == "key")
        self._failures = 0
        if ending is not None:
            return await self._end(ending)
        self._tell_news()
        return None

    async def _on_failure(self, *, for_good: bool) -> Outcome | None:
        """What the caller hears; `for_good`: saying it again will not help."""
        self._failures += 1
        action, _, name = self._setup.on_failure.partition(" ")
        if action == "transfer":
            return await self._end(Ending(Transfer(name, self._setup.transfer_to[name])))
        if action == "hang_up" or for_good or self._failures >= self._setup.limits.failures:
            await self._speech.say(self._wording.giving_up)
            await self._speech.over()
            return Outcome("the model failed")
        has_spoken = self._reply is not None and self._reply.has_spoken
        await self._speech.say(self._wording.lost if has_spoken else self._wording.failed)
        return None

    def _on_news(self) -> None:
        self._inbox.put_nowait(_News())

    def _tell_news(self) -> None:
        """A tool's result came while nobody waited: the model is asked about it when the floor is free."""
        if self._has_news and self._replying is None and not self._caller_talks and not self._speech.busy:
            self._speech.caller_done()
            self._begin_reply()

    # The end.

    async def _end(self, ending: Ending) -> Outcome | None:
        has_spoken = self._reply is not None and self._reply.has_spoken
        match ending.action:
            case HandBack(outcome, values):
                return Outcome(f"handed back: {outcome}", outcome, values)
            case HangUp(reason):
                if not has_spoken:
                    await self._speech.say(self._wording.goodbye)
                    await self._speech.over()
                return Outcome(f"the agent hung up: {self._keyed.masked(reason)}" if reason else "the agent hung up")
            case Transfer(name, number):
                return await self._transfer(ending, name, number, announced=has_spoken and ending.call is not None)
            case _:
                return None

    async def _transfer(self, ending: Ending, name: str, number: str, *, announced: bool) -> Outcome | None:
        if not announced:
            await self._speech.say(self._wording.transferring)
        await self._speech.over()
        try:
            await self._call.transfer(number)
        except UserError as error:
            if ending.call is None:
                await self._speech.say(self._wording.giving_up)
                await self._speech.over()
                return Outcome("the model failed, and the call could not be transferred")
            self._runs.refuse(ending.reply, ending.call, error.problems[0].what)
            self._begin_reply()
            return None
        if ending.call is not None:
            self._runs.done(ending.reply, ending.call, "transferred")
        return Outcome(f"transferred to {name}")

    def _report(self, event: SessionEvent) -> None:
        self._call.report(self._keyed.masked_event(event))


class _News:
    """A tool that nobody waits for has ended."""
