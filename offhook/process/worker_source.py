"""Sources of workers: a fork server, which forks processes, or this process itself."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from offhook.process.channel import Channel, close_all
from offhook.process.messages import Exited, Kill, Spawn, Started, WorkerSpec
from offhook.process.worker import Worker


class WorkerSource(Protocol):
    """Starts workers. `on_news` reports the starts and exits of processes; set it before the first `spawn`."""

    on_news: Callable[[Started | Exited], None]

    @property
    def alive(self) -> bool:
        """Whether it can still start workers."""

    def spawn(self, index: int, fd: int) -> None:
        """Start worker `index`; it takes a copy of `fd`, its end of the channel. Raises OSError. A start that fails
        later closes the channel."""

    def kill(self, index: int, pid: int | None) -> None:
        """Kill a worker."""

    async def close(self) -> None:
        """Wait for the workers that are about to exit, and free everything."""


def _nothing(_: Started | Exited) -> None:
    """The default for `on_news`."""


class ForkedWorkers:
    """Processes of a fork server; `sock` is our end of its channel."""

    def __init__(self, sock: socket.socket) -> None:
        self.on_news: Callable[[Started | Exited], None] = _nothing
        self._channel = Channel(sock, self._on_message, self._on_gone)

    @property
    def alive(self) -> bool:
        """Whether the fork server runs."""
        return not self._channel.closed

    def spawn(self, index: int, fd: int) -> None:
        """Have the fork server fork it."""
        self._channel.send(Spawn(index), (fd,))

    def kill(self, index: int, pid: int | None) -> None:
        """Have its parent send SIGKILL: until the parent reaps it, the pid is certain to be the worker's."""
        if pid is not None:
            self._channel.send(Kill(pid))

    async def close(self) -> None:
        """Close the channel: the fork server exits after its children."""
        self._channel.close()

    def _on_gone(self) -> None:
        structlog.get_logger("offhook.process").error(
            "the fork server is gone", why="workers that die will not be replaced", todo="restart the bot"
        )

    def _on_message(self, message: Any, fds: list[int]) -> None:
        close_all(fds)
        self.on_news(message)


class LocalWorkers:
    """Workers on the supervisor's event loop, as if each were a process."""

    def __init__(self, specs: Sequence[WorkerSpec]) -> None:
        self.on_news: Callable[[Started | Exited], None] = _nothing
        self.workers: dict[int, Worker] = {}
        self._specs = specs
        self._tasks: dict[int, asyncio.Task[int]] = {}

    @property
    def alive(self) -> bool:
        """Always: it is this process."""
        return True

    def spawn(self, index: int, fd: int) -> None:
        """Start it as a task."""
        worker = Worker(self._specs[index], socket.socket(fileno=os.dup(fd)), alone=False)
        self.workers[index] = worker
        self._tasks[index] = asyncio.create_task(worker.run(), name=f"offhook-work-{index}")

    def kill(self, index: int, pid: int | None) -> None:
        """Cancel its task."""
        self._tasks[index].cancel()

    async def close(self) -> None:
        """Wait for their engines, recordings and traces."""
        for result in await asyncio.gather(*self._tasks.values(), return_exceptions=True):
            if isinstance(result, Exception):
                structlog.get_logger("offhook.process").error("a worker failed", exc_info=result)
