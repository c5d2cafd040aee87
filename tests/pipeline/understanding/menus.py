"""Reads a file of menus and sentences, and matches them.

`python -m tests.pipeline.understanding.menus FILE` prints the sentences that are understood otherwise.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from offhook.pipeline.events import Choice
from offhook.pipeline.understanding.menu import either, match

HERE = Path(__file__).parent
CONFIRM_BELOW = 0.6
"""The setting's default."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is said to a menu, and the choice that it means (None: none, or more than one)."""

    menu: str
    choices: tuple[Choice, ...]
    hand: str
    text: str
    means: str | None


def read_cases(path: Path) -> Iterator[Case]:
    """All cases of a file. Raises ValueError for a line that is none."""
    menu, choices = "", list[Choice]()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            menu, choices = line[3:], []
        elif found := re.fullmatch(r"= (\w+): (.+)", line):
            choices.append(Choice(found[1], tuple(found[2].split(" | "))))
        elif found := re.fullmatch(r"> (\w) (.+) => (\w+|-)", line):
            yield Case(menu, tuple(choices), found[1], found[2], None if found[3] == "-" else found[3])
        elif line and not line.startswith("# "):
            raise ValueError(f"not a line of a menu: {line}")


def chosen(case: Case, language: str | None = None, least: float = 0.5) -> str | None:
    """The choice that is found with at least this confidence."""
    found = match(case.text, case.choices, language)
    return found.choice if found is not None and found.confidence >= least else None


def outcome(case: Case, language: str | None = None) -> str:
    """What the caller gets, with the usual thresholds: "right", "wrong", "asked back" or "refused"."""
    found = match(case.text, case.choices, language)
    if found is not None and found.confidence >= CONFIRM_BELOW:
        return "right" if found.choice == case.means else "wrong"
    if found is not None or either(case.text, case.choices, language) is not None:
        return "asked back"
    return "right" if case.means is None else "refused"


def main() -> None:
    """Print what is understood otherwise."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "menus.txt"
    language = sys.argv[2] if len(sys.argv) > 2 else None
    cases = list(read_cases(path))
    counts = dict.fromkeys(("right", "wrong", "asked back", "refused"), 0)
    for case in cases:
        got = outcome(case, language)
        counts[got] += 1
        if got != "right":
            found = match(case.text, case.choices, language) or either(case.text, case.choices, language)
            print(f"{got}: {case.menu}: {case.text!r} means {case.means}, found {found}")
    print(f"{len(cases)} sentences: {', '.join(f'{count} {name}' for name, count in counts.items())}")


if __name__ == "__main__":
    main()
