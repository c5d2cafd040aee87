"""What a bot shows of itself: health, readiness, metrics and live state, for the web pages and probes."""

import asyncio
from collections.abc import Callable, Mapping

from offhook.observe.health import HealthStatus, Readiness, ReadyStatus
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import Snapshot, lasting, merged, render, snapshot
from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.observe.totals import Totals
from offhook.outbox.deliveries import Deliveries
from offhook.process.remote_endpoint import RemoteEndpoint
from offhook.process.source_shares import SourceShares
from offhook.process.trunks import Trunks
from offhook.process.worker_handle import WorkerHandle, WorkerState
from offhook.process.worker_pool import WorkerPool
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.net.endpoint import Endpoint
from offhook.version import __version__

REPLY_S = 0.5
"""For workers to report metrics or state; a slower one is shown with its last metrics, or without state."""

MAX_DUMPED = 100
"""The most dialogs, and transactions, that the status shows."""

_READINESS = {
    Reason.DRAINING: Readiness.DRAINING,
    Reason.STARTING: Readiness.STARTING,
    Reason.WORKER: Readiness.STARTING,
}
"""The bot's state when it refuses calls for this reason; otherwise it is full."""


class BotStatus:
    """`refusal`: why a new call would be refused now; `calls`: how many there are. `endpoint`, `store`
    and `deliveries` are set once they are open; `measure` has the metrics say how other parts are."""

    def __init__(
        self,
        config: Config,
        workers: WorkerPool,
        metrics: Metrics,
        refusals: RefusalLog,
        shares: SourceShares,
        trunks: Trunks,
        refusal: Callable[[], Refusal | None],
        calls: Callable[[], int],
    ) -> None:
        self.endpoint: Endpoint | None = None
        self.store: RecordStore | None = None
        self.deliveries: Deliveries | None = None
        self.measure: Callable[[], None] = lambda: None
        self.watch = LoopWatch(metrics.event_loop_lag, metrics.event_loop_stall, lambda: not calls())
        self.most_calls = config.max_calls
        """At once."""
        self._max_calls = config.max_calls
        self._workers = workers
        self._metrics = metrics
        self._totals = Totals(metrics)
        self._refusals = refusals
        self._shares = shares
        self._trunks = trunks
        self._refusal = refusal
        self._calls = calls
        self._lasting: Snapshot = {}  # from workers that are gone

    def keep_metrics(self, worker: WorkerHandle) -> None:
        """A worker is gone: what it counted goes on counting."""
        self._lasting = merged((self._lasting, lasting(worker.metrics)))
        worker.metrics = {}

    def health(self) -> HealthStatus:
        """Whether the event loop runs, the SIP socket is open, and lost workers can be replaced. A hung worker alone
        does not count: it is replaced."""
        health = self.watch.health()
        why = self._workers.unrecoverable
        if not why and self.endpoint is not None and not self.endpoint.is_open:
            why = "the SIP socket is closed: restart the bot"
        return HealthStatus(False, why, health.loop_lag_s) if health.alive and why else health

    def ready(self) -> ReadyStatus:
        """Whether calls can come in: the answer that a caller without a share of their own would get now."""
        details: dict[str, int | float | str] = {
            "calls": self._calls(),
            "max_calls": min(self._max_calls, self.most_calls),
            "workers": self._workers.wanted,
            "workers_ready": self._workers.ready,
            **self._trunks.details(),
        }
        refusal = self._refusal()
        if refusal is None:
            return ReadyStatus(Readiness.READY, "", details)
        return ReadyStatus(_READINESS.get(refusal.reason, Readiness.FULL), refusal.why, details)

    async def metrics(self) -> bytes:
        """The Prometheus text: the sum of all workers, dead ones included."""
        await asyncio.gather(*(worker.update_metrics(REPLY_S) for worker in self._workers))
        if self.endpoint is not None and self.store is not None:
            self._totals.sip(self.endpoint.ua.counters)
            self._totals.records(self.store.counters)
        if self.deliveries is not None:
            for queue in self.deliveries.queues:
                self._totals.outbox(queue.name, queue.outcomes)
            for row in await self.deliveries.dump():
                waiting, size = row["waiting"], row["waiting_bytes"]
                self._metrics.outbox_waiting(row["receiver"], waiting, size, row["oldest_s"])
        for worker in self._workers:
            if (report := worker.load.latest) is not None:
                ready = worker.state is WorkerState.READY
                self._metrics.worker(worker.index, ready, report.calls, report.cpu, report.lag_s)
        self.measure()
        self._metrics.tasks(len(asyncio.all_tasks()))
        own = snapshot(self._metrics.registry)
        return render(merged((own, self._lasting, *(worker.metrics for worker in self._workers))))

    async def status(self) -> dict[str, object]:
        """The live state, for people: plain values."""
        ready, health, now = self.ready(), self.health(), asyncio.get_running_loop().time()
        seen = self.endpoint is not None and not isinstance(self.endpoint, RemoteEndpoint)
        sip: Mapping[str, object] = self.endpoint.ua.dump(now) if self.endpoint is not None and seen else {}
        return {
            "version": __version__,
            "state": str(ready.state),
            "why": ready.why or health.why,
            **ready.details,
            "refused": self._refusals.totals(),
            "sources": self._shares.dump(now),
            "trunks": self._trunks.dump(now),
            "outbox": await self.deliveries.dump() if self.deliveries is not None else [],
            "workers": await asyncio.gather(*(worker.status(REPLY_S) for worker in self._workers)),
            "sip": {name: part[:MAX_DUMPED] if isinstance(part, list) else part for name, part in sip.items()},
        }
