"""Text normalisation: rewrites amounts, times, numbers, codes and abbreviations as the words to be spoken.

Only what the language's rules cover is changed; the rest is left to the voice. For languages without rules only the
universal ones apply: markup and emoji are not read, entities are decoded, long numbers are read digit by digit.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from offhook.pipeline.markup import decode_entities
from offhook.pipeline.tts.languages.english import english
from offhook.pipeline.tts.languages.french import french
from offhook.pipeline.tts.languages.german import german
from offhook.pipeline.tts.languages.neutral import NEUTRAL
from offhook.pipeline.tts.languages.rules import Rule
from offhook.pipeline.tts.languages.spanish import spanish

DEFAULT_LANGUAGE = "en-us"

_AMERICAN = frozenset({"", "us", "ph", "pr"})  # regions that write the month first and call # pound
_TAG = re.compile(r"(?P<language>[a-z]{2,3})(?:[-_](?P<region>[a-z]{2}|[0-9]{3})\b)?(?![a-z])")


class Piece(NamedTuple):
    """A piece of the text to speak, from `start` on, and the span of the source that it stands for.

    `verbatim`: character for character; otherwise each part of the piece stands for the whole span.
    """

    start: int
    source_start: int
    source_end: int
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Normalized:
    """Text to speak, and where each piece of it comes from, in order and without gaps."""

    text: str
    pieces: tuple[Piece, ...]

    def source_span(self, char_start: int, char_end: int) -> tuple[int, int]:
        """The span of the source that `text[char_start:char_end]` speaks.

        Several words may share one: all of "five dollars" stands for the "$5". Raises ValueError for a span that is
        empty or outside `text`.
        """
        if not 0 <= char_start < char_end <= len(self.text):
            raise ValueError(f"no span of {len(self.text)} characters: {char_start} to {char_end}")
        first, last = self._piece(char_start), self._piece(char_end - 1)
        start = first.source_start + (char_start - first.start if first.verbatim else 0)
        end = last.source_start + char_end - last.start if last.verbatim else last.source_end
        return start, end

    def _piece(self, position: int) -> Piece:
        return self.pieces[bisect_right(self.pieces, position, key=lambda piece: piece.start) - 1]


def normalize(text: str, language: str = DEFAULT_LANGUAGE) -> Normalized:
    """Make `text` speakable in `language`, a tag such as "en-gb" or "de" (see `language_of_voice`)."""
    rules = _rules(language.lower().replace("_", "-"))
    text, starts = decode_entities(text) if "&" in text else (text, range(len(text) + 1))
    spoken: list[str] = []
    pieces: list[Piece] = []
    length = done = 0

    def add(piece: str, start: int, end: int, verbatim: bool) -> None:
        nonlocal length
        if not piece:
            return
        spoken.append(piece)
        if not verbatim or starts[end] - starts[start] == end - start:
            pieces.append(Piece(length, starts[start], starts[end], verbatim))
        else:
            ends = zip(starts[start:end], starts[start + 1 : end + 1], strict=True)
            pieces.extend(Piece(length + at, one, other, False) for at, (one, other) in enumerate(ends))
        length += len(piece)

    for token in _TOKEN.finditer(text):
        start = token.start()
        if start < done or _PLAIN_WORD.match(text, start) or (read := _read(text, start, rules)) is None:
            continue
        words, end = read
        add(text[done:start], done, start, True)
        before = spoken[-1][-1] if spoken else " "
        add(_apart(before, words, text[end : end + 1]), start, end, False)
        done = end
    add(text[done:], done, len(text), True)
    return Normalized("".join(spoken), tuple(pieces))


def language_of_voice(voice: str) -> str:
    """The language in the name of a voice ("en-gb-x-rp", "mb-de5", "pt_BR-faber", "roa/fr"); "" if there is none."""
    name = voice.lower().split("+")[0].rsplit("/", 1)[-1].removeprefix("mb-")
    found = _TAG.match(name)
    if found is None:
        return ""
    return found["language"] + (f"-{found['region']}" if found["region"] else "")


def spoken_language(language: str, voice: str) -> str:
    """The language in which texts are read: `language`, unless the voice's name says another.

    The voice also determines the kind of English: "en" and the voice "en-gb-x-rp" are "en-gb".
    """
    of_voice = language_of_voice(voice)
    base = language.lower().replace("_", "-").partition("-")[0]
    if not of_voice or (of_voice.partition("-")[0] == base and base != language.lower()):
        return language
    return of_voice


@lru_cache(maxsize=32)
def _rules(language: str) -> tuple[Rule, ...]:
    base, _, rest = language.partition("-")
    if base == "en":
        return english(american=rest.partition("-")[0] in _AMERICAN)
    region = rest.partition("-")[0]
    if base == "de":
        return german()
    if base == "es":
        return spanish(region)
    return french(region) if base == "fr" else NEUTRAL


def _read(text: str, start: int, rules: tuple[Rule, ...]) -> tuple[str, int] | None:
    """The words for what begins at `start`, and where it ends; None if no rule applies."""
    for pattern, speak in rules:
        found = pattern.match(text, start)
        if found is not None and (words := speak(found)) is not None:
            return words, found.end()
    return None


def _apart(before: str, words: str, following: str) -> str:
    """`words`, with a space wherever they would run into the character before or after."""
    start = " " if before.isalnum() and words[0].isalnum() else ""
    return start + words + (" " if following.isalnum() and words[-1].isalnum() else "")


# No rule begins with a plain word (except for "xxxx 1234", a masked number), so most of a text costs little.
_PLAIN_WORD = re.compile(r"(?!xx)[a-zà-ÿ]+(?=[\s,;!?'’)]|$)")
_TOKEN = re.compile(r"[^\W\d_]{1,64}|[0-9]{1,64}|[^\w\s]|_|[\x00-\x1f\x7f]{1,64}")
