"""The life of a serving process: event loop, signals, drain, exit status."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
import typer

from offhook.api.call import Dialog
from offhook.api.flow_switches import switches_of
from offhook.engines.engine_set import EngineSet
from offhook.observe.log import setup
from offhook.pipeline.dialog.switches import Switch
from offhook.process.allotments import worker_count, worker_specs
from offhook.process.end_signals import AT_ONCE, DRAINING, IGNORED, name_of
from offhook.process.event_loop import keep_what_is_here, run_loop
from offhook.process.fork_server import start_fork_server
from offhook.process.free_ports import with_free_ports
from offhook.process.lifespan import Lifespan
from offhook.process.messages import MakeEngines, WorkerSpec
from offhook.process.os_limits import cores, raise_descriptor_limit
from offhook.process.supervisor import Supervisor
from offhook.process.worker import run_worker
from offhook.process.worker_source import ForkedWorkers
from offhook.settings.config import Config
from offhook.settings.resolve import with_addresses
from offhook.sip.net.address import Address

T = TypeVar("T")

log = structlog.get_logger("offhook.process")


def serve(config: Config, dialog: Dialog, lifespan: Lifespan | None = None, engines: MakeEngines = EngineSet) -> int:
    """Answer calls until a signal ends it. Returns the exit status: 0 after a clean drain, else 1.

    `config.calls.workers` processes, forked from this one as it is now, carry the calls. SIGTERM, SIGHUP and the first
    SIGINT drain: no new calls, while current ones end by themselves. A second one, or SIGQUIT, ends everything at
    once. Any of them during the start ends it with status 0. Raises UserError, EngineError when it cannot start.
    """
    setup(config.log.format, config.log.level)
    raise_descriptor_limit()
    config = with_free_ports(with_addresses(config))
    specs = worker_specs(config, dialog, worker_count(config, cores()), cores(), lifespan, engines)
    switches = switches_of(dialog)
    control, pid = start_fork_server(specs, run_worker)
    try:
        return run_loop(_serve(config, control, specs, switches))
    finally:
        control.close()
        os.waitpid(pid, 0)


async def _serve(
    config: Config, control: socket.socket, specs: Sequence[WorkerSpec], switches: Mapping[str, Switch]
) -> int:
    stopping = Stopping()
    supervisor = Supervisor(
        config, ForkedWorkers(control), len(specs), engines_table=specs[0].engines_table, switches=switches
    )
    try:
        try:
            await stopping.unless_signalled(supervisor.start())
        except Signalled:
            return 0
        keep_what_is_here()
        typer.echo(ready_line(supervisor))
        sys.stdout.flush()
        await stopping.first.wait()
        log.info("draining: no new calls", calls=supervisor.calls, at_most_s=config.calls.max_call_s)
        drained = await stopping.drain(supervisor)
        log.info("stopping", calls_ended=supervisor.calls)
        return 0 if drained else 1
    finally:
        await supervisor.stop()


def ready_line(bot: Supervisor) -> str:
    """The line printed once calls can come in."""
    line = f"ready sip:{bot.sip_address}"
    if bot.http_address is not None:
        line += f" http://{Address(*bot.http_address)}"
    if bot.tls_address is not None:
        line += f" sips:{bot.tls_address}"
    return line


class Signalled(Exception):
    """A signal interrupted the work."""


class Stopping:
    """The signals that end a bot. Create it on the running loop."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in DRAINING:
            # nohup starts programs with SIGHUP ignored: keep that.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._signalled)
        for number in AT_ONCE:
            loop.add_signal_handler(number, self._end_at_once)
        for ignored in IGNORED:
            loop.add_signal_handler(ignored, self._ignored, ignored)

    def _signalled(self) -> None:
        if self.first.is_set():
            self.second.set()
        self.first.set()

    def _end_at_once(self) -> None:
        self.first.set()
        self.second.set()

    def _ignored(self, number: int) -> None:
        log.warning("a signal was ignored", signal=name_of(number), why="SIGTERM drains, SIGQUIT ends at once")

    async def unless_signalled(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; a signal cancels it and raises Signalled."""
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

    async def drain(self, bot: Supervisor) -> bool:
        """Let the calls end; False if a second signal, or the time of the longest call, came first."""
        drained = asyncio.create_task(bot.drain(bot.config.calls.max_call_s))
        second = asyncio.create_task(self.second.wait())
        await asyncio.wait((drained, second), return_when=asyncio.FIRST_COMPLETED)
        second.cancel()
        if drained.done():
            return drained.result()
        drained.cancel()
        return False
