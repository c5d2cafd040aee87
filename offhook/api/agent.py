"""Who talks to a caller: an agent. A flow is one, a Python coroutine another; a model that talks is a third."""

import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from offhook.api.call import Call, Dialog


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an agent ended: `reason` goes into the call's record."""

    reason: str = "bot hung up"


@runtime_checkable
class Agent(Protocol):
    """Talks to every caller; one object serves all calls, so what belongs to one call lives in `run`."""

    async def run(self, call: Call) -> Outcome:
        """Talk until there is nothing left to say; the bot hangs up then, when the caller has heard all of it.

        CallEnded is raised where it waits when the call ends before that; it need not be caught. What is done
        afterwards, in `finally` or behind `except CallEnded`, has `calls.cleanup_s` to finish.
        """
        ...


class DialogAgent:
    """A coroutine function as an agent."""

    def __init__(self, dialog: Dialog) -> None:
        self._dialog = dialog

    async def run(self, call: Call) -> Outcome:
        """See Agent."""
        await self._dialog(call)
        return Outcome()


class AgentDialog:
    """An agent where a coroutine function is wanted; to `as_agent` it is still the agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def run(self, call: Call) -> Outcome:
        """See Agent."""
        return await self._agent.run(call)

    async def __call__(self, call: Call) -> None:
        """As a Dialog."""
        await self._agent.run(call)


def dialog_of(talks: Agent | Dialog) -> Dialog:
    """An agent made a coroutine function, or one as it is. TypeError for what is neither."""
    if isinstance(talks, type):
        raise TypeError(f"{talks.__name__} is a class: pass an agent made of it, as in bot.answer({talks.__name__}())")
    if isinstance(talks, Agent):
        _check_coroutine_function(talks.run)
        return AgentDialog(talks)
    _check_coroutine_function(talks)
    return talks


def _check_coroutine_function(function: Any) -> None:
    while isinstance(function, partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004  # an object may be called as one, too
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{name} is not a coroutine function: write `async def {name}(call)`")


def as_agent(talks: Agent | Dialog) -> Agent:
    """An agent, or a coroutine function made one."""
    return talks if isinstance(talks, Agent) else DialogAgent(talks)
