"""A load in words: the line while it runs, the report at the end, and results for CI and programs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from offhook.qa.load.distribution import PERCENTS, Distribution
from offhook.qa.load.tally import MEASURES, OWN, OWN_OF_CALL, FailureKind, Tally
from offhook.qa.result import Result, as_json, finding_lines
from offhook.qa.script.script import Script
from offhook.qa.verdict.judge import Deviation
from offhook.usererror import plain

NO_CALL = Deviation("no_call", "no call was completed", "it was stopped before, or no call was to begin")


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A load that is over: `whole` has all calls, `by_script` those of each script. `most_at_once` ran at the same
    time, `held_back` arrivals waited for room; `stopped` calls were ended because the load was (`was_stopped`)."""

    scripts: Sequence[Script]
    whole: Tally
    by_script: Sequence[Tally]
    seconds: float
    most_at_once: int
    held_back: int = 0
    stopped: int = 0
    was_stopped: bool = False

    @property
    def findings(self) -> list[Deviation]:
        """What is wrong with the load as a whole, beside its calls."""
        busy = self.whole.too_busy()
        return [each for each in (busy, None if self.whole.calls else NO_CALL) if each is not None]

    @property
    def passed(self) -> bool:
        """The verdict: every call has passed, and could be measured."""
        return not self.whole.failed and not self.findings

    def results(self) -> list[Result]:
        """One for each script, and one for the load as a whole."""
        found = [
            _of_script(script, tally, self.seconds)
            for script, tally in zip(self.scripts, self.by_script, strict=True)
            if tally.calls
        ]
        return [*found, Result("the load", "", self.seconds, tuple(self.findings), self._counts)]

    def to_dict(self) -> dict[str, Any]:
        """What `offhook qa run` has, of `results`; and all calls together in `load`."""
        whole = self.whole.to_dict()
        del whole["failures"]  # each script has its own
        return as_json(self.results()) | {"load": {"seconds": round(self.seconds, 3), **self._counts, **whole}}

    @property
    def _counts(self) -> dict[str, int]:
        return {"most_at_once": self.most_at_once, "held_back": self.held_back, "stopped": self.stopped}

    def text(self) -> str:
        """Lines for a terminal."""
        whole = self.whole
        rate = whole.calls / self.seconds if self.seconds else 0.0
        lines = [
            f"{whole.calls} calls in {self.seconds:.1f} s ({rate:.2f} a second), at most {self.most_at_once} at once",
            "",
            *table(whole),
            "",
        ]
        if self.held_back:
            lines.append(f"{self.held_back} arrivals waited for room (--at-once): the far end got fewer than the rate")
        if self.stopped:
            lines.append(f"{self.stopped} calls were ended because the load was stopped; they are not judged")
        for kind in whole.worst_first:
            lines += _kind(kind, whole.calls)
        for finding in self.findings:
            lines += [f"FAILED  {finding.what}", f"      why: {finding.why}"]
        verdict = ", the load failed" if self.findings else ""
        lines.append(f"{whole.passed} passed, {whole.failed} failed{verdict}")
        return "\n".join(plain(each) for each in lines)


def table(tally: Tally) -> list[str]:
    """The distributions, a line each: those that were measured."""
    heads = ["count", *(f"p{percent}" for percent in PERCENTS), "max"]
    lines = [f"{'':16}" + "".join(f"{head:>10}" for head in heads)]
    for name in (*MEASURES, OWN, OWN_OF_CALL):
        values = tally.measures[name].to_dict()
        if values["count"]:
            cells = [f"{values['count']:>10}", *(_cell(values[head]) for head in heads[1:])]
            lines.append(f"{name:16}" + "".join(cells))
    return lines


def progress_line(tally: Tally, running: int, elapsed_s: float, late_ms: npt.ArrayLike) -> str:
    """What there is so far; `late_ms`: how late our own packets have left lately, shape (packets,)."""
    own = Distribution()
    own.add(late_ms)
    rate = tally.calls / elapsed_s if elapsed_s else 0.0
    response = tally.measures["response_ms"]
    return (
        f"{elapsed_s:5.0f} s  running {running}  done {tally.calls}  failed {tally.failed}  {rate:.1f} calls/s  "
        f"response p50 {_short(response.percentile(50))} p95 {_short(response.percentile(95))} ms  "
        f"own packets late p99 {_short(own.percentile(99), 1)} ms"
    )


def _of_script(script: Script, tally: Tally, seconds: float) -> Result:
    findings = tuple(
        replace(each.finding, what=f"{each.calls} of {tally.calls} calls: {each.finding.what}")
        for each in tally.worst_first
    )
    details: Mapping[str, Any] = {"load": tally.to_dict()}
    return Result(script.name, script.where, seconds, findings, details)


def _kind(kind: FailureKind, calls: int) -> list[str]:
    first = kind.first
    return [
        f"FAILED  {kind.kind}: {kind.calls} of {calls} calls; the first, {first.name}:",
        *finding_lines(kind.finding, first.where),
        *(f"    {note}" for note in first.notes),
    ]


def _cell(value: float | None) -> str:
    return f"{'-' if value is None else format(value, '.2f' if value < 100 else '.0f'):>10}"


def _short(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
