"""The coverage of a run, for people, programs and CI."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from offhook.pipeline.dialog.flow import Flow
from offhook.qa.coverage.hints import ways_to
from offhook.qa.coverage.walked import Coverage, Edge, Entered, coverage_of, walk_of
from offhook.qa.result import Result
from offhook.qa.script.reading import is_script
from offhook.qa.verdict.judge import Deviation
from offhook.settings.flow_file import load_flow
from offhook.usererror import UserError

SHOWN = 100
"""So many of what was not walked are printed; the JSON has all."""


def flow_of(bot: Path | None) -> Flow:
    """The flow of `--bot`, whose coverage is asked for. Raises UserError."""
    if bot is None or not is_script(bot):
        why = "it is measured on the flow that --bot starts" if bot is None else f"{bot} is no flow (YAML)"
        raise UserError("there is no flow to cover", why, "--bot flow.yaml", "--coverage")
    return load_flow(bot)


def covered(flow: Flow, where: str, results: Iterable[Result], at_least: float | None) -> Result:
    """The coverage of all calls of a run as a result of its own, which fails below `at_least` percent."""
    found = coverage_of(flow, [walk for each in results for walk in walks_of(each)])
    findings = []
    if at_least is not None and found.percent < at_least:
        what = f"the calls walk {found.percent:.1f} % of the flow, {at_least:g} % were expected"
        findings.append(Deviation("coverage", what, summary(found)))
    details = {"coverage": as_dict(found)}
    return Result(f"coverage of {where}", where, 0.0, tuple(findings), details, tuple(lines(found)))


def walks_of(result: Result) -> Iterator[Sequence[Entered]]:
    """The walks of a script's or a scenario's calls."""
    record = result.details.get("call", {}).get("record")
    if record is not None:
        yield walk_of(record)
    for each in result.details.get("calls", ()):
        yield [Entered(*entered) for entered in each.get("steps", ())]


def summary(coverage: Coverage) -> str:
    """One line."""
    return (
        f"{coverage.steps_walked} of {len(coverage.steps)} steps, "
        f"{coverage.edges_walked} of {len(coverage.edges)} edges ({coverage.percent:.1f} %)"
    )


def lines(coverage: Coverage) -> list[str]:
    """For a terminal: what was walked in numbers, and what was not by name, with what would walk it."""
    ways = ways_to(coverage.flow)
    missing = [
        (str(each), "; then ".join(ways[each])) if isinstance(each, Edge) else (f"step {each}", "")
        for each in coverage.missing
    ]
    if not missing:
        return [f"walked: {summary(coverage)}"]
    width = max(len(what) for what, _ in missing[:SHOWN])
    found = [f"walked: {summary(coverage)}", "not walked:"]
    found += [f"  {what:<{width}}  {way}".rstrip() for what, way in missing[:SHOWN]]
    return [*found, f"  … and {len(missing) - SHOWN} more"] if len(missing) > SHOWN else found


def as_dict(coverage: Coverage) -> Mapping[str, Any]:
    """Plain values."""
    ways = ways_to(coverage.flow)
    return {
        "flow": coverage.flow.name,
        "percent": round(coverage.percent, 2),
        "steps": dict(coverage.steps),
        "edges": [
            {"step": edge.step, "by": edge.by, "to": edge.to, "walked": count, "way": ways[edge]}
            for edge, count in coverage.edges.items()
        ],
    }
