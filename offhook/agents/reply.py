"""One reply to the caller, from the request to its last text: spoken as it streams, with tools in between.

Whatever stalls, the caller hears something: a filler while a tool takes its time, and the words so far when they come
too slowly for a clause. A model that is late is the floor's affair (`Call.owe_reply`). Cancelling the task ends it at
once.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from offhook.agents.history import History
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import ENDS_AGENT, CallAction, Policy, SendDtmf
from offhook.agents.reply_stream import ReplyStream
from offhook.agents.speech import AgentSpeech
from offhook.agents.tool_runs import MAX_CALLS_A_REPLY, TOO_MANY, ToolRuns, kept
from offhook.agents.tools import ToolError
from offhook.agents.wording import AgentWording
from offhook.api.call import Call
from offhook.api.utterance import Utterance
from offhook.llm.model import Ended, ModelError, TextDelta, ToolCall
from offhook.usererror import UserError

POLL_S = 0.2
"""How often the silence is measured while a reply is on its way."""

CLAUSE_S = 0.5
"""Text that comes at the pace of speech is a clause by then, after which it was late."""

# A word that may go on, in scripts that have spaces.
_OPEN_WORD = re.compile(r"[0-9A-Za-z\u00c0-\u2e7f'’-]{1,40}\Z")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SPEAKABLE = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Ending:
    """The agent ends with `action`, which the tool call `call` of `reply` asked for (None: the bot itself)."""

    action: CallAction
    reply: int = 0
    call: ToolCall | None = None


@dataclass(slots=True)
class Surroundings:
    """What a reply works with, in one call. `ask` begins a request for the history as it is."""

    call: Call
    history: History
    speech: AgentSpeech
    runs: ToolRuns
    policy: Policy
    limits: AgentLimits
    wording: AgentWording
    ask: Callable[[], ReplyStream]
    caller_talks: Callable[[], bool]
    model: str


class AgentReply:
    """One reply. `first` is a request that is on its way already."""

    def __init__(self, around: Surroundings, first: ReplyStream | None = None) -> None:
        self.has_spoken = False
        """Whether any of its text was given to the voice."""
        self._around = around
        self._stream = first
        self.text = ""
        """The model's words since its last tool call."""
        self.waits_for_model = True
        """Whether the next word has to come from the model: no tool runs."""
        self._now = asyncio.get_running_loop().time
        self._since = self._text_since = (
            self._now()
        )  # when it was asked for, or something came that can be said or done
        self._begun = False  # a request before the one on its way was answered
        self._fillers = 0
        self._ids: set[str] = set()

    @property
    def has_begun(self) -> bool:
        """Whether anything has come of the model."""
        return self._begun or (self._stream is not None and self._stream.first_at is not None)

    @property
    def waited_s(self) -> float:
        """For how long nothing has come that can be said or done."""
        return self._now() - self._since

    async def run(self) -> Ending | None:
        """Say it. None: the caller's turn. Raises ModelError, CallEnded."""
        stream = self._stream = self._stream or self._around.ask()
        stream.on_first(self._around.call.mark_first_token)
        try:
            for _ in range(self._around.limits.tool_rounds):
                reply, calls = await self._round(stream)
                if not calls:
                    return None
                ending = await self._carry_out(reply, calls)
                if ending is not None:
                    return ending
                self._since = self._now()
                stream.close()
                self._begun = True
                stream = self._stream = self._around.ask()
                self._around.call.owe_reply(filled=self._fillers > 0)
            why = f"it has called tools {self._around.limits.tool_rounds} times and has not answered"
            raise ModelError(self._around.model, "limit", why)
        finally:
            stream.close()

    def fail(self, error: ModelError) -> None:
        """The model's words are not waited for any longer: its request has failed."""
        if self._stream is not None:
            self._stream.fail(error)

    async def _round(self, stream: ReplyStream) -> tuple[int, list[ToolCall]]:
        """The reply to one request: its text is spoken, its calls are returned."""
        history = self._around.history
        reply = history.reply()
        text = _Text()
        utterance: Utterance | None = None
        calls: list[ToolCall] = []
        try:
            while True:
                event = await stream.next(POLL_S)
                if event is None:
                    self._wait(utterance)
                elif isinstance(event, Ended):
                    if event.reason == "filtered":
                        raise ModelError(self._around.model, "refused", "the vendor has withheld the rest of its reply")
                    break
                elif isinstance(event, ToolCall):
                    self._since = self._now()
                    if len(calls) < MAX_CALLS_A_REPLY:
                        calls.append(self._numbered(event))
                else:
                    utterance = await self._say(reply, event, text, utterance)
                    self._wait(utterance)
                    if text.chars > self._around.limits.reply_chars:
                        break
        finally:
            self._complete(reply, utterance, text, calls)
        self.text = text.all
        if utterance is None and not calls:
            raise ModelError(self._around.model, "refused", "its reply is empty")
        return reply, calls

    def _complete(self, reply: int, utterance: Utterance | None, text: "_Text", calls: list[ToolCall]) -> None:
        if calls:
            self._around.history.called(reply, tuple(kept(call) for call in calls))
        if utterance is None:
            self._around.history.silent(reply)
        else:
            utterance.append(text.rest())
            utterance.finish()

    async def _say(self, reply: int, event: TextDelta, text: "_Text", utterance: Utterance | None) -> Utterance | None:
        more = event.text[: self._around.limits.reply_chars + 1 - text.chars]
        self._around.history.grow(reply, more)
        words = text.take(more)
        if utterance is None:
            if not _SPEAKABLE.search(text.all):
                return None
            utterance = await self._around.speech.begin(reply)
            self.has_spoken = True
            self._since = self._text_since = self._now()  # what was being said before is over
            words = text.all.removesuffix(text.held)
        if _SPEAKABLE.search(words):
            self._since = self._now()
        utterance.append(words)
        return utterance

    def _wait(self, utterance: Utterance | None) -> None:
        """Notice a silence that lasts. Line breaks, marks and letters of an endless word are no words: ModelError."""
        limits = self._around.limits
        waited_s = self._now() - self._since
        if waited_s >= limits.late_s:
            what = "stopped in mid-reply" if utterance is not None else "has not begun to reply"
            raise ModelError(self._around.model, "late", f"it {what} for {waited_s:.1f} s")
        if utterance is not None:
            self._flush_if_late(utterance)
        elif self._around.speech.is_filled:
            self._fillers = max(self._fillers, 1)

    def _flush_if_late(self, utterance: Utterance) -> None:
        now, quiet_s = self._now(), self._around.speech.quiet_s()
        if quiet_s >= self._around.limits.flush_after_s and now - self._text_since >= CLAUSE_S:
            utterance.flush()
            self._text_since = now

    async def _bridge(self) -> None:
        """A filler while tools run, if the caller has heard nothing for too long and does not speak."""
        speech, limits, fillers = self._around.speech, self._around.limits, self._around.wording.fillers
        due_s = limits.filler_every_s if self._fillers else limits.filler_after_s
        waited_s = self._now() - self._since
        if min(speech.quiet_s(), waited_s) >= due_s and not speech.busy and not self._around.caller_talks() and fillers:
            later = fillers[min(self._fillers, len(fillers) - 1)]
            filler = self._around.call.filler(later)  # the user's own words, if there are any
            if filler is not None:
                self._fillers += 1
                await speech.say(later if self._fillers > 1 else filler, into_history=False)

    def _numbered(self, call: ToolCall) -> ToolCall:
        """The call with an id of its own, whatever the model gave it."""
        sound = _ID.fullmatch(call.id) is not None and call.id not in self._ids
        number = call.id if sound else f"call-{len(self._ids) + 1}"
        self._ids.add(number)
        return replace(call, id=number)

    async def _carry_out(self, reply: int, calls: list[ToolCall]) -> Ending | None:
        """Run the tools; returns what ends the agent, once everything said has been heard."""
        runs = self._around.runs
        ending: Ending | None = None
        running = []
        for call in calls:
            action = self._admitted(reply, call)
            if action is None:
                continue
            if isinstance(action, _Runs):
                run = runs.start(reply, call)
                if run is not None and run.task is not None:
                    running.append(run.task)
            elif isinstance(action, SendDtmf):
                self._press(reply, call, action)
            elif ending is None and isinstance(action, ENDS_AGENT):
                ending = Ending(action, reply, call)
            else:
                runs.refuse(reply, call, "the call is ending already")
        if running:
            await self._wait_for(running)
        if ending is None:
            return None
        if (await self._around.speech.over()).interrupted and ending.call is not None:
            runs.refuse(reply, ending.call, "the caller interrupted")
            return None  # their turn follows
        return ending

    async def _wait_for(self, tools: "list[asyncio.Future[None]]") -> None:
        """Until the tools have ended; meanwhile the fillers are the agent's own."""
        self.waits_for_model, self._since = False, self._now()
        self._around.call.owe_reply(False)
        while (await asyncio.wait(tools, timeout=POLL_S))[1]:
            await self._bridge()
        self.waits_for_model = True

    def _admitted(self, reply: int, call: ToolCall) -> "CallAction | _Runs | None":
        """What the call asks for; None if it is refused."""
        if not self._around.runs.admit():
            self._around.runs.refuse(reply, call, TOO_MANY)
            return None
        try:
            return self._around.policy.read(call) or _Runs()
        except ToolError as error:
            self._around.runs.refuse(reply, call, str(error))
            return None

    def _press(self, reply: int, call: ToolCall, action: SendDtmf) -> None:
        try:
            self._around.call.send_dtmf(action.digits)
        except UserError as error:
            self._around.runs.refuse(reply, call, error.problems[0].what)
        else:
            self._around.runs.done(reply, call, "pressed")


class _Runs:
    """The call is for a tool that takes time."""


class _Text:
    """The text of a reply, given on in whole words: it may be spoken at any moment."""

    def __init__(self) -> None:
        self.all = ""
        self.held = ""

    @property
    def chars(self) -> int:
        return len(self.all)

    def take(self, text: str) -> str:
        """More text; returns what may be spoken now."""
        self.all += text
        both = self.held + text
        open_word = _OPEN_WORD.search(both)
        self.held = open_word.group() if open_word is not None else ""
        return both.removesuffix(self.held)

    def rest(self) -> str:
        """The last word."""
        held, self.held = self.held, ""
        return held
