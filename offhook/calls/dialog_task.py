"""Runs a dialog so that the end of its call is raised as CallEnded at its current await."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from structlog.typing import FilteringBoundLogger

from offhook.api.call_ended import CallEnded


class EndsWithCall:
    """Awaits `work`. Once `ended()`, the first cancellation of the task is raised in the work as CallEnded instead.

    It behaves like any exception: `finally` and `async with` run, and the work may await again afterwards. A second
    cancellation stays one.
    """

    def __init__(self, work: Awaitable[object], ended: Callable[[], bool]) -> None:
        self._work = work
        self._ended = ended

    def __await__(self) -> Generator[Any, Any, None]:
        steps: Any = self._work.__await__()
        resume, value = steps.send, None
        notified = False
        while True:
            try:
                waits_for = resume(value)
            except StopIteration:
                return
            finally:
                value = None  # an exception's traceback refers to this frame: avoid the cycle
            try:
                value = yield waits_for
                resume = steps.send
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # raised by the awaited object, for the work to handle
                resume, value = steps.throw, error
                if isinstance(error, asyncio.CancelledError) and self._ended() and not notified:
                    notified = True
                    task = asyncio.current_task()
                    if task is not None:
                        task.uncancel()  # else a later `asyncio.timeout` would take it for its own
                    value = CallEnded()


def is_call_ended(error: BaseException) -> bool:
    """Whether `error` is CallEnded, or an exception group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_call_ended(each) for each in error.exceptions)
    return isinstance(error, CallEnded)


async def clean_up(dialog: "asyncio.Task[None]", cleanup_s: float, log: FilteringBoundLogger) -> None:
    """Give the dialog of a call that is over time for its clean-up, for which the process waits before it stops."""
    if dialog.done():
        return
    await asyncio.wait((dialog,), timeout=cleanup_s)
    if not dialog.done():
        log.warning("the dialog does not end with its call", seconds=cleanup_s)
        dialog.cancel()
