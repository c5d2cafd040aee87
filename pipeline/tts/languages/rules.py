"""A rule of reading: what it is for, and the words it becomes."""

import re
from collections.abc import Callable
from typing import NamedTuple

from offhook.pipeline.markup import TAG

Match = re.Match[str]
Speak = Callable[[Match], str | None]

NOTHING = " "
"""What is not spoken. Every part of a text has to leave something behind, so that it keeps its place."""

DASH = r"[-‐‑–—−]"  # a hyphen, a non-breaking one, dashes, a minus


class Rule(NamedTuple):
    """`speak` gives the words for what `pattern` matches at the beginning of a token; None: the rule does not apply.

    Patterns look only at a bounded stretch, so that the time they take grows linearly with the text.
    """

    pattern: re.Pattern[str]
    speak: Speak


def rule(pattern: str, speak: Speak | str, flags: int = 0) -> Rule:
    """A rule from a verbose pattern, and a function or the words themselves."""
    compiled = re.compile(pattern, re.VERBOSE | flags)
    if isinstance(speak, str):
        words = speak
        return Rule(compiled, lambda found: words)
    return Rule(compiled, speak)


def listed(words: str) -> tuple[str, ...]:
    """The words of a table that is written as one text."""
    return tuple(words.split())


def ends_sentence(found: Match) -> bool:
    """Whether a sentence ends with the match: nothing follows, or a capital behind a space."""
    rest = found.string[found.end() : found.end() + 4]
    return not rest.strip(" \"')”’") or (rest[:1].isspace() and rest.strip()[:1].isupper())


def with_stop(found: Match, words: str) -> str:
    """The words of an abbreviation; its full stop stays where it is the sentence's, too."""
    return words + "." if found.group().endswith(".") and ends_sentence(found) else words


MARKUP = (
    Rule(TAG, lambda found: NOTHING),
    # What only looks like a tag is read, without its brackets.
    rule(r"<(?=[A-Za-z/])|(?<=[\w\"'])>(?![\w=]|\ ?[0-9])", NOTHING),
    rule(r"[\x00-\x1f\x7f]{1,64}", NOTHING),
)
"""Holds for every language."""
