"""A value that was said so that it means one of several."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """What it may be, the likeliest first; at least two. The dialog asks which: nothing is guessed."""

    values: tuple[object, ...]

    def __post_init__(self) -> None:
        if len(self.values) < 2:
            raise ValueError("what is ambiguous has at least two values")


def one_of(values: Iterable[object]) -> object | None:
    """The value, Ambiguous for several, None for none."""
    distinct = tuple(dict.fromkeys(values))
    if len(distinct) > 1:
        return Ambiguous(distinct)
    return distinct[0] if distinct else None


def values_in(reading: object | None) -> tuple[object, ...]:
    """The inverse of `one_of`."""
    if reading is None:
        return ()
    return reading.values if isinstance(reading, Ambiguous) else (reading,)
