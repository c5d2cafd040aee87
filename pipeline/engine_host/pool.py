"""A pool of child processes for engines, and the assignment of streams to them."""

import asyncio
from collections.abc import Mapping

from offhook.pipeline.engine_host.process import HostProcess, HostState
from offhook.pipeline.engine_host.stream import Counters, HostLimits, HostStream, PartialHandler
from offhook.pipeline.errors import EngineError

__all__ = ["HostLimits", "HostPool", "HostStream"]

SHORT_LIFE_S = 2.0
"""A child that dies sooner is not replaced at once if the one before it did so too."""

MAX_BACKOFF_S = 30.0


class HostPool:
    """`size` children that each run a HostedEngine. A child that dies or hangs is replaced, and its streams fail.

    `target` is the HostedEngine's "module:Class"; it gets `options`; `name` is used in errors.
    """

    def __init__(
        self,
        target: str,
        size: int,
        *,
        name: str = "",
        options: Mapping[str, object] | None = None,
        limits: HostLimits | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"a pool of {size} workers")
        self.counters = Counters()
        self._target = target
        self._size = size
        self._name = name or target
        self._options = dict(options or {})
        self._limits = limits or HostLimits()
        self._workers: list[HostProcess] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._short_lives = 0
        self._heartbeat: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the children and wait until all have loaded. Raises EngineError if one fails."""
        if self._heartbeat is not None:
            return
        self._heartbeat = asyncio.get_running_loop().create_task(self._beat())
        for _ in range(self._size):
            self._add()
        try:
            for worker in tuple(self._workers):
                await worker.ready()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all children, within a second. Idempotent."""
        if self._heartbeat is None:
            return
        heartbeat, self._heartbeat = self._heartbeat, None
        heartbeat.cancel()
        workers, self._workers = self._workers, []
        await asyncio.gather(*(worker.close() for worker in workers), *self._ending)
        await asyncio.wait((heartbeat,))

    def open(self, payload: Mapping[str, object], on_partial: PartialHandler | None = None) -> HostStream:
        """Begin a stream in the child with the lowest load; returns at once.

        While a child is being replaced, its successor accepts streams: they wait until it has loaded. Raises
        EngineError if there is no child, or none has room.
        """
        free = [worker for worker in self._workers if worker.load < self._limits.max_streams]
        if not self._workers:
            raise EngineError(self._name, "opening a stream", "no worker is running")
        if not free:
            raise EngineError(self._name, "opening a stream", "all workers are busy", "Give it more workers.")
        worker = min(free, key=lambda worker: (worker.load, worker.state is not HostState.READY))
        return worker.open(payload, on_partial)

    @property
    def pids(self) -> list[int]:
        """The children's process ids, as far as they have one."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def dump(self) -> dict[str, object]:
        """The state of the children, and the counters."""
        return {
            "target": self._target,
            "size": self._size,
            "restarts": self.counters.restarts,
            "timeouts": self.counters.timeouts,
            "workers": [worker.dump() for worker in self._workers],
        }

    def _add(self) -> None:
        self._workers.append(
            HostProcess(self._target, self._name, self._options, self._limits, self.counters, self._on_change)
        )

    def _on_change(self, worker: HostProcess) -> None:
        if worker.state is not HostState.GONE or worker not in self._workers:
            return
        self._workers.remove(worker)
        ending = asyncio.get_running_loop().create_task(worker.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        if self._heartbeat is None:
            return
        self.counters.restarts += 1
        self._short_lives = self._short_lives + 1 if worker.age_s < SHORT_LIFE_S else 0
        if self._short_lives < 2:
            self._add()
            return
        delay_s = min(MAX_BACKOFF_S, 0.25 * 2**self._short_lives)
        asyncio.get_running_loop().call_later(delay_s, self._add_late)

    def _add_late(self) -> None:
        if self._heartbeat is not None:
            self._add()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(self._limits.heartbeat_s)
            now = loop.time()
            for worker in tuple(self._workers):
                if now - last > 2 * self._limits.heartbeat_s:
                    worker.reset_deadline(now)
                worker.check(now)
            last = now
