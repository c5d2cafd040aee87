"""Several wordings of one text: each time that a step says it, it is another. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.pipeline.dialog.problem import Path


@dataclass(frozen=True, slots=True)
class OneOf:
    """The wordings (at least one), in turn or at random, but never the same one twice in a row."""

    texts: tuple[str, ...]
    at_random: bool = False

    def __post_init__(self) -> None:
        if not self.texts:
            raise ValueError("there is no wording")

    def after(self, last: int | None, choose: Callable[[int], int]) -> int:
        """Which wording follows the one that was last; None: none was. `choose` draws one of so many."""
        count = len(self.texts)
        if not self.at_random:
            return 0 if last is None else (last + 1) % count
        if last is None or count == 1:
            return choose(count)
        return (last + 1 + choose(count - 1)) % count


Text = str | OneOf
"""What a step says."""


def worded(path: Path, text: Text) -> tuple[tuple[Path, str], ...]:
    """Every wording of a text, with its path."""
    if isinstance(text, str):
        return ((path, text),)
    at = (*path, "one_of") if text.at_random else path
    return tuple(((*at, index), each) for index, each in enumerate(text.texts))
