"""Bots with something wrong inside, to be run as programs: python shims.py block|clock|crowd OFFHOOK-ARGUMENTS"""

import asyncio
import errno
import os
import sys
import threading
import time
from pathlib import Path

BLOCK_S, EVERY_S = 0.2, 0.5
STEP_AFTER_S, STEP_S = 6.0, 3_600.0


def block() -> None:
    """Stop the event loop for 200 ms, twice a second, as a careless plug-in would."""
    from offhook.api import dialogs  # noqa: PLC0415
    from offhook.api.call import Call  # noqa: PLC0415

    inner = dialogs.bench_dialog

    async def blocking(call: Call) -> None:
        async def careless() -> None:
            while True:
                await asyncio.sleep(EVERY_S)
                time.sleep(BLOCK_S)  # noqa: ASYNC251 - this is the fault

        task = asyncio.create_task(careless())
        try:
            await inner(call)
        finally:
            task.cancel()

    dialogs.bench_dialog = blocking


def clock() -> None:
    """Set the wall clock an hour forward, then two back, while calls are going on."""
    real, began = time.time, time.monotonic()

    def stepped() -> float:
        steps = int((time.monotonic() - began) / STEP_AFTER_S)
        return real() + (0.0, STEP_S, -STEP_S)[min(steps, 2)]

    time.time = stepped


def crowd() -> None:
    """Have neither a new process nor a new thread while there is a file, as at the limit of RLIMIT_NPROC."""
    file = Path(os.environ["FAULT_FILE"])
    fork, start = os.fork, threading.Thread.start

    def forked() -> int:
        if file.exists():
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    def started(self: threading.Thread) -> None:
        if file.exists():
            raise RuntimeError("can't start new thread")
        start(self)

    os.fork = forked
    threading.Thread.start = started  # type: ignore[method-assign]


if __name__ == "__main__":
    {"block": block, "clock": clock, "crowd": crowd}[sys.argv.pop(1)]()
    from offhook.cli.main import main

    main()
