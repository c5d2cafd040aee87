"""Spelled words: "S as in Sam, M, I, T, H", "Sierra Mike". Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from offhook.pipeline.asr.digit_words import repeats
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.numbers import digit_values_folded
from offhook.pipeline.understanding.spelling_words import (
    ACCENTED,
    ACCENTS,
    ALPHABETS,
    AS_IN,
    CORRECTIONS,
    COUNTS,
    DOUBLE,
    LETTERS,
    MARKS,
    MORE_LETTERS,
    NOT_LETTERS,
    NOTES,
)
from offhook.pipeline.understanding.words import MAX_CHARS, base_of, fold

MAX_LETTERS = 64

_WORD = re.compile(r"[0-9]+|[^\W\d_]+(?:'[^\W\d_]+)*")
_XRAY = re.compile(r"\bx[- ]ray\b")
_CAPITALS = re.compile(r"\b(?!OK\b)(?=\w*[A-Z])[A-Z0-9]{2,}\b")
_PLURAL = re.compile(r"([a-z])'s|([b-hj-tv-z])s")
_END = ("at the end", "at the beginning", "in the middle", "am ende", "al final", "a la fin")


def read_spelling(text: str, language: str | None = None) -> str | None:
    """The letters and digits that were spelled, in capitals: "S as in Sam, M, I, T, H" is "SMITH".

    Alphabets ("Sierra Mike", "Anton Berta"), the names of letters, "double L", "two Ls", accents ("U Umlaut"), marks
    ("dash") and capitals that a recogniser has run together ("ABC123") are understood, and words around the spelling
    skipped. A word that is followed by its spelling is left out: "Smith, S M I T H", and so are remarks ("with an E").
    After a correction ("B, no, D as in dog") a letter takes the place of the last one, or the whole is begun anew. None
    if nothing was spelled.
    """
    base = base_of(language)
    if base not in LETTERS:
        base = "en"
    letters = _Spelling(_words(text, base), base).read()
    return letters.upper() if letters else None


def letter_words(base: str) -> list[list[str]]:
    """The words that alphabets have for letters, NATO's first; each begins with its letter."""
    return [words.split() for words in ALPHABETS[base]]


def _words(text: str, base: str) -> list[str]:
    text = unicodedata.normalize("NFC", text[:MAX_CHARS]).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = _XRAY.sub("xray", _CAPITALS.sub(lambda found: _apart(found[0], text), text).lower())
    kept = ACCENTED[base]
    words = [word if word in kept else fold(word) for word in _WORD.findall(text)]
    return _without_remarks(words, base)


def _apart(capitals: str, text: str) -> str:
    """The letters of a word in capitals, if they do not only stand for a word: some recognisers write nothing else."""
    spelled = not capitals.isalpha() or not set(capitals) & set("AEIOUY") or any(c.islower() for c in text)
    return " ".join(capitals) if spelled else capitals


def _without_remarks(words: Sequence[str], base: str) -> list[str]:
    before, counts = NOTES[base]
    found, at = list[str](), 0
    while at < len(words):
        if words[at] == before and len(words) > at + 2 and words[at + 1] in counts and _is_name(words[at + 2], base):
            at += 3
            at += next((3 for end in _END if " ".join(words[at : at + 3]) == end), 0)
        else:
            found.append(words[at])
            at += 1
    return found


def _is_name(word: str, base: str) -> bool:
    return len(word) == 1 or word in _names_of(base) or _PLURAL.fullmatch(word) is not None


