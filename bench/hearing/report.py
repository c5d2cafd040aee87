"""The sections of docs/benchmarks.md about hearing and noise suppression, made of reports/hearing.json and
suppression.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.table import table

HEADINGS = (
    "engine",
    "line",
    "right",
    "wrong",
    "numbers",
    "other speech taken",
    "sounds taken",
    "closed, ended well",
    "words wrong",
    "cards wrong",
    "CPU ms a turn",
)
SUPPRESSION_HEADINGS = ("engine, `audio.processor`", "line", "right", "wrong", "other speech taken")
TALKER_HEADINGS = ("engine", "talk at once", "first partial p50 ms", "final p50 / p95 ms", "failed")
RATES = ("right", "wrong", "digits", "taken", "sounds", "closed", "words", "cards")
THRESHOLD = "0.5"


def section(report: Mapping[str, Any]) -> str:
    """Two tables: engines over lines, and callers at once."""
    lines = [[*_names(name), *_cells(rows)] for name, rows in report.items() if "talkers" not in rows]
    talkers = [_talkers(name, row) for name, row in report.items() if "talkers" in row]
    tables = [table(HEADINGS, lines)] if lines else []
    return "\n\n".join([*tables, *([table(TALKER_HEADINGS, talkers)] if talkers else [])])


def suppression(report: Mapping[str, Any]) -> str:
    """Processors beside each other, line by line."""
    rows = [
        [*_names(name), *(_rate(_at(row)[key]) for key in ("right", "wrong", "taken"))] for name, row in report.items()
    ]
    return table(SUPPRESSION_HEADINGS, sorted(rows, key=lambda cells: cells[1]))


def curves(report: Mapping[str, Any], metric: str) -> dict[str, list[tuple[str, float]]]:
    """By engine: (line, percent) of one rate, the lines in the report's order."""
    found: dict[str, list[tuple[str, float]]] = {}
    for name, rows in report.items():
        if "talkers" in rows:
            continue
        engine, channel = _names(name)
        rate = _at(rows)[metric]
        if rate["count"]:
            found.setdefault(engine, []).append((channel, 100 * rate["hits"] / rate["count"]))
    return found


def _names(name: str) -> tuple[str, str]:
    engine, _, channel = name.partition(" | ")
    return engine, channel


def _at(rows: Mapping[str, Any]) -> Mapping[str, Any]:
    row: Mapping[str, Any] = rows.get(THRESHOLD) or next(iter(rows.values()))
    return row


def _cells(rows: Mapping[str, Any]) -> Sequence[str]:
    row = _at(rows)
    return [*(_rate(row[key]) for key in RATES), f"{row['cpu_ms']:.0f}"]


def _rate(rate: Mapping[str, int]) -> str:
    return f"{100 * rate['hits'] / rate['count']:.1f} % of {rate['count']}" if rate["count"] else "-"


def _talkers(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    def shown(key: str) -> str:
        return "-" if row[key] is None else f"{row[key]:.0f}"

    finals = f"{shown('final_p50_ms')} / {shown('final_p95_ms')}"
    return [_names(name)[0], _names(name)[1], shown("first_partial_p50_ms"), finals, str(row["failed"])]
