"""Reading rules: a pattern, and the words that replace a match."""

import re
from collections.abc import Callable
from typing import NamedTuple

from offhook.pipeline.markup import TAG

Match = re.Match[str]
Speak = Callable[[Match], str | None]

NOTHING = " "
"""Replaces what is not spoken. A match may not become empty text, or later parts would lose their positions."""

DASH = r"[-‐‑–—−]"  # a hyphen, a non-breaking one, dashes, a minus


class Rule(NamedTuple):
    """`speak` returns the words for a match of `pattern` at the beginning of a token; None if the rule does not apply.

    Patterns have bounded length, so that normalisation takes linear time.
    """

    pattern: re.Pattern[str]
    speak: Speak


def rule(pattern: str, speak: Speak | str, flags: int = 0) -> Rule:
    """A rule from a verbose regular expression, and a function or fixed words."""
    compiled = re.compile(pattern, re.VERBOSE | flags)
    if isinstance(speak, str):
        words = speak
        return Rule(compiled, lambda found: words)
    return Rule(compiled, speak)


def listed(words: str) -> tuple[str, ...]:
    """Splits a table that is written as one text."""
    return tuple(words.split())


def ends_sentence(found: Match) -> bool:
    """Whether the sentence ends with the match: nothing follows it, or a capital letter after a space."""
    rest = found.string[found.end() : found.end() + 4]
    return not rest.strip(" \"')”’") or (rest[:1].isspace() and rest.strip()[:1].isupper())


def with_stop(found: Match, words: str) -> str:
    """The words of an abbreviation. Its full stop is kept if it also ends the sentence."""
    return words + "." if found.group().endswith(".") and ends_sentence(found) else words


_PICTURES = "\U0001f000-\U0001faff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff"
_JOINERS = "\u200d\u20e3\ufe0f\U000e0020-\U000e007f"  # within an emoji, or behind a digit

MARKUP = (
    Rule(TAG, lambda found: NOTHING),
    # Voices read emoji by their names: "grinning face".
    rule(f"[{_PICTURES}][{_PICTURES}{_JOINERS}]{{0,64}}|[\u20e3\ufe0f]{{1,8}}", NOTHING),
    # What only resembles a tag is read, without its brackets.
    rule(r"<(?=[A-Za-z/])|(?<=[\w\"'])>(?![\w=]|\ ?[0-9])", NOTHING),
    rule(r"[\x00-\x1f\x7f]{1,64}", NOTHING),
)
"""Rules for every language."""
