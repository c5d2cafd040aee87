"""The event loop that offhook runs on, in each of its processes."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

SWITCH_INTERVAL_S = 0.0005
"""How long the threads that write records may keep the interpreter from a packet that is due; Python's own is 5 ms."""


def run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` on the event loop, and with the thread switching, that offhook is measured with."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def keep_what_is_here() -> None:
    """Take everything that was made so far out of the garbage collector's sight: it need not walk through it in the
    middle of a call.
    """
    gc.collect()
    gc.freeze()
    # All of it is collected when what has been added is a quarter of what was left the last time; an ended call is a
    # cycle that waits for that. What has just been frozen must not count: hundreds of calls would be waiting.
    gc.collect()
