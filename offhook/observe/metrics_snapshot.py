"""Metrics of several processes as one: plain values that travel, are added up, and are rendered as Prometheus text."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Labels = tuple[tuple[str, str], ...]

_SUMMED = ("counter", "histogram")
"""What only ever grows, and is therefore kept when its process is gone."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: `samples` by the sample's name and its labels."""

    kind: str
    help: str
    samples: dict[tuple[str, Labels], float]


Snapshot = dict[str, Family]
"""Families by name."""


def snapshot(collector: Collector) -> Snapshot:
    """What a registry has now."""
    return {
        metric.name: Family(
            metric.type,
            metric.documentation,
            {
                (sample.name, tuple(sample.labels.items())): sample.value
                for sample in metric.samples
                if not sample.name.endswith("_created")  # a date: of several processes there is no sum
            },
        )
        for metric in collector.collect()
    }


def lasting(taken: Snapshot) -> Snapshot:
    """What counts beyond the end of its process: a counter that goes back would be read as a restart of the whole."""
    return {name: family for name, family in taken.items() if family.kind in _SUMMED}


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sums. What a metric is (kind, help) is what the first one says."""
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
