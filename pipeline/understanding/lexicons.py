"""The words of a language that answers are understood by: the files in `lexicon`. Pure.

A file has sections of words, or of phrases between bars, in lower case without accents.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

LANGUAGES = ("en", "de", "es", "fr")

_HEADING = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A file, by its sections: the lines of each."""

    sections: dict[str, tuple[str, ...]]

    def words(self, section: str) -> frozenset[str]:
        """The words of a section; none in a language that is not known."""
        return frozenset(" ".join(self.sections.get(section, ())).split())

    def phrases(self, section: str) -> tuple[str, ...]:
        """The phrases of a section, in order."""
        return tuple(phrase for line in self.sections.get(section, ()) for phrase in line.split(" | "))


@lru_cache(maxsize=16)
def lexicon(base: str) -> Lexicon:
    """The lexicon of a language without region; an empty one if it is not known."""
    if base not in LANGUAGES:
        return Lexicon({})
    text = files(__package__).joinpath("lexicon", f"{base}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[str]] = {}
    section: list[str] = []
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            section = sections.setdefault(heading[1], [])
        elif line and not line.startswith("#"):
            section.append(line)
    return Lexicon({name: tuple(lines) for name, lines in sections.items()})
