"""The worker pool: starts workers, chooses one for each call, and replaces those that die or hang."""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from offhook.observe.refusals import Reason, Refusal
from offhook.process.admission import LoadLimits
from offhook.process.memory import MemoryTrim
from offhook.process.messages import Exited, Quit, Started
from offhook.process.source_shares import Capacity
from offhook.process.worker_handle import WorkerHandle, WorkerHandleOwner, WorkerState
from offhook.process.worker_source import WorkerSource
from offhook.records import Journal
from offhook.sip.net.address import Address

CHECK_S = 0.25
AWAY_S = 1.0
"""A check this late means that this process stalled, and could not read the workers' reports."""
QUIT_S = 3.0
"""Time for workers to exit, besides the clean-up time of dialogs; then they are killed."""
YOUNG_S = 5.0
"""After two workers in a row that lived for less than this, the next one is started with a delay."""
MAX_BACKOFF_S = 30.0


class WorkerPool:
    """Keeps `wanted` workers running. `owner` is notified of a lost one before it is replaced."""

    def __init__(
        self, source: WorkerSource, wanted: int, limits: LoadLimits, owner: WorkerHandleOwner, *, cleanup_s: float
    ) -> None:
        self.wanted = wanted
        self._source = source
        self._limits = limits
        self._quit_s = cleanup_s + QUIT_S
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, WorkerHandle] = {}
        self._short_lives: dict[int, int] = {}
        self._making: Callable[[int], WorkerHandle] | None = None
        self._checked = self._loop.time()
        self._complete = self._stopping = False
        self._memory = MemoryTrim()
        self._log = structlog.get_logger("offhook.process")
        source.on_news = self._on_news

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._workers.values()))

    @property
    def ready(self) -> int:
        """How many workers accept calls."""
        return sum(worker.state is WorkerState.READY for worker in self)

    @property
    def unrecoverable(self) -> str:
        """Why a missing worker will not be replaced; empty if all are there or will be."""
        missing = any(worker.state is WorkerState.GONE for worker in self)
        if not missing or self._stopping or not self._complete or self._source.alive:
            return ""
        return (
            f"{self.ready} of {self.wanted} workers are left, and the process that makes them is gone: restart the bot"
        )

    async def start(self, sip_address: Address, journal: Journal, first: Callable[[], object]) -> None:
        """Start all workers and wait until they are ready; each gets what `first` makes before any call. Raises
        UserError, EngineError if one cannot start."""

        def made(index: int) -> WorkerHandle:
            worker = WorkerHandle(
                index,
                spawn=self._source.spawn,
                sip_address=sip_address,
                journal=journal,
                limits=self._limits,
                owner=self._owner,
                on_gone=self._on_gone,
                warm_start=self._complete,
            )
            worker.send(first())
            return worker

        self._making = made
        for index in range(self.wanted):
            self._workers[index] = self._making(index)
        self._check()
        await asyncio.gather(*(worker.started() for worker in self))
        self._complete = True

    def choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The worker for the next call, which needs `ports` or not: with the fewest calls, then the least load. If
        there is none, the reason."""
        found = [(worker, worker.refusal(ports=ports)) for worker in self if worker.state is WorkerState.READY]
        free = [worker for worker, refusal in found if refusal is None]
        if free:
            return min(free, key=lambda worker: (len(worker.calls), worker.load.cpu))
        for _, refusal in found:
            if refusal is not None:
                return Refusal(refusal.reason, f"every worker is full: {refusal.why}")
        return Refusal(Reason.WORKER, "no worker is ready")

    def capacity(self) -> Capacity:
        """What all ready workers together have for further calls over SIP."""
        loads = [worker.load for worker in self if worker.state is WorkerState.READY]
        places = sum(max(0, load.room()) for load in loads)
        return Capacity(sum(load.setups_per_s for load in loads), places, sum(load.cpu_room for load in loads))

    async def stop(self) -> None:
        """Ask all workers to exit, then kill the rest. Calls that are hung up are reported first."""
        self._stopping = True
        for worker in self:
            worker.send(Quit())
        await self._await(self._quit_s)
        for worker in self:
            self._kill(worker)
        await self._await(QUIT_S)
        await self._source.close()

    def _spawn(self, index: int) -> None:
        if self._making is None or self._stopping or not self._source.alive:
            return
        try:
            self._workers[index] = self._making(index)
        except OSError as error:
            # Usually out of descriptors, which passes: try again.
            self._log.error("a worker cannot be started", worker=index, error=str(error))
            self._retry(index)

    def _retry(self, index: int) -> None:
        short = self._short_lives[index] = self._short_lives.get(index, 0) + 1
        self._loop.call_later(min(MAX_BACKOFF_S, 0.25 * 2 ** min(short, 10)), self._spawn, index)

    def _on_gone(self, worker: WorkerHandle) -> None:
        """Replace a worker, at once if it lived for a while."""
        self._owner.on_gone(worker)
        if self._stopping:
            return
        if not self._complete:
            return  # the first start is not repeated: `start` raises
        self._log.error("a worker is gone", worker=worker.index, pid=worker.pid)
        if worker.age_s >= YOUNG_S:
            self._short_lives[worker.index] = 0
        if self._short_lives.get(worker.index, 0) < 1:
            self._short_lives[worker.index] = int(worker.age_s < YOUNG_S)
            self._spawn(worker.index)
        else:
            self._retry(worker.index)

    def _check(self) -> None:
        """Check all workers, periodically."""
        if self._stopping:
            return
        now = self._loop.time()
        away, self._checked = now - self._checked > AWAY_S, now
        for worker in self:
            if away:
                worker.reset_deadline()
            if worker.check():
                self._log.error("a worker has hung and is killed", worker=worker.index, pid=worker.pid)
                self._kill(worker)
        self._memory.calls(sum(len(worker.calls) for worker in self), now)
        self._loop.call_later(CHECK_S, self._check)

    def _kill(self, worker: WorkerHandle) -> None:
        if worker.state is not WorkerState.GONE:
            self._source.kill(worker.index, worker.pid)

    async def _await(self, timeout_s: float) -> None:
        ends = [asyncio.create_task(worker.gone()) for worker in self]
        if ends:
            _, late = await asyncio.wait(ends, timeout=timeout_s)
            for task in late:
                task.cancel()

    def _on_news(self, news: Started | Exited) -> None:
        if isinstance(news, Started):
            worker = self._workers.get(news.index)
            if worker is not None and worker.pid is None:
                worker.pid = news.pid
        elif self._complete and not self._stopping:
            how = f"signal {-news.status}" if news.status < 0 else f"status {news.status}"
            self._log.error("a worker's process ended", worker=news.index, pid=news.pid, how=how)
