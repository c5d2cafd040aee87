"""Starts the agents that have something to start, such as a language model's connection, in each process that carries
calls."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, runtime_checkable

import structlog

from offhook.agents.agent import Agent
from offhook.api.agent import AgentDialog, DialogAgent
from offhook.api.call import Dialog
from offhook.api.flow_dialog import FlowDialog
from offhook.api.routing import RoutedAgent
from offhook.llm.listed import doubtful
from offhook.llm.model import LanguageModel, ModelError
from offhook.llm.registry import make_chain
from offhook.process.lifespan import Lifespan
from offhook.settings.config import Config

START_S = 5.0
"""How long the start of a process waits for a model."""

log = structlog.get_logger("offhook.agents")


@runtime_checkable
class StartsAndCloses(Protocol):
    """An agent that is started before its first call, and closed after the last."""

    async def start(self) -> None:
        """Before the first call. Raises UserError for what can never work, ModelError for what may work later."""

    async def close(self) -> None:
        """After the last. Idempotent."""


def with_agents(dialog: Dialog, config: Config, lifespan: Lifespan | None = None) -> Lifespan | None:
    """`lifespan`, and within it that of the agents in `dialog`, who get the model of `[llm]` if they have none.

    Raises UserError if there is none.
    """
    agents = list(_agents(dialog))
    if not agents:
        return lifespan
    lacking = [agent for agent in agents if isinstance(agent, Agent) and agent.model is None]
    default = make_chain(config.llm) if lacking else None  # a mistake in it must show here, and not in a worker
    for agent in agents:
        if isinstance(agent, Agent) and (model := agent.model or default) is not None:
            agent.check_prices(model)

    @asynccontextmanager
    async def both() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if lifespan is not None:
                await stack.enter_async_context(lifespan())
            if lacking:
                _give(make_chain(config.llm), lacking, stack)
            for agent in agents:
                stack.push_async_callback(agent.close)
            await _start_all(agents)
            yield

    return both


async def _start_all(agents: Iterable[StartsAndCloses]) -> None:
    """Raises UserError for one that can never work."""
    for failed in await asyncio.gather(*map(_start, agents), return_exceptions=True):
        if failed is not None:
            raise failed
    for name, why in dict(each for agent in agents for each in _doubts(agent)).items():
        log.warning("the model may not be there", model=name, why=why, todo="`model` as the server calls it")


async def _start(agent: StartsAndCloses) -> None:
    """One that is away, or slow, holds up nothing: it is asked again when a call comes."""
    try:
        async with asyncio.timeout(START_S):
            await agent.start()
    except ModelError as error:
        log.warning("the model is away", model=error.model, why=error.why)
    except TimeoutError:
        name = agent.model.name if isinstance(agent, Agent) and agent.model is not None else type(agent).__name__
        log.warning("the model is away", model=name, why=f"it did not answer within {START_S:g} s")


def _doubts(agent: StartsAndCloses) -> Iterable[tuple[str, str]]:
    return doubtful(agent.model) if isinstance(agent, Agent) and agent.model is not None else ()


def _give(model: LanguageModel, agents: Iterable[Agent], stack: AsyncExitStack) -> None:
    """Theirs until the end of `stack`."""
    for agent in agents:
        agent.model = model
        stack.callback(setattr, agent, "model", None)


def _agents(dialog: object) -> Iterable[StartsAndCloses]:
    while isinstance(dialog, AgentDialog | DialogAgent):
        dialog = dialog.agent if isinstance(dialog, AgentDialog) else dialog.dialog
    if isinstance(dialog, RoutedAgent | FlowDialog):
        for each in dialog.agents:
            yield from _agents(each)
    elif isinstance(dialog, StartsAndCloses):
        yield dialog
