"""Tools of a speech-to-speech agent: those of any agent, and what the policy lets it do to the call."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from offhook.agents.limits import AgentLimits, CallRate
from offhook.agents.policy import HandBack, HangUp, Policy, SendDtmf, Transfer
from offhook.agents.tool_runs import CANCELLED, TOO_MANY, UNFINISHED, ran
from offhook.agents.tools import Tool, ToolError
from offhook.api.agent import AGENT_HUNG_UP, Outcome
from offhook.api.call import Call
from offhook.llm.model import ToolCall
from offhook.pipeline.trace import SessionEvent
from offhook.usererror import UserError


class CallTools:
    """All tools of one call. `ending` is what ends the call once everything has been said."""

    def __init__(
        self,
        call: Call,
        tools: Mapping[str, Tool],
        policy: Policy,
        limits: AgentLimits,
        report: Callable[[SessionEvent], None],
    ) -> None:
        self.ending: HangUp | Transfer | HandBack | None = None
        self.specs = (*(tool.spec for tool in tools.values()), *policy.specs)
        self._call = call
        self._tools = tools
        self._policy = policy
        self._limits = limits
        self._report = report
        self._rate = CallRate(limits.tool_calls_per_minute)
        self._cancellable: set[asyncio.Future[str]] = set()
        self._running: dict[object, tuple[ToolCall, float]] = {}  # and since when
        self._forget = call.before_end(self._on_call_ends)

    async def run(self, call: ToolCall) -> str:
        """Run a tool, and return what the model is told. It is on the record, whatever came of it."""
        error, run = "", object()
        self._running[run] = call, monotonic()
        try:
            result = await self._result(call)
        except ToolError as refused:
            error = str(refused)
            result = f"error: {error}"
        self._ran(run, result, error)
        return result

    def close(self) -> None:
        """The agent has ended: what still runs is on the record as it is."""
        self._forget()
        self._abandon("unfinished: the agent has ended")
        self._forget = _nothing

    def _on_call_ends(self, _by_bot: bool) -> None:
        self._abandon(UNFINISHED)

    def _abandon(self, why: str) -> None:
        for run in list(self._running):
            self._ran(run, why, why)

    def _ran(self, run: object, result: str, error: str) -> None:
        if run in self._running:
            (call, began), now = self._running.pop(run), monotonic()
            self._report(ran(call, self._tools.get(call.name), result, now - began, now, error))

    def interrupt(self) -> None:
        """The caller says something else: cancel what may be, and let the rest run on."""
        for running in self._cancellable:
            running.cancel()

    async def end_call(self) -> Outcome | str:
        """Do what ends the call, once everything has been said. A text: why the caller is still with the model."""
        match self.ending:
            case Transfer(name, number):
                try:
                    result = await self._call.transfer(number)
                except UserError as error:
                    self.ending = None
                    problem = error.problems[0]
                    return f"the transfer to {name} failed: {problem.what}: {problem.why}"
                if result.returned:
                    self.ending = None
                    return f"the caller has talked to {name}, and is back"
                return Outcome(f"transferred to {name}")
            case HandBack(name, values):
                return Outcome(f"handed back: {name}", name, values)
            case HangUp(reason) if reason:
                return Outcome(f"{AGENT_HUNG_UP}: {reason}")
            case _:
                return Outcome(AGENT_HUNG_UP)

    async def _result(self, call: ToolCall) -> str:
        if self.ending is not None:
            raise ToolError("the call is ending")
        if not self._rate.admit(monotonic()):
            raise ToolError(TOO_MANY)
        action = self._policy.read(call)
        if isinstance(action, SendDtmf):
            self._call.send_dtmf(action.digits)
            return "done"
        if action is not None:
            self.ending = action
            return "It happens when everything has been said."
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool {call.name[:60]!r}")
        return await self._run(tool, call.arguments)

    async def _run(self, tool: Tool, arguments: str) -> str:
        timeout_s = tool.timeout_s or self._limits.tool_timeout_s
        running = asyncio.ensure_future(tool.answer_within(timeout_s, arguments, self._call))
        if tool.on_interrupt == "cancel":
            self._cancellable.add(running)
        try:
            await asyncio.wait((running,))
            if running.cancelled():
                raise ToolError(CANCELLED)
            return running.result()
        finally:
            running.cancel()
            self._cancellable.discard(running)


def _nothing() -> None:
    """Callback of an agent that has ended."""
