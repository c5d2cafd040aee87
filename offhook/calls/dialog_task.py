"""Runs a dialog so that the end of its call reaches it as CallEnded, wherever it waits."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from offhook.api.call import CallEnded


class EndsWithCall:
    """Awaits `work`. Once `ended()`, the first cancellation of the task is CallEnded to the work, and no cancellation.

    What the work awaits is left as it is left by any exception, so `finally` and `async with` do what they should, and
    what the work does after that may wait again. A second cancellation is one.
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
                value = None  # an exception, whose traceback holds this frame: a cycle, if it stayed
            try:
                value = yield waits_for
                resume = steps.send
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # of what was waited for, and for the work to handle
                resume, value = steps.throw, error
                if isinstance(error, asyncio.CancelledError) and self._ended() and not notified:
                    notified = True
                    task = asyncio.current_task()
                    if task is not None:
                        task.uncancel()  # else a time limit in what follows would take it for its own
                    value = CallEnded()


def is_call_ended(error: BaseException) -> bool:
    """Whether that is all that happened: also in the task groups of a dialog."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_call_ended(each) for each in error.exceptions)
    return isinstance(error, CallEnded)
