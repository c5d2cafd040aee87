"""Two checkouts beside each other: each bot on the same core at the same time, so that both suffer the same noise.

CPU time on a shared machine differs by a tenth and more from one run to the next, which hides a change of three
percent. Two bots in the same seconds share caches and neighbours: the ratio of their figures is steadier than either.
Their order alternates, and the median over several pairs counts.
"""

import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.figures import SILENCE_MS, Figures
from bench.runs import ROOT, Bot, Callers, Run, call, figures_of
from bench.table import line

MEDIA_PORTS = ("10000-13999", "14000-17999")
COMPARED = (
    "response_p50_ms",
    "response_p95_ms",
    "barge_in_p50_ms",
    "barge_in_p95_ms",
    "pacing_p99_ms",
    "greeting_p99_ms",
    "mcores_per_call",
    "kib_per_call",
)
WRONG = ("failed", "no_reply", "gaps", "lost")


def pairs(callers: Callers, run: Run, before: Path, times: int) -> list[tuple[Figures, Figures]]:
    """Measure the checkout `before` and this one `times` times, each time both at once."""
    measured = []
    for turn in range(times):
        swapped = bool(turn % 2)
        first, second = _at_once(callers, run, (ROOT, before) if swapped else (before, ROOT))
        measured.append((second, first) if swapped else (first, second))
    return measured


def _at_once(callers: Callers, run: Run, trees: tuple[Path, Path]) -> tuple[Figures, Figures]:
    with ExitStack() as ends, ThreadPoolExecutor(len(trees)) as threads:
        bots = []
        for tree, ports in zip(trees, MEDIA_PORTS, strict=True):
            directory = ends.enter_context(tempfile.TemporaryDirectory())
            bots.append(ends.enter_context(Bot(run, directory, tree=tree, media_ports=ports)))
        results: list[dict[str, Any]] = list(threads.map(lambda bot: call(callers, run, bot), bots))
    first, second = (figures_of(run, result) for result in results)
    return first, second


def table(measured: list[tuple[Figures, Figures]]) -> list[str]:
    """Markdown: the medians of both, and the median of the pairs' ratios with its range."""
    lines = [line(["", "before", "after", "after / before", "range"]), "|---|---|---|---|---|"]
    for name in COMPARED:
        values = [(_figure(before, name), _figure(after, name)) for before, after in measured]
        known = [(before, after) for before, after in values if before is not None and after is not None]
        if not known:
            continue
        ratios = sorted(after / before for before, after in known)
        medians = [f"{statistics.median(column):.3g}" for column in zip(*known, strict=True)]
        lines.append(line([name, *medians, f"{statistics.median(ratios):.3f}", f"{ratios[0]:.3f} to {ratios[-1]:.3f}"]))
    for name in WRONG:
        before, after = (sum(getattr(pair[side], name) for pair in measured) for side in (0, 1))
        lines.append(line([name, str(before), str(after), "", ""]))
    return lines


def _figure(figures: Figures, name: str) -> float | None:
    """Responses count from the end of speech here: over the silence alone, a packet more would be a ratio of three."""
    value: float | None = getattr(figures, name)
    return value + SILENCE_MS if value is not None and name.startswith("response") else value
