"""Where the steps of a flow stand in its picture: in rows by their distance from the start. Pure."""

from collections.abc import Mapping, Sequence

from offhook.pipeline.dialog.flow import Flow

SWEEPS = 8

Rows = Sequence[Sequence[str]]


def rows_of(flow: Flow) -> list[list[str]]:
    """The steps' names, row by row, each in its order from left to right.

    A step stands below the nearest of those that lead to it. Within a row steps are put in the order of the mean place
    of their neighbours above, then below, a few times (the barycentre heuristic of Sugiyama, Tagawa and Toda, 1981).
    """
    follow = {name: list(dict.fromkeys(step.edges().values())) for name, step in flow.steps.items()}
    rows, seen = [[flow.start]], {flow.start}
    while True:
        below = dict.fromkeys(to for name in rows[-1] for to in follow[name] if to not in seen)
        if not below:
            break
        seen.update(below)
        rows.append(list(below))
    before: dict[str, list[str]] = {name: [] for name in flow.steps}
    for name, following in follow.items():
        for to in following:
            before[to].append(name)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for at in range(1, len(rows)) if downwards else reversed(range(len(rows) - 1)):
            other = _places(rows[at - 1] if downwards else rows[at + 1])
            _sort(rows[at], before if downwards else follow, other)
    return rows


def _places(row: Sequence[str]) -> dict[str, float]:
    return {name: at - (len(row) - 1) / 2 for at, name in enumerate(row)}


def _sort(row: list[str], neighbours: Mapping[str, Sequence[str]], places: Mapping[str, float]) -> None:
    own = _places(row)

    def place(name: str) -> float:
        known = [places[each] for each in neighbours[name] if each in places]
        return sum(known) / len(known) if known else own[name]

    row.sort(key=place)
