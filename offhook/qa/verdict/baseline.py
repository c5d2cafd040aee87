"""A run against an earlier one: what has become worse. Pure.

Theory of operation. Only what is alike is compared: the same scripts with the same seeds and samples, over the same
kind of line, from the same machine; anything else is refused, and not converted. A percentile takes as many values as
`distribution.LEAST_VALUES` says, in both runs: one that the baseline has and the run has not fails, for nobody should
take it for met. A figure is worse where it is beyond two bounds at once: a share of the baseline's, so that a slow
machine's milliseconds are no news, and an absolute floor, so that a fast one's are none either.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from offhook.qa.script.expect import MEASURES
from offhook.qa.verdict.distribution import LEAST_VALUES, percentiles
from offhook.qa.verdict.judge import Deviation

VERSION = 1
"""Of the file; a field that changes its meaning makes a new one."""

WORSE, NOT_MEASURED, NOT_COMPARABLE = "worse", "not_measured", "not_comparable"


class Tolerance(NamedTuple):
    """How far a figure may be off: in percent of the baseline's, and in its own unit; beyond both it is worse.
    `either_way`: below is as bad as above."""

    percent: float
    floor: float
    either_way: bool = False


BY_UNIT: Mapping[str, Tolerance] = {
    "ms": Tolerance(20.0, 30.0),
    "%": Tolerance(20.0, 0.5),
    "s": Tolerance(20.0, 1.0, either_way=True),
    "dBFS": Tolerance(0.0, 3.0, either_way=True),
    "ppm": Tolerance(20.0, 50.0),
}
"""Of a measure that has none of its own, by its unit: none is without a floor, for many are 0 where all is well."""
TOLERANCES: Mapping[str, Tolerance] = {
    "answer_ms": Tolerance(20.0, 50.0),
    "gap_ms": Tolerance(20.0, 10.0),
    "jitter_ms": Tolerance(20.0, 2.0),
}


def tolerance_of(measure: str, own: Mapping[str, Tolerance]) -> Tolerance:
    """What is allowed of a measure; `own` is the user's."""
    return own.get(measure) or TOLERANCES.get(measure) or BY_UNIT[MEASURES[measure].unit]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run was made on."""

    processor: str
    cores: int
    python: str


@dataclass(frozen=True, slots=True)
class ScriptFigures:
    """A script's runs. `line` is "sip" or "stream"; `clips` is empty as long as nothing was said."""

    script: str
    clips: str
    seed: int
    line: str
    runs: int = 0
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By the names of `expect.MEASURES`; of all runs together."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run's figures, by the scripts' names."""

    machine: Machine
    scripts: Mapping[str, ScriptFigures]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Any) -> "Baseline":
        """The inverse. ValueError for anything else."""
        version = data.get("version") if isinstance(data, Mapping) else None
        if version != VERSION:
            raise ValueError(f"it has version {version!r}, and this offhook writes {VERSION}")
        try:
            scripts = {str(name): _figures_from(each) for name, each in data["scripts"].items()}
            machine = data["machine"]
            return cls(Machine(str(machine["processor"]), int(machine["cores"]), str(machine["python"])), scripts)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"it is no baseline: {error!r}") from error


def _figures_from(data: Mapping[str, Any]) -> ScriptFigures:
    values = {str(name): tuple(map(float, each)) for name, each in data["values"].items()}
    if not all(math.isfinite(value) for each in values.values() for value in each):
        raise ValueError("a figure is no number")
    return ScriptFigures(
        str(data["script"]), str(data["clips"]), int(data["seed"]), str(data["line"]), int(data["runs"]), values
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found, and a line for each figure that was compared."""

    findings: tuple[Deviation, ...]
    lines: tuple[str, ...] = ()


def differences(baseline: Baseline, run: Baseline) -> list[str]:
    """Why the two cannot be compared; none: they can. What a run does not know yet (`clips`) is no difference."""
    found = [
        f"the machine's {name} is {now!r}, the baseline's {was!r}"
        for (name, was), now in zip(asdict(baseline.machine).items(), asdict(run.machine).values(), strict=True)
        if was != now
    ]
    found += [f"{name!r} is not in the baseline" for name in run.scripts if name not in baseline.scripts]
    for name, was in baseline.scripts.items():
        now = run.scripts.get(name)
        if now is None:
            found.append(f"{name!r} is in the baseline, and is not run")
            continue
        found += [f"{name!r} {each}" for each in _differs(was, now)]
    return found


def _differs(was: ScriptFigures, now: ScriptFigures) -> Iterator[str]:
    if was.seed != now.seed:
        yield f"has seed {now.seed}, and had {was.seed}"
    elif was.script != now.script:
        yield "is another script: its steps, its line or its settings of the call have changed"
    elif now.clips and was.clips != now.clips:
        yield "says something else: a voice or a recording of the caller has changed"
    if was.line != now.line:
        yield f"is called over {now.line}, and was called over {was.line}"


def compare(baseline: Baseline, run: Baseline, own: Mapping[str, Tolerance]) -> Comparison:
    """What has become worse. Runs that are not alike are compared in nothing."""
    if unlike := differences(baseline, run):
        what = "the run cannot be compared with the baseline"
        return Comparison(tuple(Deviation(NOT_COMPARABLE, what, each) for each in unlike))
    findings, lines = list[Deviation](), list[str]()
    for name, was in baseline.scripts.items():
        for measure in was.values:
            for found, line in _compare(name, measure, was, run.scripts[name], own):
                findings += [found] if found is not None else []
                lines.append(line)
    return Comparison(tuple(findings), tuple(lines))


def _compare(
    script: str, measure: str, was: ScriptFigures, now: ScriptFigures, own: Mapping[str, Tolerance]
) -> Iterator[tuple[Deviation | None, str]]:
    """One measure of one script, percentile by percentile: the finding, if it is one, and the line."""
    if measure not in MEASURES:
        yield _missing(script, measure, "this offhook does not measure it")
        return
    unit, values = MEASURES[measure].unit, now.values.get(measure, ())
    known = percentiles(values)
    for share, before in percentiles(was.values[measure]).items():
        about, after = f"{script}: {share} of {measure}", known.get(share)
        if after is None:
            least = LEAST_VALUES[int(share[1:])]
            yield _missing(script, f"{share} of {measure}", f"it takes {least} values, and there are {len(values)}")
            continue
        line = f"{about}: {before:.1f} {unit} before, {after:.1f} now"
        yield _worse(about, unit, before, after, tolerance_of(measure, own)), line


def _missing(script: str, figure: str, why: str) -> tuple[Deviation, str]:
    about = f"{script}: {figure}"
    what = f"{about} was not measured, and the baseline has it"
    return Deviation(NOT_MEASURED, what, why), f"{about}: not measured"


def _worse(about: str, unit: str, before: float, after: float, allowed: Tolerance) -> Deviation | None:
    off = abs(after - before) if allowed.either_way else after - before
    if off <= allowed.floor or off <= abs(before) * allowed.percent / 100:
        return None
    share = f" ({100 * off / abs(before):.0f} %)" if before else ""
    why = f"off by {off:.1f} {unit}{share}; {allowed.percent:g} % or {allowed.floor:g} {unit} are allowed"
    return Deviation(WORSE, f"{about} is {after:.1f} {unit}, and was {before:.1f}", why)
