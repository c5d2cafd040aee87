"""Places the words and characters that a voice reports in the text that it was given. Pure.

Vendors report the text as they read it: with other spaces, without some punctuation, now and then with something that
is not in the text. What cannot be found is left out.
"""

import re
from collections.abc import Iterable, Sequence

from offhook.pipeline.tts.engine import Word

_TOKEN = re.compile(r"\S+")
_MAX_SKIPPED_CHARS = 8
_MAX_SKIPPED_WORDS = 4

MAX_NUMBER = 1e15
"""No time of a vendor's is greater, in whatever unit; nor is NaN less than it."""


class CharacterTimes:
    """Collects characters with their times into words, divided at white space."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self._text = text
        self._rate_hz = rate_hz
        self._tokens = tokens(text)
        self._token = 0  # the first that has not been given out
        self._at = 0
        self._start: float | None = None
        self._end = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether all words have been given out."""
        return self._token == len(self._tokens)

    @property
    def progress(self) -> float:
        """How much of the text has been reported, from 0 to 1."""
        return self._at / max(1, len(self._text))

    def push(self, characters: Iterable[str], starts_s: Iterable[float], ends_s: Iterable[float]) -> list[Word]:
        """Takes characters with their times from the start of the text's audio; returns the words that are complete."""
        words: list[Word] = []
        for character, start_s, end_s in zip(characters, starts_s, ends_s, strict=False):
            at = self._find(character)
            if at is None:
                continue
            words += self._words_before(at)
            self._at = at + 1
            if not character.isspace():
                self._start = start_s if self._start is None else self._start
                self._end = max(end_s, self._start)
        return words + self._words_before(self._at)

    def _find(self, character: str) -> int | None:
        if character.isspace():
            return self._at if self._text[self._at : self._at + 1].isspace() else None
        found = self._text.find(character, self._at, self._at + _MAX_SKIPPED_CHARS)
        return found if found >= 0 else None

    def _words_before(self, at: int) -> list[Word]:
        """The words that end at `at` or before it."""
        words: list[Word] = []
        while self._token < len(self._tokens) and self._tokens[self._token][1] <= at:
            start, end = self._tokens[self._token]
            self._token += 1
            if self._start is not None and self._at > start:
                first, last = (round(each * self._rate_hz) for each in (self._start, self._end))
                words.append(Word(self._text[start:end], start, end, first, last))
                self._start = None
        return words


class WordTimes:
    """Finds words in the text, one after the other. One that is reported in parts, such as "twenty-one", is found when
    it is complete."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self._text = text
        self._rate_hz = rate_hz
        self._tokens = tokens(text)
        self._bare = [_bare(text[start:end]) for start, end in self._tokens]
        self._token = 0
        self._part, self._part_start_s = "", 0.0  # of the token

    def push(self, words: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]) -> list[Word]:
        """Takes words with their times from the start of the text's audio; returns those that the text has."""
        found: list[Word] = []
        for word, begins_s, end_s in zip(words, starts_s, ends_s, strict=False):
            placed = self._place(_bare(word), begins_s)
            if placed is None:
                continue
            token, start_s = placed
            self._token = token + 1
            start, end = self._tokens[token]
            first, last = round(start_s * self._rate_hz), round(max(start_s, end_s) * self._rate_hz)
            found.append(Word(self._text[start:end], start, end, first, last))
        return found

    def _place(self, bare: str, start_s: float) -> tuple[int, float] | None:
        """The token that is complete with this word, and when it began."""
        if self._part and not bare[:1].isalnum():
            return None  # what is between two parts
        expected = self._bare[self._token] if self._token < len(self._bare) else ""
        if bare and bare != expected and expected.startswith(self._part + bare):
            self._part_start_s = self._part_start_s if self._part else start_s
            self._part += bare
            if self._part != expected:
                return None
            token, start_s = self._token, self._part_start_s
        elif (found := self._find(bare)) is not None:
            token = found
        else:
            self._part = ""
            return None
        self._part = ""
        return token, start_s

    def _find(self, bare: str) -> int | None:
        for token in range(self._token, min(self._token + _MAX_SKIPPED_WORDS, len(self._tokens))):
            if bare and bare == self._bare[token]:
                return token
        return None


def tokens(text: str) -> list[tuple[int, int]]:
    """Where its words begin and end: it is divided at white space."""
    return [match.span() for match in _TOKEN.finditer(text)]


def _bare(word: str) -> str:
    return re.sub(r"\W", "", word).casefold() or word


def numbers(values: object) -> list[float]:
    """A vendor's list of times; what is no number in it is 0, and anything else than a list is empty."""
    return [finite(each) for each in values] if isinstance(values, list) else []


def finite(value: object) -> float:
    """A vendor's time; 0 for what is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value < MAX_NUMBER else 0.0


def texts(values: object) -> list[str]:
    """A vendor's list of texts; empty for anything else."""
    return [str(each) for each in values] if isinstance(values, list) else []
