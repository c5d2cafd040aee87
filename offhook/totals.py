"""What other parts have counted, carried over to the metrics."""

from collections import Counter

from offhook.metrics import Metrics
from offhook.records.writer import WriterCounters
from sip.counters import Counters


class Totals:
    """The other parts keep plain totals; `report` adds what is new of them, whenever the metrics are asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: Counter[tuple[str, ...]] = Counter()

    def report(self, sip: Counters, records: WriterCounters, restarts: dict[str, int]) -> None:
        """Bring the metrics up to date."""
        metrics = self._metrics
        metrics.sip_messages("received", self._new(sip.received, "received"))
        metrics.sip_messages("sent", self._new(sip.sent, "sent"))
        metrics.sip_malformed(self._new(sip.parse_errors, "malformed"))
        for status, total in sip.rejected_by_status.items():
            metrics.sip_refused(status, self._new(total, "refused", str(status)))
        metrics.record_errors(self._new(records.errors, "errors"))
        metrics.records_dropped(self._new(records.dropped, "dropped"))
        for engine, total in restarts.items():
            metrics.engine_restart(engine, self._new(total, "restarts", engine))

    def _new(self, total: int, *name: str) -> int:
        fresh = total - self._seen[name]
        self._seen[name] = total
        return fresh
