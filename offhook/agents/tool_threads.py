"""Threads for tools that are not `async`.

A function that hangs cannot be ended: its thread runs on when its time is over. So each tool has threads of its own and
a call some of these, and nothing else that needs a thread waits for them. They do not hold up the end of the process.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import Any

from offhook.api.call import Call

MAX_OF_TOOL = 32
"""At once, in one process."""

MAX_OF_CALL = 4
"""Of these, for one call."""


class AllBusyError(Exception):
    """No thread is free: the function hangs, or is slow."""


class ToolThreads:
    """Runs one function, for any number of calls."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._running: Counter[Call] = Counter()
        self._lock = Lock()

    async def run(self, arguments: Mapping[str, Any], call: Call) -> object:
        """What the function returns or raises. Raises AllBusyError."""
        self._count(call)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[object, Exception | None]] = loop.create_future()
        work = partial(contextvars.copy_context().run, self._function, **arguments)
        thread = Thread(target=self._run, args=(work, call, loop, done), name=f"tool {call.id}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more
            self._forget(call)
            raise
        result, error = await done
        if error is not None:
            raise error
        return result

    def _run(
        self,
        work: Callable[[], object],
        call: Call,
        loop: asyncio.AbstractEventLoop,
        done: "asyncio.Future[tuple[object, Exception | None]]",
    ) -> None:
        result: object = None
        error: Exception | None = None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001  # the function is the user's: whatever its code raises
            error = raised
        except BaseException as raised:  # noqa: BLE001  # SystemExit, CancelledError: neither reaches anybody from here
            error = RuntimeError(f"it ended its thread by {raised!r}")
        finally:
            self._forget(call)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_tell, done, (result, error))

    def _count(self, call: Call) -> None:
        with self._lock:
            own, all_of_it = self._running[call], self._running.total()
            if own >= MAX_OF_CALL or all_of_it >= MAX_OF_TOOL:
                raise AllBusyError(f"its last {own if own >= MAX_OF_CALL else all_of_it} calls have not ended yet")
            self._running[call] += 1

    def _forget(self, call: Call) -> None:
        with self._lock:
            self._running[call] -= 1
            if not self._running[call]:
                del self._running[call]


def _tell(done: "asyncio.Future[tuple[object, Exception | None]]", outcome: tuple[object, Exception | None]) -> None:
    if not done.done():
        done.set_result(outcome)
