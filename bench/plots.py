"""The curves as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window
from matplotlib import pyplot

from bench.figures import PACING_MS, Figures

DPI = 110


def capacity(by_protocol: Mapping[str, Sequence[Figures]], path: Path) -> None:
    """Pacing, response and CPU against calls."""
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.8))
    for protocol, runs in by_protocol.items():
        calls = [one.calls for one in runs]
        for axis, values in zip(
            axes,
            (
                [one.pacing_p99_ms for one in runs],
                [one.response_p95_ms for one in runs],
                [one.mcores for one in runs],
            ),
            strict=True,
        ):
            known = [(x, y) for x, y in zip(calls, values, strict=True) if y is not None]
            if known:
                axis.plot(*zip(*known, strict=True), marker="o", label=protocol)
    axes[0].axhline(PACING_MS, color="grey", linestyle=":", linewidth=1)
    titles = ("packet spacing off by, p99 (ms)", "response over the silence, p95 (ms)", "CPU of the bot (milli-cores)")
    _finish(axes, titles, "calls at once")
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)


def loss(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Recognised turns, response and barge-in against loss; a line for single losses, and one for bursts."""
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.8))
    for burst in sorted({one["burst_packets"] for one in points}):
        mine = sorted((one for one in points if one["burst_packets"] == burst), key=lambda one: one["loss_percent"])
        label = f"bursts of {burst:g} packets" if burst else "single packets"
        x = [one["loss_percent"] for one in mine]
        for axis, key in zip(axes, ("right_percent", "response_p95_ms", "barge_in_p95_ms"), strict=True):
            known = [(at, one[key]) for at, one in zip(x, mine, strict=True) if one[key] is not None]
            if known:
                axis.plot(*zip(*known, strict=True), marker="o", label=label)
    axes[0].set_ylim(0, 105)
    titles = ("turns understood (%)", "response over the silence, p95 (ms)", "barge-in, p95 (ms)")
    _finish(axes, titles, "packets lost (%)")
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)


def hearing(metrics: Mapping[str, Mapping[str, Sequence[tuple[str, float]]]], path: Path) -> None:
    """Closed questions that ended well, other speech taken, and wrong words, by line; a curve for each engine."""
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4.4))
    titles = ("closed questions, ended well (%)", "other speech taken (%)", "words wrong in free speech (%)")
    for axis, title, metric in zip(axes, titles, ("closed", "taken", "words"), strict=True):
        for engine, points in metrics[metric].items():
            axis.plot([name for name, _ in points], [value for _, value in points], marker="o", label=engine)
        axis.tick_params(axis="x", labelrotation=90, labelsize=7)
        axis.set_title(title, fontsize=10)
        axis.grid(alpha=0.3)
        axis.set_ylim(0, 105 if metric == "closed" else None)
        if axis.lines:
            axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)


def _finish(axes: Any, titles: Sequence[str], x_label: str) -> None:
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(x_label)
        axis.grid(alpha=0.3)
        if axis.lines and axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
        if axis is not axes[0] or "%" not in title:
            axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
