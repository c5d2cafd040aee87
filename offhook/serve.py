"""The life of a serving process: event loop, signals, drain, exit status."""

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import typer
import uvloop

from offhook.call import Dialog
from offhook.config import Config
from offhook.engines import EngineSet
from offhook.log import setup
from offhook.node import Node
from sip.net.address import Address

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""How long the threads that write records may keep the interpreter from a packet that is due; Python's own is 5 ms."""


def run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` on the event loop, and with the thread switching, that offhook is measured with."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def serve(config: Config, dialog: Dialog) -> int:
    """Answer calls until a signal ends it. Returns the exit status: 0 after a clean drain, else 1.

    SIGTERM and the first SIGINT drain: no new calls, those that are there end by themselves. A second one ends
    everything at once. A signal while it is starting ends it, too, with 0. Raises UserError, EngineError when it
    cannot start.
    """
    setup(config.log.format, config.log.level)
    return run_loop(_serve(config, dialog))


async def _serve(config: Config, dialog: Dialog) -> int:
    stopping = Stopping()
    node = Node(config, dialog, EngineSet(config))
    try:
        try:
            await stopping.unless_signalled(node.start())
        except Signalled:
            return 0
        # What is there now stays: the collector need not walk through it in the middle of a call.
        gc.collect()
        gc.freeze()
        typer.echo(ready_line(node))
        sys.stdout.flush()
        await stopping.first.wait()
        return 0 if await stopping.drain(node) else 1
    finally:
        await node.stop()


def ready_line(node: Node) -> str:
    """What is printed once calls can come in."""
    line = f"ready sip:{node.sip_address}"
    if node.http_address is not None:
        line += f" http://{Address(*node.http_address)}"
    return line


class Signalled(Exception):
    """A signal came before the work was done."""


class Stopping:
    """SIGTERM and SIGINT, counted. Made on the running loop."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self.first.is_set():
            self.second.set()
        self.first.set()

    async def unless_signalled(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; it is cancelled, and Signalled raised, when a signal comes first."""
        task = asyncio.create_task(work)
        first = asyncio.create_task(self.first.wait())
        try:
            await asyncio.wait((task, first), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Signalled
        finally:
            first.cancel()
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def drain(self, node: Node) -> bool:
        """Let the calls end; false when a second signal, or the longest call's time, came before that."""
        drained = asyncio.create_task(node.drain(node.config.calls.max_call_s))
        second = asyncio.create_task(self.second.wait())
        await asyncio.wait((drained, second), return_when=asyncio.FIRST_COMPLETED)
        second.cancel()
        if drained.done():
            return drained.result()
        drained.cancel()
        return False
