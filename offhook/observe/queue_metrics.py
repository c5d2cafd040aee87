"""Metrics of queues and their agents. Queues are named by the settings."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_WAIT_BUCKETS_S = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0)


class QueueMetrics:
    """A part of `Metrics`."""

    registry: CollectorRegistry

    def _define_queues(self) -> None:
        reg, labels = self.registry, ["queue"]
        self._queue_waiting = Gauge(
            "offhook_queue_waiting", "Callers who wait on the line for an agent.", labels, registry=reg
        )
        self._queue_longest = Gauge(
            "offhook_queue_longest_wait_seconds", "How long the first of them has waited.", labels, registry=reg
        )
        self._queue_call_backs_waiting = Gauge(
            "offhook_queue_call_backs_waiting", "Callers who are still to be called back.", labels, registry=reg
        )
        self._queue_agents = Gauge(
            "offhook_queue_agents", "Agents of a queue, by what they do.", [*labels, "state"], registry=reg
        )
        self._queue_joined = Counter(
            "offhook_queue_joined",
            "Waits that began; call-backs wait once they are answered.",
            labels,
            registry=reg,
        )
        self._queue_ended = Counter("offhook_queue_ended", "Waits that ended, by how.", [*labels, "end"], registry=reg)
        self._queue_refused = Counter(
            "offhook_queue_refused",
            "Callers who could not wait, or be called back, by why.",
            [*labels, "reason"],
            registry=reg,
        )
        self._queue_call_backs = Counter(
            "offhook_queue_call_backs", "Steps of call-backs.", [*labels, "step"], registry=reg
        )
        self._queue_wait = Histogram(
            "offhook_queue_wait_seconds",
            "From the caller's place in a queue to the agent's answer.",
            labels,
            buckets=_WAIT_BUCKETS_S,
            registry=reg,
        )
        self._queue_in_time = Counter(
            "offhook_queue_answered_in_time",
            "Waits that an agent ended in `service_level_s`.",
            labels,
            registry=reg,
        )

    def queue_opened(self, queue: str, *, ends: Iterable[str], reasons: Iterable[str], steps: Iterable[str]) -> None:
        """Have all series of a queue there, at 0: rates need a value from before the first event."""
        for counter in (self._queue_joined, self._queue_in_time):
            counter.labels(queue)
        self._queue_wait.labels(queue)
        for counter, values in (
            (self._queue_ended, ends),
            (self._queue_refused, reasons),
            (self._queue_call_backs, steps),
        ):
            for value in values:
                counter.labels(queue, value)

    def queue_joined(self, queue: str) -> None:
        """A wait began."""
        self._queue_joined.labels(queue).inc()

    def queue_answered(self, queue: str, waited_s: float, *, in_time: bool) -> None:
        """An agent has ended a wait."""
        self._queue_ended.labels(queue, "answered").inc()
        self._queue_wait.labels(queue).observe(waited_s)
        if in_time:
            self._queue_in_time.labels(queue).inc()

    def queue_left(self, queue: str, end: str) -> None:
        """A wait ended without an agent."""
        self._queue_ended.labels(queue, end).inc()

    def queue_refused(self, queue: str, reason: str) -> None:
        """A caller does not wait, or is not called back."""
        self._queue_refused.labels(queue, reason).inc()

    def queue_call_back(self, queue: str, step: str) -> None:
        """A step of a call-back."""
        self._queue_call_backs.labels(queue, step).inc()

    def queue_now(
        self, queue: str, *, waiting: int, longest_s: float, call_backs: int, agents: Mapping[str, int]
    ) -> None:
        """How a queue is now; `agents` are counted by what they do, all states among them."""
        self._queue_waiting.labels(queue).set(waiting)
        self._queue_longest.labels(queue).set(longest_s)
        self._queue_call_backs_waiting.labels(queue).set(call_backs)
        for state, count in agents.items():
            self._queue_agents.labels(queue, state).set(count)
