"""The event loop that offhook runs on, in each of its processes."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

SWITCH_INTERVAL_S = 0.0005
"""How long threads that write records may keep the interpreter from a due packet; Python's default is 5 ms."""

T = TypeVar("T")


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` with offhook's event loop and thread switching."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def keep_what_is_here() -> None:
    """Exclude all existing objects from garbage collection, so that it need not traverse them during calls."""
    gc.collect()
    gc.freeze()
    # A full collection waits until new objects amount to a quarter of those that survived the last one, and ended
    # calls are cycles that wait for it. If the frozen objects counted, hundreds of calls would be waiting.
    gc.collect()
