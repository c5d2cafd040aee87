"""A worker: a `CallHost` at its end of a channel to the supervisor, as a process of its own or beside it."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

from offhook.pipeline.errors import EngineError
from offhook.process.channel import Channel, close_all
from offhook.process.event_loop import keep_what_is_here, run_loop
from offhook.process.host import CallHost
from offhook.process.memory import MemoryTrim
from offhook.process.messages import Failed, Quit, Ready, Welcome, WorkerSpec
from offhook.process.os_limits import spare_address_space
from offhook.usererror import UserError

REPORT_S = 0.25
IDLE_REPORT_S = 0.5


def run_worker(spec: WorkerSpec, sock: socket.socket) -> int:
    """Run a worker process on its end of the channel. Returns the exit status."""
    structlog.contextvars.bind_contextvars(worker=spec.index)
    spare_address_space()

    async def run() -> int:
        return await Worker(spec, sock, alone=True).run()

    return run_loop(run())


class Worker:
    """One worker. `alone` in its process, it excludes what it has loaded from garbage collection."""

    def __init__(self, spec: WorkerSpec, sock: socket.socket, *, alone: bool) -> None:
        self._alone = alone
        self._memory = MemoryTrim()
        self._quit = asyncio.Event()
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._channel = Channel(sock, self._on_message, self._on_closed)
        self.host = CallHost(spec, self._channel.send)

    async def run(self) -> int:
        """Run until the supervisor ends it, or is gone. Returns the exit status."""
        try:
            return await self._serve()
        finally:
            try:
                await self.host.hang_up()
            finally:
                # To the supervisor a closed channel is the end of this worker.
                self._channel.close()
                await self.host.stop()

    async def _serve(self) -> int:
        quitting = asyncio.create_task(self._quit.wait())
        failing = asyncio.create_task(self.host.failed.wait())
        try:
            await asyncio.wait((quitting, self._welcome), return_when=asyncio.FIRST_COMPLETED)
            if not self._welcome.done():
                return 0
            await self._unless_quitting(self.host.start(self._welcome.result()), quitting)
            if self._quit.is_set():
                return 0
            if self._alone:
                keep_what_is_here()
            self.host.restart_report()
            self._report()
            self._channel.send(Ready())
            await asyncio.wait((quitting, failing), return_when=asyncio.FIRST_COMPLETED)
            return 1 if self.host.failed.is_set() else 0
        except UserError as error:
            self._channel.send(Failed(problems=error.problems))
            return 1
        except EngineError as error:
            self._channel.send(Failed(engine=error))
            return 1
        finally:
            quitting.cancel()
            failing.cancel()

    async def _unless_quitting(self, work: Coroutine[Any, Any, None], quitting: "asyncio.Task[Any]") -> None:
        task = asyncio.create_task(work)
        try:
            await asyncio.wait((task, quitting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if not task.cancelled():
            task.result()

    def _report(self) -> None:
        if not self._channel.closed and (report := self.host.report()) is not None:
            self._channel.send(report)
            now = asyncio.get_running_loop().time()
            if self._alone:
                self._memory.calls(len(self.host.calls), now)
            delay_s = REPORT_S if len(self.host.calls) else IDLE_REPORT_S
            asyncio.get_running_loop().call_at(now + delay_s, self._report)

    def _on_message(self, message: Any, fds: list[int]) -> None:
        match message:
            case Quit():
                close_all(fds)
                self._quit.set()
            case Welcome():
                close_all(fds)
                self._welcome.set_result(message)
            case _:
                self.host.handle(message, fds)

    def _on_closed(self) -> None:
        self._quit.set()
