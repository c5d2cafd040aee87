"""Figures as a Markdown table, also for the terminal."""

from collections.abc import Iterable, Sequence

from bench.figures import Figures

HEADINGS = (
    "run",
    "calls",
    "response over silence, p50 / p95 ms",
    "barge-in, p50 / p95 ms",
    "pacing p99 ms",
    "gaps",
    "lost",
    "failed, no reply",
    "first word p99 ms",
    "mc a call",
    "KiB a call",
    "caller late p99 ms, CPU %",
    "at its limit",
    "machine stood still: times, longest ms",
)


def row(name: str, figures: Figures) -> list[str]:
    """One run."""
    return [
        name,
        str(figures.calls),
        f"{_text(figures.response_p50_ms, signed=True)} / {_text(figures.response_p95_ms, signed=True)}",
        f"{_text(figures.barge_in_p50_ms)} / {_text(figures.barge_in_p95_ms)}",
        _text(figures.pacing_p99_ms, 2),
        str(figures.gaps),
        str(figures.lost + figures.jumps),
        f"{figures.failed}, {figures.no_reply}",
        _text(figures.greeting_p99_ms),
        _text(figures.mcores_per_call, 1),
        _text(figures.kib_per_call),
        f"{_text(figures.caller_late_p99_ms, 1)}, {_text(figures.caller_cpu_percent)}",
        figures.bottleneck,
        _stood_still(figures.stood_still_ms),
    ]


def line(cells: Iterable[str]) -> str:
    """A row of Markdown."""
    return "| " + " | ".join(cells) + " |"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A whole table."""
    return "\n".join([line(headings), "|" + "---|" * len(headings), *map(line, rows)])


def _stood_still(moments_ms: tuple[float, ...] | None) -> str:
    if moments_ms is None:
        return "-"
    return f"{len(moments_ms)}, {max(moments_ms):.0f}" if moments_ms else "0"


def _text(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    # Rounded first: "-0" would be shown for -0.4.
    return f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}"
