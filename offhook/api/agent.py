"""Who talks to a caller: an agent. A flow is one, a Python coroutine another; a model that talks is a third."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


def as_agent(talks: Agent | Dialog) -> Agent:
    """An agent, or a coroutine function made one."""
    return talks if isinstance(talks, Agent) else DialogAgent(talks)