class _Spelling:
    def __init__(self, words: Sequence[str], base: str) -> None:
        self._words = words
        self._base = base
        self._names = _names_of(base)
        self._codewords = _codewords(base)
        self._around = lexicon(base).words("around_letters")
        self._digits: Mapping[str, str] = digit_values_folded(base)
        self._repeated = repeats(base) | DOUBLE[base]

    def read(self) -> str | None:
        said, corrected, unknown, at = list[str](), list[str](), list[str](), 0
        while at < len(self._words):
            skipped = self._phrase(at, CORRECTIONS[self._base]) if said else None
            if skipped is not None:
                corrected, said = _corrected(corrected, said), []
            skipped = skipped or self._phrase(at, NOT_LETTERS[self._base])
            if skipped is not None:
                at = skipped
                continue
            letter, end = self._at(at)
            if letter is not None:
                said.append(letter)
            elif self._words[at] not in self._around:
                unknown.append(self._words[at])
            at = end
        spelled = "".join(_corrected(corrected, said))[:MAX_LETTERS].strip()
        if not any(c.isalnum() for c in spelled):
            return None
        # "Smith, S M I T H": the word is what was spelled. Other words mean that nothing was.
        plain = fold(spelled.replace(" ", ""))
        others = [word for word in unknown if word != plain]
        return None if len(others) > len(spelled) / 2 else spelled

    def _phrase(self, at: int, phrases: Sequence[str]) -> int | None:
        """Where the longest of the phrases that begin here ends."""
        ends = (at + phrase.count(" ") + 1 for phrase in phrases if self._is_at(at, phrase))
        return max(ends, default=None)

    def _is_at(self, at: int, phrase: str) -> bool:
        return " ".join(self._words[at : at + phrase.count(" ") + 1]) == phrase

    def _at(self, at: int) -> tuple[str | None, int]:
        """What was spelled here, None for nothing, and where it ends."""
        word, following = self._words[at], " ".join(self._words[at + 1 : at + 2])
        count = self._repeated.get(word, 1)
        if count > 1 and following and f"{word} {following}" not in self._names:
            said, end = self._one(at + 1)
            if said is not None and len(said) == 1:
                return said * count, end
        several = _PLURAL.fullmatch(following) if word in COUNTS[self._base] else None
        if several is not None:
            return (several[1] or several[2]) * COUNTS[self._base][word], at + 2
        return self._one(at)

    def _one(self, at: int) -> tuple[str | None, int]:
        word = self._words[at]
        letter, end = self._names.get(" ".join(self._words[at : at + 2])), at + 2
        if letter is None:
            letter, end = (word if len(word) == 1 else self._names.get(word)), at + 1
        if letter is None and word in self._digits:
            letter = self._digits[word]
        if letter is None and word.isdigit():
            return word, at + 1
        if letter is not None:
            return self._after_example(*self._with_accent(letter, end))
        if word in MARKS[self._base]:
            return MARKS[self._base][word], at + 1
        return self._codewords.get(word), at + 1

    def _with_accent(self, letter: str, at: int) -> tuple[str, int]:
        for phrase, accent in ACCENTS[self._base].items():
            if self._is_at(at, phrase):
                letter = unicodedata.normalize("NFC", letter + accent)
                return letter[0], at + phrase.count(" ") + 1
        return letter, at

    def _after_example(self, letter: str, at: int) -> tuple[str, int]:
        """Behind "as in Sam", whose word begins with the letter."""
        for phrase in AS_IN[self._base]:
            end = at + phrase.count(" ") + 1
            if self._is_at(at, phrase) and end < len(self._words):
                example = self._words[end]
                if len(example) > 1 and example[0] == fold(letter)[0]:
                    return letter, end + 1
        return letter, at


def _corrected(before: list[str], after: list[str]) -> list[str]:
    """What was spelled before a correction and after it: begun anew, or with another last letter."""
    if not before or not after:
        return before + after
    return after if len(after) >= len(before) and after[0] == before[0] else before[:-1] + after


@lru_cache(maxsize=8)
def _names_of(base: str) -> dict[str, str]:
    letters = dict(
        zip((name.replace("-", " ") for name in LETTERS[base].split()), "abcdefghijklmnopqrstuvwxyz", strict=True)
    )
    kept = ACCENTED[base]
    return letters | {name if name in kept else fold(name): letter for name, letter in MORE_LETTERS[base].items()}


@lru_cache(maxsize=8)
def _codewords(base: str) -> dict[str, str]:
    return {word: word[0] for words in ALPHABETS[base] for word in words.split()}
