"""What a user's program opens in each process that carries calls, and closes when the process ends."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import structlog

from offhook.usererror import UserError

Lifespan: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]

LifespanFunction: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]] | Callable[[], AsyncIterator[Any]]
"""An async generator function with one `yield`, or a function that returns an async context manager."""


def as_lifespan(function: LifespanFunction) -> Lifespan:
    """The function as one that returns a context manager. ValueError for anything but such a function."""
    if inspect.isasyncgenfunction(function):
        return asynccontextmanager(function)
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise ValueError("a lifespan is an async function with a `yield` in it, or returns an async context manager")
    made: Lifespan = function  # type: ignore[assignment]  # its result is checked when entered
    return made


@asynccontextmanager
async def entered(lifespan: Lifespan) -> AsyncIterator[None]:
    """Spans the life of a process. Raises UserError when entering fails; a failure on leaving is logged."""
    log = structlog.get_logger("offhook.process")
    try:
        manager = lifespan()
        await manager.__aenter__()
    except UserError:
        raise
    except Exception as error:
        # User code: after any exception the bot cannot start.
        log.exception("the lifespan function failed")
        raise UserError(
            "the bot cannot start", f"its lifespan function failed: {type(error).__name__}: {error}", "see the log"
        ) from error
    try:
        yield
    finally:
        try:
            await manager.__aexit__(None, None, None)
        except Exception:
            # The other clean-up must go on.
            log.exception("the lifespan function failed on leaving")
