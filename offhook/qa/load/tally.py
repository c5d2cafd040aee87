"""What the calls of a load come to: figures in distributions, failures by kind. Pure.

Memory depends on how many kinds of failures there are, not on how many calls: of each kind the first is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offhook.qa.load.distribution import Distribution
from offhook.qa.result import Result
from offhook.qa.verdict.distribution import percentile
from offhook.qa.verdict.judge import Deviation

MEASURES = ("answer_ms", "first_sound_ms", "response_ms", "barge_in_ms", "gap_ms", "jitter_ms", "loss_percent")
"""Of those in `expect`, what is shown of a load."""

OWN = "own_late_ms"
"""How late each of our own packets left."""

OWN_OF_CALL = "own_late_p99_ms"
"""The same: a percentile for each call."""

MOST_LATE_MS = 5.0
"""Beyond this, as the 99th percentile of all packets, the figures say more about this machine than about the bot."""

TOO_BUSY = "machine_too_busy"
"""The kind of finding of a load whose own machine was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call: its result, its figures by `MEASURES`, and how late its packets left (shape (packets,), ms)."""

    result: Result
    figures: Mapping[str, Sequence[float]] = field(default_factory=dict)
    late_ms: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(slots=True)
class FailureKind:
    """The failures of one kind: how many calls have it, the first one's finding and whole result."""

    kind: str
    finding: Deviation
    first: Result
    calls: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "calls": self.calls, "first": self.first.to_dict()}


class Tally:
    """Takes the outcome of each call: of all scripts of a load, or of one."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.kinds: dict[str, FailureKind] = {}
        self.measures = {name: Distribution() for name in (*MEASURES, OWN, OWN_OF_CALL)}

    def news(self, result: Result) -> list[str]:
        """The kinds of failures that it would be the first to have."""
        return [kind for kind in dict.fromkeys(each.kind for each in result.findings) if kind not in self.kinds]

    def add(self, outcome: Outcome) -> None:
        """One call is over."""
        result = outcome.result
        self.passed += result.passed
        self.failed += not result.passed
        for kind in dict.fromkeys(each.kind for each in result.findings):
            if kind in self.kinds:
                self.kinds[kind].calls += 1
            else:
                finding = next(each for each in result.findings if each.kind == kind)
                self.kinds[kind] = FailureKind(kind, finding, result)
        for name, values in outcome.figures.items():
            self.measures[name].add(values)
        if len(outcome.late_ms):
            self.measures[OWN].add(outcome.late_ms)
            self.measures[OWN_OF_CALL].add([percentile(outcome.late_ms, 99)])

    @property
    def calls(self) -> int:
        """All that are over."""
        return self.passed + self.failed

    @property
    def worst_first(self) -> list[FailureKind]:
        """The kinds, the most frequent first."""
        return sorted(self.kinds.values(), key=lambda each: -each.calls)

    def too_busy(self) -> Deviation | None:
        """The finding of a machine that was too busy to measure."""
        late_ms = self.measures[OWN].percentile(99)
        if late_ms is None or late_ms <= MOST_LATE_MS:
            return None
        what = "this machine was too busy to measure"
        why = f"one in a hundred of our own packets left {late_ms:.1f} ms late or more; {MOST_LATE_MS:g} ms are allowed"
        return Deviation(TOO_BUSY, what, f"{why}: fewer calls at once, or nothing else beside them")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "calls": self.calls,
            "passed": self.passed,
            "failed": self.failed,
            "measures": {name: each.to_dict() for name, each in self.measures.items()},
            "failures": [each.to_dict() for each in self.worst_first],
        }
