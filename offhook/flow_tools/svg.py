"""A flow as a picture. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

from offhook.flow_tools.layout import rows_of
from offhook.flow_tools.picture import label_of, way_of
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.qa.coverage.walked import Coverage, Edge
from offhook.usererror import plain

WIDTH, HEIGHT = 240, 52
BETWEEN, BELOW = 40, 90
MARGIN = 30

_STYLE = (
    "text{font:12px sans-serif;fill:#222}.name{font-weight:bold}"
    ".way{font-size:10px;fill:#555;paint-order:stroke;stroke:#fff;stroke-width:3}"
    "rect{fill:#fff;stroke:#555}.asks{fill:#eef4ff}path{fill:none;stroke:#888}"
    ".walked{stroke:#1a7f37;stroke-width:2}.missed{stroke:#cf222e;stroke-dasharray:5 3}"
)


class _Box(NamedTuple):
    x: float
    y: float

    @property
    def middle(self) -> float:
        return self.x + WIDTH / 2


def svg(flow: Flow, coverage: Coverage | None = None) -> str:
    """The picture. With `coverage` what calls have walked is green, and what none has is red and dashed."""
    rows = rows_of(flow)
    most = max(map(len, rows))
    width = 2 * MARGIN + most * WIDTH + (most - 1) * BETWEEN + 4 * BETWEEN
    height = 2 * MARGIN + len(rows) * HEIGHT + (len(rows) - 1) * BELOW
    boxes = {
        name: _Box(
            (width - len(row) * WIDTH - (len(row) - 1) * BETWEEN) / 2 + at * (WIDTH + BETWEEN),
            MARGIN + number * (HEIGHT + BELOW),
        )
        for number, row in enumerate(rows)
        for at, name in enumerate(row)
    }
    parts = [*_arrows(flow, boxes, coverage), *_steps(flow, boxes, coverage)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    arrow = '<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    tip = '<path d="M0 0L8 4L0 8" style="fill:#888"/>'
    marker = f'<defs>{arrow} markerUnits="userSpaceOnUse" orient="auto">{tip}</marker></defs>'
    return "\n".join([head, f"<title>{_shown(flow.name)}</title><style>{_STYLE}</style>", marker, *parts, "</svg>", ""])


def _steps(flow: Flow, boxes: Mapping[str, _Box], coverage: Coverage | None) -> Iterator[str]:
    for name, box in boxes.items():
        step = flow.steps[name]
        known = "" if coverage is None else "walked" if coverage.steps[name] else "missed"
        kinds = " ".join(filter(None, ("asks" if isinstance(step, ListeningStep) else "", known)))
        title, text = label_of(step)
        yield f'<rect class="{kinds}" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        yield f'<text class="name" x="{box.x + 10}" y="{box.y + 20}">{_shown(title)}</text>'
        yield f'<text x="{box.x + 10}" y="{box.y + 38}">{_shown(text)}</text>'


def _arrows(flow: Flow, boxes: Mapping[str, _Box], coverage: Coverage | None) -> Iterator[str]:
    for name, step in flow.steps.items():
        ways: dict[tuple[str, str], list[str]] = {}
        for by, to in step.edges().items():
            ways.setdefault((to, _known(coverage, Edge(name, by, to))), []).append(by)
        for number, ((to, known), words) in enumerate(ways.items()):
            line, place = _curve(boxes[name], boxes[to], number)
            yield f'<path class="{known}" d="{line}" marker-end="url(#a)"/>'
            shown = _shown(", ".join(map(way_of, words)))
            yield f'<text class="way" x="{place.x:.0f}" y="{place.y:.0f}">{shown}</text>'


def _shown(text: str) -> str:
    """XML has no control characters, escaped or not."""
    return escape(plain(text))


def _known(coverage: Coverage | None, edge: Edge) -> str:
    if coverage is None:
        return ""
    return "walked" if coverage.edges.get(edge) else "missed"


def _curve(one: _Box, other: _Box, number: int) -> tuple[str, _Box]:
    """The way of an arrow, and where its name stands. Upwards it leaves at the side, otherwise below."""
    if other.y == one.y and other is not one:
        x, y = one.middle + 14 * number - 28, one.y + HEIGHT
        deep = y + 30 + 8 * (number % 3)
        line = f"M{x} {y}C{x} {deep} {other.middle} {deep} {other.middle} {y}"
        return line, _Box((x + other.middle) / 2, deep - 4)
    if other.y > one.y:
        x, y = one.middle + 14 * number - 28, one.y + HEIGHT
        half = (other.y - y) / 2
        line = f"M{x} {y}C{x} {y + half} {other.middle} {other.y - half} {other.middle} {other.y}"
        return line, _Box((x + other.middle) / 2 + 4, y + half + 12 * (number % 3) - 12)
    x, y, end = one.x + WIDTH, one.y + HEIGHT / 2, other.y + HEIGHT / 2 + 8
    out = max(x, other.x + WIDTH) + 30 + 10 * number
    return f"M{x} {y}C{out} {y} {out} {end} {other.x + WIDTH} {end}", _Box(out - 12, (y + end) / 2 + 12 * (number % 3))
