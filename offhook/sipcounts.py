"""What the user agent counted, carried over to the metrics."""

from collections import Counter

from offhook.metrics import Metrics
from sip.counters import Counters


class SipCounts:
    """The user agent keeps plain totals; `report` adds what is new of them, whenever the metrics are asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._malformed = 0
        self._refused: Counter[int] = Counter()

    def report(self, counters: Counters) -> None:
        """Bring the metrics up to date."""
        self._metrics.sip_malformed(counters.parse_errors - self._malformed)
        self._malformed = counters.parse_errors
        for status, total in counters.rejected_by_status.items():
            self._metrics.sip_refused(status, total - self._refused[status])
            self._refused[status] = total
