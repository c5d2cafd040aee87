"""The figures of `bench.stalls`, as rows of a table."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.table import table
from offhook.records.cdr import percentile

HEADINGS = ("part", "vendor", "fault", "n", "p50 s", "p95 s", "longest s", "incomplete")
PARTS = ("recogniser", "voice")


class Row(NamedTuple):
    """A vendor's fault: the silence that each round added, in seconds, and how many lost words."""

    part: str
    vendor: str
    fault: str
    added_s: list[float]
    incomplete: int

    def shown(self) -> dict[str, str]:
        """What a table has of it."""
        figures = [f"{percentile(self.added_s, each) or 0.0:.2f}" for each in (50, 95)]
        cells = (self.part, self.vendor, self.fault, len(self.added_s), *figures, f"{max(self.added_s):.2f}")
        return dict(zip(HEADINGS, map(str, (*cells, self.incomplete)), strict=True))


def sums(report: Mapping[str, Any]) -> list[Row]:
    """A row over all of each part."""
    rows = [Row(**each) for each in report.values()]
    found = []
    for part in PARTS:
        own = [row for row in rows if row.part == part]
        if own:
            added = [each for row in own for each in row.added_s]
            vendors = f"{len({row.vendor for row in own})} vendors"
            faults = f"{len({row.fault for row in own})} faults"
            found.append(Row(part, vendors, faults, added, sum(row.incomplete for row in own)))
    return found


def summary(report: Mapping[str, Any]) -> str:
    """For docs/benchmarks.md."""
    return table(HEADINGS, [list(row.shown().values()) for row in sums(report)])
