"""Finds words that this project does not use, in code, comments, docstrings, messages and documents.

`python -m tests.lint.words` prints each with what to say instead; the status is 1 if there is one. List: `words.txt`.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("words.txt")
SUFFIXES = {".py", ".pyi", ".c", ".h", ".js", ".html", ".css", ".md", ".toml", ".yaml", ".txt"}
NAMES = {"Makefile", "Dockerfile"}
LEFT_OUT = {"vendor", "model", "__pycache__", "node_modules"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A word, what to say instead, and the folders and files where that holds."""

    word: str
    instead: str
    places: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The word by itself, in snake_case and in CamelCase; its regular plural, too."""
        escaped = re.escape(self.word)
        capital = re.escape(self.word[0].upper() + self.word[1:])
        return re.compile(rf"(?<![A-Za-z])(?i:{escaped})s?(?![a-z])|(?<=[a-z]){capital}s?(?![a-z])")


def rules(text: str) -> list[Rule]:
    """The rules of a list: `word: instead`, below a line `@ PLACE PLACE`. ValueError for any other line."""
    found: list[Rule] = []
    places: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "!")):
            continue
        if stripped.startswith("@"):
            places = tuple(stripped[1:].split())
            continue
        word, colon, instead = stripped.partition(":")
        if not (colon and word.strip() and instead.strip() and places):
            raise ValueError(f"line {number} is not `word: what to say instead` below a line `@ PLACE`")
        found.append(Rule(word.strip(), instead.strip(), places))
    return found


def files(root: Path, place: str) -> Iterator[Path]:
    """The texts of a folder, or the file itself. Links to folders are not followed."""
    path = root / place
    if path.is_file():
        yield path
        return
    for each in sorted(path.iterdir()):
        if each.is_dir() and not each.is_symlink() and each.name not in LEFT_OUT:
            yield from files(root, str(each.relative_to(root)))
        elif each.is_file() and (each.suffix in SUFFIXES or each.name in NAMES):
            yield each


def left_out(text: str) -> set[str]:
    """The files of `! FILE` lines."""
    return {line[1:].strip() for line in text.splitlines() if line.startswith("!")}


def found(root: Path, listed: list[Rule], without: frozenset[str] | set[str] = frozenset()) -> Iterator[str]:
    """`FILE:LINE: word: what to say instead` for every word that is used where it is not to be."""
    texts: dict[Path, str] = {}
    for rule in listed:
        pattern = rule.pattern
        paths = {each for place in rule.places for each in files(root, place)}
        for path in sorted(each for each in paths if str(each.relative_to(root)) not in without):
            if path not in texts:
                texts[path] = path.read_text(encoding="utf-8").casefold()
            if rule.word.casefold() not in texts[path]:  # as nearly always; the pattern takes a hundred times as long
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if pattern.search(line):
                    yield f"{path.relative_to(root)}:{number}: `{rule.word}`: {rule.instead}"


def main() -> int:
    """The exit status: 1 when a word was found."""
    listed = LIST.read_text(encoding="utf-8")
    lines = list(found(ROOT, rules(listed), left_out(listed)))
    for line in lines:
        print(line)  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
