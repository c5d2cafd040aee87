"""Copies the counters of other parts into the metrics."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from offhook.observe.metrics import Metrics
from offhook.pipeline.chain.breaker import BreakerState
from offhook.pipeline.chain.member import Member
from offhook.records.writer import WriterCounters
from offhook.sip.counters import Counters
from offhook.telephony.net.clock import ClockCounters

LATE_MS = 5.0
"""A packet sent later than this is late; less is within the network's own jitter."""


@dataclass(frozen=True, slots=True)
class MediaTicks:
    """Packets due so far; `late` ones were more than `LATE_MS` late, or dropped for that."""

    all: int
    late: int


def media_ticks(counters: ClockCounters) -> MediaTicks:
    """The ticks in the media clock's counters."""
    in_time = bisect_right(counters.late_ms_bounds, LATE_MS)
    late = counters.skipped + sum(counters.late_ms_histogram[in_time:])
    return MediaTicks(counters.ticks + counters.skipped, late)


class Totals:
    """Adds the increase of other parts' plain totals, whenever the metrics are read."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._seen_amounts: dict[tuple[str, ...], float] = {}

    def sip(self, counters: Counters) -> None:
        """Add the signalling's counters."""
        metrics = self._metrics
        metrics.sip_messages("received", self._new(counters.received, "received"))
        metrics.sip_messages("sent", self._new(counters.sent, "sent"))
        metrics.sip_malformed(self._new(counters.parse_errors, "malformed"))
        metrics.sip_unread(self._new(counters.dropped_by_reason["unread"], "unread"))
        for status, total in counters.rejected_by_status.items():
            metrics.sip_refused(status, self._new(total, "refused", str(status)))

    def records(self, counters: WriterCounters) -> None:
        """Add the records' counters."""
        self._metrics.record_errors(self._new(counters.errors, "errors"))
        self._metrics.records_dropped(self._new(counters.dropped, "dropped"))

    def outbox(self, receiver: str, outcomes: Mapping[str, int]) -> None:
        """Add what became of a receiver's events."""
        for outcome, total in outcomes.items():
            self._metrics.outbox(receiver, outcome, self._new(total, "outbox", receiver, outcome))

    def media(self, counters: ClockCounters) -> None:
        """Add the media clock's counters."""
        ticks = media_ticks(counters)
        self._metrics.media_ticks(self._new(ticks.all, "ticks"), self._new(ticks.late, "late ticks"))

    def restarts(self, by_engine: dict[str, int]) -> None:
        """Add the engines' restarts."""
        for engine, total in by_engine.items():
            self._metrics.engine_restart(engine, self._new(total, "restarts", engine))

    def engines(self, members: Iterable[Member[Any]], now: float) -> None:
        """Add what engines have done, and the state of their circuit breakers."""
        metrics = self._metrics
        for each in members:
            part, name = each.part, each.name
            for outcome, total in each.outcomes.items():
                metrics.engine_uses(part, name, outcome, self._new(total, "uses", part, name, outcome))
            spent = each.total
            metrics.engine_spent(
                part,
                name,
                audio_s=self._grown(spent.audio_s, "audio", part, name),
                characters=self._new(spent.characters, "characters", part, name),
                cost=self._grown(spent.cost, "cost", part, name),
            )
            metrics.engine_open(part, name, each.breaker.state(now) is not BreakerState.CLOSED)

    def _new(self, total: int, *name: str) -> int:
        fresh = total - self._seen[name]
        self._seen[name] = total
        return fresh

    def _grown(self, total: float, *name: str) -> float:
        fresh = total - self._seen_amounts.get(name, 0.0)
        self._seen_amounts[name] = total
        return max(0.0, fresh)
