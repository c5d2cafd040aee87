"""How often a figure was how large, over all calls, as a small SVG. Pure."""

from collections.abc import Sequence

import numpy as np

from offhook.qa.report.html import Html, el, scrolled
from offhook.qa.script.expect import MEASURES
from offhook.qa.verdict.distribution import percentiles

WIDTH, HEIGHT, BOTTOM, TOP = 460, 150, 20, 14
BINS = 24


def histogram(name: str, values: Sequence[float]) -> Html:
    """A measure's values, and what can be said of them."""
    measure = MEASURES[name]
    known = percentiles(values)
    shares = "".join(f", {each} {value:.0f}" for each, value in known.items())
    said = f"{len(values)} value{'s' if len(values) > 1 else ''}{shares}, longest {max(values):.0f} {measure.unit}"
    return el(
        "figure",
        el("figcaption", el("h3", f"{name}: {measure.what}"), el("p", said, class_="note")),
        scrolled(f"Distribution of {name}", _bars(values, known)),
    )


def _bars(values: Sequence[float], known: dict[str, float]) -> Html:
    top = max(1.0, *values)
    counts, _ = np.histogram(values, BINS, (0.0, top))
    most, bar = int(counts.max()), WIDTH / BINS
    room = HEIGHT - BOTTOM - TOP
    bars = [
        el(
            "rect",
            el("title", f"{number * top / BINS:.0f} to {(number + 1) * top / BINS:.0f}: {count}"),
            class_="bin",
            x=number * bar + 1,
            y=TOP + room * (1 - count / most),
            width=bar - 2,
            height=room * count / most,
        )
        for number, count in enumerate(map(int, counts))
        if count
    ]
    marks = [
        el(
            "g",
            el("line", class_=f"mark {name}", x1=x, x2=x, y1=TOP - 2, y2=HEIGHT - BOTTOM),
            el("text", name, x=min(x, WIDTH - 12), y=10, text_anchor="middle"),
        )
        for name, x in ((name, value / top * WIDTH) for name, value in known.items())
    ]
    ground = el("line", class_="grid", x1=0, x2=WIDTH, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM)
    ends = [
        el("text", "0", x=0, y=HEIGHT - 5),
        el("text", f"{top:.0f}", x=WIDTH, y=HEIGHT - 5, text_anchor="end"),
    ]
    box = f"0 0 {WIDTH} {HEIGHT}"
    drawn = [ground, *bars, *marks, *ends]
    return el("svg", *drawn, class_="chart small", width=WIDTH, height=HEIGHT, view_box=box, aria_hidden="true")
