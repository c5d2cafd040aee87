"""What is wrong with a flow, and where."""

from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """One problem in a flow. `path` leads to it from the top, by the names used in a flow file."""

    what: str
    why: str
    todo: str
    path: Path


def out_of_range(value: float, low: float, high: float, path: Path) -> Iterator[FlowProblem]:
    """The problem of a number that is not within its limits."""
    # Written so that NaN is refused as well.
    if not low <= value <= high:
        todo = f"type `{path[-1]}: {low:g}` or more" if value < low else f"type `{path[-1]}: {high:g}` or less"
        meant = _other_unit(value, str(path[-1]))
        if meant is not None and low <= meant[0] <= high:
            todo = f"type `{path[-1]}: {meant[0]:g}`: it is in {meant[1]}"
        yield FlowProblem(f"{path[-1]} is {value:g}", f"the range is {low:g} to {high:g}", todo, path)


def _other_unit(value: float, name: str) -> tuple[float, str] | None:
    if name.endswith("_ms"):
        return value * 1000, "milliseconds"
    if name.endswith("_s"):
        return value / 1000, "seconds"
    return (value / 100, "parts of 1") if name.endswith(("_confidence", "_below")) else None
