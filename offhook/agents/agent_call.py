"""One call of an agent: turns of the caller come in, requests go to the model, replies go out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from offhook.agents.agent_setup import AgentSetup
from offhook.agents.asked_for import asked_for
from offhook.agents.endings import Endings
from offhook.agents.history import History, Window
from offhook.agents.keyed import Keyed
from offhook.agents.reply import AgentReply, Ending, Surroundings
from offhook.agents.reply_stream import ReplyStream
from offhook.agents.speculation import Speculation
from offhook.agents.speech import AgentSpeech
from offhook.agents.tool_runs import ToolRuns
from offhook.agents.wording import agent_wording
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.turns import TurnEvents
from offhook.llm.limits import Meter
from offhook.llm.model import LanguageModel, ModelError, ModelRequest, Usage
from offhook.pipeline.events import Answer, DigitRule, Expectation, Question
from offhook.pipeline.trace import EngineFailed, ModelReplied, SessionEvent
from offhook.pipeline.turn.events import (
    Interrupted,
    NoInput,
    Stalled,
    TurnCorrected,
    TurnEvent,
    TurnIgnored,
    TurnLikelyOver,
    TurnOver,
    TurnResumed,
    TurnStarted,
    UtterancePlayed,
)

MAX_KEYS = 32
INTER_DIGIT_MS = 2_000

LIKELY_MS = 200
"""The silence after which a reply is begun: see docs/agents.md for what other values save and waste."""

IN_VAIN_S = 1.5
"""A caller who has waited so long without a word, and speaks again, has waited in vain: a filler was said meanwhile."""

USED_UP = "limit"
"""The outcome, if the agent has one of that name, of a call that has used up its limits."""

SILENT = "[the caller says nothing]"
NOT_UNDERSTOOD = "[the caller said something that was not understood]"


class AgentCall:
    """Runs one agent in one call, on `model`."""

    def __init__(self, setup: AgentSetup, model: LanguageModel, call: Call) -> None:
        self._setup = setup
        self._model = model
        self._call = call
        limits = setup.limits
        self._wording = agent_wording(call.language)
        self._keyed = Keyed(hidden=setup.hides_keys)
        self._inbox: asyncio.Queue[TurnEvent | _News | asyncio.Task[Ending | None] | None] = asyncio.Queue()
        self._history = History(setup.instructions, Window(limits.turns, limits.chars), setup.unheard)
        self._speech = AgentSpeech(call, self._history, setup.voice)
        self._runs = ToolRuns(setup.tools, limits, self._history, call, self._report, self._on_news)
        self._endings = Endings(call, self._speech, self._runs, self._wording, self._keyed.masked)
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._meter = Meter(limits.of_call, self._now())
        self._caller_talks = False
        self._speculation: Speculation | None = None
        self._warming: asyncio.Task[None] | None = None
        self._reply: AgentReply | None = None
        self._replying: asyncio.Task[Ending | None] | None = None
        self._has_news = False  # a tool's result came while nobody waited for it
        self._expected: Expectation | None = None
        self._silences = 0
        self._failures = 0  # of replies in a row
        self._has_answered = False  # the model, in this call
        self._voice: Literal["works", "stalls", "failed"] = "works"  # since the caller's last turn

    async def run(self) -> Outcome:
        """Talk until the agent ends. Raises CallEnded when the call ends first."""
        with self._call.covering(True):  # it may be a flow's step, or in a coroutine function
            return await self._run()

    async def _run(self) -> Outcome:
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
            self._reply, self._inbox = None, asyncio.Queue()  # a reply has us, and its task is still to come
            if self._warming is not None:
                self._warming.cancel()
            await self._runs.close()
            with suppress(CallEnded):
                self._call.expect(None)

    def _question(self, expect: Expectation | None = None) -> Question:
        rule = DigitRule(1, MAX_KEYS, inter_digit_ms=INTER_DIGIT_MS)
        call = self._call
        return Question(
            digits=rule,
            any_words=True,
            silence_ms=call.silence_ms,
            no_input_ms=call.no_input_ms,
            likely_ms=LIKELY_MS if self._setup.speculate else None,
            expect=expect,
        )

    def _expect_answer_to(self, text: str) -> None:
        """The bot has begun to say the last of its reply: what it asks for says how the answer will end."""
        expect = asked_for(text, self._setup.specs)
        if expect != self._expected and not self._caller_talks:
            self._expected = expect
            self._call.expect(self._question(expect))

    async def _open(self) -> None:
        if self._setup.greeting is None:
            self._begin_reply()
        else:
            await self._speech.say(self._setup.greeting)
            self._warm()

    async def _read(self, turns: TurnEvents) -> None:
        async for event in turns:
            self._inbox.put_nowait(event)
        self._inbox.put_nowait(None)

    async def _on(self, event: "TurnEvent | _News | asyncio.Task[Ending | None]") -> Outcome | None:
        match event:
            case NoInput():
                return await self._on_silence()
            case Stalled("dialog", seconds):
                return await self._on_stalled(seconds)
            case TurnOver(answer, _, ended_at):
                return await self._on_turn(self._keyed.words(answer) or NOT_UNDERSTOOD, ended_at)
            case UtterancePlayed(utterance, playback) | Interrupted(utterance, playback):
                if self._speech.on_over(utterance, playback) and playback.failed is not None:
                    await self._on_voice_failed()
                self._tell_news()
            case Stalled("voice"):
                self._voice = "stalls"
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
                self._warm()
            case TurnIgnored():
                self._caller_talks = False
                self._drop_speculation()
                self._tell_news()
            case TurnLikelyOver(text):
                self._speculate(text)
            case TurnResumed():
                self._drop_speculation()
            case TurnCorrected(answer, was):
                self._on_correction(was, answer)
            case _:
                pass

    async def _on_turn(self, text: str, ended_at: float) -> Outcome | None:
        self._caller_talks, self._silences, self._voice = False, 0, "works"
        gives_up = self._gives_up_waiting()
        self._end_reply()
        self._runs.interrupt()
        self._history.said(text)
        self._speech.caller_done(ended_at)
        if gives_up:
            self._drop_speculation()
            return await self._on_failure(for_good=True)
        speculation, self._speculation = self._speculation, None
        if speculation is not None and speculation.fits(self._request(self._history)):
            self._begin_reply(speculation.commit(self._now()))
            return None
        if speculation is not None:
            speculation.drop(self._now())
        self._begin_reply()
        return None

    def _gives_up_waiting(self) -> bool:
        """Count a reply that the caller has waited for in vain, and ends by speaking; returns whether it was the last
        one that the model is given."""
        if self._replying is None or self._reply is None:
            return False
        if self._reply.has_begun:
            self._failures, self._has_answered = 0, True
        elif self._reply.waits_for_model and self._reply.waited_s >= IN_VAIN_S:
            self._failures += 1
            why = f"no word came for {self._reply.waited_s:.1f} s, and the caller spoke"
            self._report(EngineFailed(self._model.name, why, self._now()))
        return self._failures >= self._setup.limits.failures

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
            await self._endings.say_last(self._wording.goodbye)
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

    def _ask(self) -> ReplyStream:
        """A request for the history as it is. Raises ModelError when the call has used up its limits."""
        if (over := self._meter.over(self._now())) is not None:
            raise _UsedUpError(self._model.name, "limit", f"the call has reached {over}")
        request, within_s = self._request(self._history), self._setup.limits.retry_within_s
        return ReplyStream(self._model, request, self._report, retry_within_s=within_s)

    def _warm(self) -> None:
        """What the next request begins with is known, and the caller is not done: the model may read it meanwhile."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.ensure_future(self._model.warm(self._request(self._history)))

    def _speculate(self, text: str) -> None:
        if not self._setup.speculate or not text.strip() or self._meter.over(self._now()) is not None:
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
            self._model,
            request,
            self._report,
            self._speech.prepare,
            self._call.language,
            self._setup.limits.retry_within_s,
        )

    def _drop_speculation(self) -> None:
        speculation, self._speculation = self._speculation, None
        if speculation is not None:
            speculation.drop(self._now())

    def _begin_reply(self, stream: ReplyStream | None = None) -> None:
        self._has_news = False
        self._call.owe_reply()
        self._reply = AgentReply(self._surroundings(), stream)
        task = asyncio.ensure_future(self._reply.run())
        self._replying = task
        task.add_done_callback(self._inbox.put_nowait)

    def _surroundings(self) -> Surroundings:
        setup = self._setup
        return Surroundings(
            self._call,
            self._history,
            self._speech,
            self._runs,
            setup.policy,
            setup.limits,
            self._wording,
            self._ask,
            lambda: self._caller_talks,
            self._model.name,
        )

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
        except _UsedUpError as error:
            return await self._on_used_up(error.why)
        except ModelError as error:
            self._report(EngineFailed(error.model, str(error), self._now()))
            never = error.kind in ("key", "model") or (error.kind == "request" and not self._has_answered)
            return await self._on_failure(for_good=never)
        self._failures, self._has_answered = 0, True
        if ending is not None:
            return await self._end(ending)
        if self._reply is not None:
            self._expect_answer_to(self._reply.text)
        self._tell_news()
        return None

    async def _on_used_up(self, why: str) -> Outcome | None:
        """No more is asked of the model: hand back, if there is an outcome for it, or say goodbye."""
        if USED_UP in self._setup.policy.outcomes:
            return Outcome(f"handed back: {why}", USED_UP, {})
        if (transfer := self._setup.on_failure.transfer) is not None:
            return await self._end(Ending(transfer))
        await self._endings.say_last(self._wording.used_up)
        return Outcome(why)

    async def _on_stalled(self, seconds: float) -> Outcome | None:
        """The caller has waited for too long, and the floor has apologised."""
        if self._replying is None or self._reply is None or not self._reply.waits_for_model:
            return None
        error = ModelError(self._model.name, "late", f"no word came for {seconds:.1f} s")
        self._reply.fail(error)
        self._end_reply()
        self._report(EngineFailed(self._model.name, str(error), self._now()))
        return await self._on_failure(apologised=True)

    async def _on_failure(self, *, apologised: bool = False, for_good: bool = False) -> Outcome | None:
        self._failures += 1
        if (transfer := self._setup.on_failure.transfer) is not None:
            return await self._end(Ending(transfer))
        if self._setup.on_failure.hangs_up or for_good or self._failures >= self._setup.limits.failures:
            await self._endings.say_last(self._wording.giving_up)
            return Outcome("the model failed")
        has_spoken = self._reply is not None and self._reply.has_spoken
        words = self._wording.again if apologised else self._wording.lost if has_spoken else self._wording.failed
        await self._speech.say(words)
        return None

    async def _on_voice_failed(self) -> None:
        """The caller has heard half a reply, or nothing: once a turn, they are asked to say it again."""
        if self._reply is None or self._caller_talks or self._voice == "failed":
            return
        words = self._wording.again if self._voice == "stalls" else self._wording.lost
        self._voice = "failed"
        self._end_reply()
        await self._speech.say(words)

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
        outcome = await self._endings.carry_out(ending, has_spoken=has_spoken)
        if outcome is None:
            self._begin_reply()
        return outcome

    def _report(self, event: SessionEvent) -> None:
        if isinstance(event, ModelReplied):
            self._meter.add(Usage(event.input_tokens, event.cached_tokens, event.output_tokens), event.cost)
        self._call.report(self._keyed.masked_event(event))


class _UsedUpError(ModelError):
    """The call has used up its limits."""


class _News:
    """A tool that nobody waits for has ended."""
