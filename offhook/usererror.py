"""What a user did wrong, in three parts: what, why, what to type."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. `where` is FILE:LINE:COLUMN, an environment variable, an option, or empty."""

    what: str
    why: str
    todo: str
    where: str = ""

    def render(self) -> str:
        """Three lines: `where: what`, why, what to type if there is anything. Control characters are escaped."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [plain(head), f"  why:  {plain(self.why)}", f"  type: {plain(self.todo)}"]
        return "\n".join(lines if self.todo else lines[:2])


class UserError(Exception):
    """The user's input cannot be used; `problems` says everything that was found wrong with it, in order."""

    def __init__(self, what: str, why: str, todo: str, where: str = "") -> None:
        super().__init__(what)
        self.problems: tuple[Problem, ...] = (Problem(what, why, todo, where),)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "UserError":
        """One error for several problems (at least one; ValueError otherwise)."""
        found = tuple(problems)
        if not found:
            raise ValueError("a UserError needs a problem")
        error = cls(found[0].what, found[0].why, found[0].todo, found[0].where)
        error.problems = found
        return error

    def render(self) -> str:
        """All problems for a terminal, three lines each."""
        return "\n".join(problem.render() for problem in self.problems)

    def __str__(self) -> str:
        return self.render()


def closest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` was probably meant to be."""
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower()[:100], lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(word: str, names: Sequence[str]) -> str:
    """What to type instead of the unknown `word`: the nearest name, or the list of them."""
    near = closest(word, names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return f"remove `{word}`"
    return "one of: " + ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def plain(text: str) -> str:
    """With control characters escaped: a text may carry escape sequences, and a terminal must not act on them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cut(text: str, most: int) -> str:
    """The text, with at the most so many characters."""
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"
