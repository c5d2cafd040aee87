"""Starts the agents that have something to start, such as a language model's connection, in each process that carries
calls."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, runtime_checkable

import structlog

from offhook.api.agent import AgentDialog, DialogAgent
from offhook.api.call import Dialog
from offhook.api.dialogs import FlowDialog
from offhook.api.routing import RoutedAgent
from offhook.llm.model import ModelError
from offhook.process.lifespan import Lifespan

log = structlog.get_logger("offhook.agents")


@runtime_checkable
class StartsAndCloses(Protocol):
    """An agent that is started before its first call, and closed after the last."""

    async def start(self) -> None:
        """Before the first call. Raises UserError for what can never work, ModelError for what may work later."""

    async def close(self) -> None:
        """After the last. Idempotent."""


def with_agents(dialog: Dialog, lifespan: Lifespan | None = None) -> Lifespan | None:
    """`lifespan`, and within it that of the agents in `dialog`."""
    agents = list(_agents(dialog))
    if not agents:
        return lifespan

    @asynccontextmanager
    async def both() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if lifespan is not None:
                await stack.enter_async_context(lifespan())
            for agent in agents:
                stack.push_async_callback(agent.close)
                try:
                    await agent.start()
                except ModelError as error:
                    # It is asked again when a call comes.
                    log.warning("the model is away", model=error.model, why=error.why)
            yield

    return both


def _agents(dialog: object) -> Iterable[StartsAndCloses]:
    if isinstance(dialog, AgentDialog):
        dialog = dialog.agent
    elif isinstance(dialog, DialogAgent):
        dialog = dialog.dialog
    if isinstance(dialog, RoutedAgent | FlowDialog):
        for each in dialog.agents:
            yield from _agents(each)
    elif isinstance(dialog, StartsAndCloses):
        yield dialog
