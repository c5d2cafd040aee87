"""Bots with something wrong inside, to be run as programs: python shims.py block|clock OFFHOOK-ARGUMENTS"""

import asyncio
import sys
import time

BLOCK_S, EVERY_S = 0.2, 0.5
STEP_AFTER_S, STEP_S = 6.0, 3_600.0


def block() -> None:
    """Stop the event loop for 200 ms, twice a second, as a careless plug-in would."""
    from offhook import dialogs  # noqa: PLC0415
    from offhook.call import Call  # noqa: PLC0415

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


if __name__ == "__main__":
    {"block": block, "clock": clock}[sys.argv.pop(1)]()
    from offhook.cli import main

    main()
