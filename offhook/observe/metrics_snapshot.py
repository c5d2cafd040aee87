"""Merges the metrics of several processes: plain values, added up and rendered as Prometheus text."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Labels = tuple[tuple[str, str], ...]

_SUMMED = ("counter", "histogram")
"""Kinds that only grow, and are kept when their process is gone."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: `samples` by the sample's name and its labels."""

    kind: str
    help: str
    samples: dict[tuple[str, Labels], float]


Snapshot = dict[str, Family]
"""Families by name."""


def snapshot(collector: Collector) -> Snapshot:
    """The current values of a registry."""
    return {
        metric.name: Family(
            metric.type,
            metric.documentation,
            {
                (sample.name, tuple(sample.labels.items())): sample.value
                for sample in metric.samples
                if not sample.name.endswith("_created")  # a date, which has no sum
            },
        )
        for metric in collector.collect()
    }


def lasting(taken: Snapshot) -> Snapshot:
    """The values to keep when a process ends: a counter that drops would look like a restart of the bot."""
    return {name: family for name, family in taken.items() if family.kind in _SUMMED}


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sums; kind and help come from the first one."""
    whole: Snapshot = {}
    for one in snapshots:
        for name, family in one.items():
            into = whole.setdefault(name, Family(family.kind, family.help, {})).samples
            for key, value in family.samples.items():
                into[key] = into.get(key, 0.0) + value
    return whole


def render(taken: Snapshot) -> bytes:
    """The Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Fixed(taken))
    return generate_latest(registry)


class _Fixed(Collector):
    def __init__(self, taken: Snapshot) -> None:
        self._taken = taken

    def collect(self) -> Iterable[Metric]:
        for name, family in self._taken.items():
            metric = Metric(name, family.help, family.kind)
            for (sample, labels), value in family.samples.items():
                metric.add_sample(sample, dict(labels), value)
            yield metric
