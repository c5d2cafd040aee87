"""The reports as tables and pictures in the documentation."""

import os
import platform
import re
from datetime import date
from pathlib import Path
from typing import Any

from bench import plots, stalls_report
from bench.figures import RESPONSE_RATIO, Figures, of_sip, of_twilio
from bench.hearing import report as hearing
from bench.runs import OTHER_BACKEND, OWN, REPORTS, ROOT, saved
from bench.table import HEADINGS, row, table

BENCH = REPORTS / "bench.json"
SWEEP = REPORTS / "sweep.json"
LOSS = REPORTS / "loss.json"
HEARING = REPORTS / "hearing.json"
SUPPRESSION = REPORTS / "suppression.json"
STALLS = REPORTS / "stalls.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BACKENDS_PAGE = ROOT / "docs" / "backends.md"
CAPACITY_PICTURE = ROOT / "docs" / "capacity.png"
LOSS_PICTURE = ROOT / "docs" / "loss.png"
HEARING_PICTURE = ROOT / "docs" / "hearing.png"

GOALS = ("figure", "to reach", "SIP", "Twilio")


def sweep_of(report: dict[str, Any]) -> dict[str, list[Figures]]:
    """The sweep's runs by protocol, in the order of their calls."""
    runs: dict[str, list[Figures]] = {}
    for protocol, read in (("SIP", of_sip), ("Twilio", of_twilio)):
        mine = [read(result) for name, result in report.items() if name.startswith(protocol) and "error" not in result]
        if mine:
            runs[protocol] = sorted(mine, key=lambda one: one.calls)
    return runs


def capacity(runs: list[Figures]) -> int:
    """The most calls that were carried, if all smaller numbers were, too; 0 for none."""
    one_call = next((one for one in runs if one.calls == 1), None)
    most = 0
    for one in runs:
        if not one.holds(one_call):
            break
        most = one.calls
    return most


def backends_of(report: dict[str, Any]) -> list[list[str]]:
    """The rows of the other SIP backend and, with the same numbers of calls, of our own."""
    measured = {name: of_sip(result) for name, result in report.items() if "error" not in result}
    rows = []
    for calls in sorted(one.calls for name, one in measured.items() if name.startswith(f"{OTHER_BACKEND}, ")):
        names = {OWN: f"SIP, {calls} calls", OTHER_BACKEND: f"{OTHER_BACKEND}, {calls} calls"}
        rows += [row(backend, measured[name]) for backend, name in names.items() if name in measured]
    return rows


def goals(sweep: dict[str, list[Figures]]) -> str:
    """The project's targets beside the measured figures."""
    # CPU, memory and latency are taken at the most calls that were carried: under full load.
    at = {protocol: _carried(runs) for protocol, runs in sweep.items()}

    def each(text: Any) -> list[str]:
        return [text(at[protocol]) if at.get(protocol) is not None else "-" for protocol in ("SIP", "Twilio")]

    ratio = f"response p95 within {RESPONSE_RATIO} × of one call's"
    rows = [
        [f"calls on a core: pacing p99 ≤ 5 ms, no loss, {ratio}", "≥ 300 / ≥ 150"]
        + [str(capacity(sweep[protocol])) if protocol in sweep else "-" for protocol in ("SIP", "Twilio")],
        ["the following at so many calls", "", *each(lambda one: str(one.calls))],
        ["CPU a call, milli-cores", "≤ 2.5 / ≤ 5", *each(lambda one: _shown(one.mcores_per_call, 2))],
        ["memory a call, KiB", "≤ 1024", *each(lambda one: _shown(one.kib_per_call))],
        [
            "response over the silence, p50 / p95 ms",
            "≤ 20 / ≤ 40",
            *each(lambda one: f"{_shown(one.response_p50_ms)} / {_shown(one.response_p95_ms)}"),
        ],
        [
            "barge-in, p50 / p95 ms",
            "≤ 110 / ≤ 160",
            *each(lambda one: f"{_shown(one.barge_in_p50_ms)} / {_shown(one.barge_in_p95_ms)}"),
        ],
        ["ACK to the first voiced packet, p99 ms", "≤ 100", *each(lambda one: _shown(one.greeting_p99_ms))],
    ]
    return table(GOALS, rows)


