"""Tools of one call, running beside the talk."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pydantic_core import from_json

from offhook.agents.history import History
from offhook.agents.limits import AgentLimits, CallRate
from offhook.agents.policy import BUILT_IN
from offhook.agents.secrets import without_secrets
from offhook.agents.tools import OnInterrupt, Tool, ToolError
from offhook.api.call import Call
from offhook.llm.model import ToolCall
from offhook.pipeline.trace import SessionEvent, ToolRan

MAX_CALLS_A_REPLY = 8
MAX_KEPT_CALL_CHARS = 2_000
"""Of a call's arguments in history: what was refused for its length is left out."""

CLOSE_S = 1.0
"""How long the end of the agent waits for tools that do not let themselves be cancelled."""

_ODD = re.compile(r"[^A-Za-z0-9_-]")

CANCELLED = "cancelled: the caller said something else"
UNFINISHED = "unfinished: the call ended"
TOO_MANY = "too many calls of tools: answer without them"


@dataclass(slots=True)
class ToolRun:
    """One call of a tool; `reply` is the history's id of the reply that made it."""

    reply: int
    call: ToolCall
    on_interrupt: OnInterrupt
    task: "asyncio.Future[None] | None" = None
    awaited: bool = True  # by the reply; else its result is news
    began: float = 0.0


class ToolRuns:
    """Starts, limits and ends them; their results go into `history`. `on_news` is called for one nobody waits for."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        limits: AgentLimits,
        history: History,
        call: Call,
        report: Callable[[SessionEvent], None],
        on_news: Callable[[], None],
    ) -> None:
        self._tools = tools
        self._limits = limits
        self._history = history
        self._call = call
        self._report = report
        self._on_news = on_news
        self._now = asyncio.get_running_loop().time
        self._rate = CallRate(limits.tool_calls_per_minute)
        self._runs: list[ToolRun] = []
        self._tasks: set[asyncio.Future[None]] = set()  # those that do not let themselves be cancelled, too
        self._leaving: tuple[int, ToolCall] | None = None  # the transfer that is under way
        self._forget = call.before_end(self._on_call_ends)

    def admit(self) -> bool:
        """Count a call of any tool; False if there were too many in the last minute."""
        return self._rate.admit(self._now())

    def start(self, reply: int, call: ToolCall) -> ToolRun | None:
        """Run a tool. None, with the refusal as its result, if there is no such tool."""
        found = self._tools.get(call.name)
        if found is None:
            self.refuse(reply, call, f"there is no tool {call.name[:60]!r}")
            return None
        run = ToolRun(reply, call, found.on_interrupt, began=self._now())
        self._runs.append(run)
        run.task = asyncio.ensure_future(self._run(run, found))
        self._tasks.add(run.task)
        run.task.add_done_callback(self._tasks.discard)
        return run

    def leaves(self, reply: int, call: ToolCall) -> None:
        """A transfer is under way: `done` or `refuse` follows, unless the call ends first."""
        self._leaving = reply, call

    def refuse(self, reply: int, call: ToolCall, why: str) -> None:
        """The call is not carried out."""
        self._done(reply, call, f"error: {why}", 0.0, why)

    def done(self, reply: int, call: ToolCall, result: str) -> None:
        """A built-in one was carried out."""
        self._done(reply, call, result, 0.0, "")

    def interrupt(self) -> None:
        """The caller says something else: cancel what may be, and let the rest run on."""
        for run in self._runs:
            run.awaited = False
            if run.on_interrupt == "cancel" and run.task is not None:
                run.task.cancel()
                self._done(run.reply, run.call, CANCELLED, self._now() - run.began, CANCELLED)
        self._runs = [run for run in self._runs if run.on_interrupt != "cancel"]

    async def close(self) -> None:
        """The agent has ended: so do its tools."""
        self._forget()
        self._abandon("unfinished: the agent has ended")
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        self._report, self._on_news, self._forget = _ignored, _nothing, _nothing

    def _on_call_ends(self, by_bot: bool) -> None:
        if self._leaving is not None:
            why = "" if by_bot else UNFINISHED
            self._done(*self._leaving, why or "transferred", 0.0, why)
        self._abandon(UNFINISHED)

    def _abandon(self, why: str) -> None:
        """What still runs is on the record as it is."""
        runs, self._runs = self._runs, []
        for run in runs:
            self._done(run.reply, run.call, why, self._now() - run.began, why)

    async def _run(self, run: ToolRun, tool: Tool) -> None:
        error = ""
        timeout_s = tool.timeout_s or self._limits.tool_timeout_s
        try:
            result = await tool.answer_within(timeout_s, run.call.arguments, self._call)
        except ToolError as refused:
            error = str(refused)
            result = f"error: {error}"
        if run not in self._runs:
            return  # it is on the record already
        self._runs.remove(run)
        self._done(run.reply, run.call, result, self._now() - run.began, error)
        if not run.awaited:
            self._on_news()

    def _done(self, reply: int, call: ToolCall, result: str, seconds: float, error: str) -> None:
        if self._leaving == (reply, call):
            self._leaving = None
        self._history.result(reply, call, result)
        self._report(ran(call, self._tools.get(call.name), result, seconds, self._now(), error))


def _nothing() -> None:
    """Callback of an agent that has ended."""


def _ignored(event: SessionEvent) -> None:
    """The same, for what is reported."""


def ran(call: ToolCall, tool: Tool | None, result: str, seconds: float, at: float, error: str) -> ToolRan:
    """The call of a tool as the record has it: without secrets, and printable. `tool` None: a built-in one, or none."""
    arguments = without_secrets(call.arguments, tool.spec.parameters if tool is not None else {})
    known = tool is not None or call.name in BUILT_IN
    name, arguments = (_printable(text) for text in (call.name[:64], arguments[:MAX_KEPT_CALL_CHARS]))
    return ToolRan(name, arguments, result, seconds, at, error, known)


def kept(call: ToolCall) -> ToolCall:
    """The call as history keeps it: arguments that are no JSON object, or long, would break later requests."""
    arguments = call.arguments.strip() or "{}"
    fits = len(arguments) <= MAX_KEPT_CALL_CHARS and _is_object(arguments)
    name = _ODD.sub("_", call.name[:64]) or "unknown"
    return replace(call, name=name, arguments=arguments if fits else "{}")


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text), dict)
    except ValueError:
        return False