def _carried(runs: list[Figures]) -> Figures:
    most = capacity(runs)
    return next((one for one in runs if one.calls == most), runs[0])


def _shown(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def loss_points(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of the curves at each measured point."""
    points = []
    for point in report.values():
        if "error" in point:
            continue
        times = of_sip(point["times"])
        points.append(
            {
                "loss_percent": point["loss_percent"],
                "burst_packets": point["burst_packets"],
                "right_percent": None if point["right"] is None else 100 * point["right"],
                "turns": point["words"]["conversation"]["turns"],
                "response_p50_ms": times.response_p50_ms,
                "response_p95_ms": times.response_p95_ms,
                "barge_in_p50_ms": times.barge_in_p50_ms,
                "barge_in_p95_ms": times.barge_in_p95_ms,
                "no_reply": times.no_reply,
            }
        )
    return sorted(points, key=lambda one: (one["burst_packets"], one["loss_percent"]))


def loss_table(points: list[dict[str, Any]]) -> str:
    """The curves as numbers."""
    headings = ("loss", "turns understood", "response over silence, p50 / p95 ms", "barge-in, p50 / p95 ms", "no reply")
    rows = []
    for one in points:
        burst = f", bursts of {one['burst_packets']:g}" if one["burst_packets"] and one["loss_percent"] else ""
        rows.append(
            [
                f"{one['loss_percent']:g} %{burst}",
                f"{_shown(one['right_percent'])} % of {one['turns']}",
                f"{_shown(one['response_p50_ms'])} / {_shown(one['response_p95_ms'])}",
                f"{_shown(one['barge_in_p50_ms'])} / {_shown(one['barge_in_p95_ms'])}",
                str(one["no_reply"]),
            ]
        )
    return table(headings, rows)


def with_section(page: str, name: str, content: str) -> str:
    """The page with the content between the marks of `name` replaced. ValueError without marks."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(start) + r".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no section {name}: it lacks the line {start}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", page)


def machine() -> str:
    """The date, and the machine of the measurement."""
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}."
    )


def write(page_path: Path = PAGE, backends_path: Path = BACKENDS_PAGE) -> list[Path]:
    """Write all existing reports into the documentation. Returns the written files."""
    page = page_path.read_text()
    written = [page_path]
    if bench := saved(BENCH):
        rows = [row(name, of_sip(result)) for name, result in bench.items() if "error" not in result]
        page = with_section(page, "runs", f"{machine()}\n\n{table(HEADINGS, rows)}")
    if sweep := sweep_of(saved(SWEEP)):
        plots.capacity(sweep, CAPACITY_PICTURE)
        written.append(CAPACITY_PICTURE)
        rows = [row(f"{one.protocol}", one) for runs in sweep.values() for one in runs]
        picture = f"![Pacing, response and CPU against calls]({CAPACITY_PICTURE.name})"
        page = with_section(page, "capacity", f"{machine()}\n\n{goals(sweep)}\n\n{picture}\n\n{table(HEADINGS, rows)}")
    if beside := backends_of(saved(SWEEP)):
        other = with_section(backends_path.read_text(), "backends", f"{machine()}\n\n{table(HEADINGS, beside)}")
        backends_path.write_text(other)
        written.append(backends_path)
    if points := loss_points(saved(LOSS)):
        plots.loss(points, LOSS_PICTURE)
        written.append(LOSS_PICTURE)
        picture = f"![Understanding, response and barge-in against loss]({LOSS_PICTURE.name})"
        page = with_section(page, "loss", f"{machine()}\n\n{picture}\n\n{loss_table(points)}")
    if heard := saved(HEARING):
        plots.hearing(
            {metric: hearing.curves(heard, metric) for metric in ("closed", "taken", "words")}, HEARING_PICTURE
        )
        written.append(HEARING_PICTURE)
        picture = f"![Closed questions, false accepts and word error by line]({HEARING_PICTURE.name})"
        page = with_section(page, "hearing", f"{machine()}\n\n{picture}\n\n{hearing.section(heard)}")
    if suppressed := saved(SUPPRESSION):
        page = with_section(page, "suppression", f"{machine()}\n\n{hearing.suppression(suppressed)}")
    if stalled := saved(STALLS):
        page = with_section(page, "stalls", f"{machine()}\n\n{stalls_report.summary(stalled)}")
    page_path.write_text(page)
    return written
