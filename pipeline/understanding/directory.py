"""A directory of people, found by a name that was said or keyed. Pure.

Theory of operation. Each way to say a name is an entry. What was said is compared with few of them: those that share
the most trigrams, and the sounds of whole words, with it. These are then scored word by word, by spelling and sound.
Everybody who scores nearly as well as the best is found: namesakes, and names that sound alike over the phone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

from offhook.pipeline.events import DigitRule
from offhook.pipeline.understanding.ambiguous import one_of
from offhook.pipeline.understanding.menu_words import is_filler
from offhook.pipeline.understanding.sounds import sound_key
from offhook.pipeline.understanding.words import base_of, words_of

MAX_FOUND = 3
"""More people, one of them meant, are nobody: they cannot be offered."""

MAX_WORDS = 12
"""Of what was said."""

MIN_KEYS, MAX_KEYS = 2, 20

_CANDIDATES = 50
_ACCEPTED = 0.78
_MARGIN = 0.07
_PART = 0.95  # of a name alone, such as the last one
_DETAIL = 0.1  # for the department, said with the name
_SOUND = 0.75  # of words that sound the same, whatever their spelling
_OTHER_SOUND = 0.9  # of their spelling counts where they do not

_KEYPAD = ("", "", "abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz")  # ITU-T E.161
_KEY_OF = {letter: str(key) for key, letters in enumerate(_KEYPAD) for letter in letters}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a directory. `spoken` are other ways to say the name; `columns` is all that is known of them."""

    name: str
    spoken: tuple[str, ...] = ()
    department: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def row(self) -> Mapping[str, str]:
        """The columns by their names."""
        return dict(self.columns)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class _Entry:
    person: Person
    words: tuple[str, ...]
    details: frozenset[str]
    size: int  # of its features


class Directory:
    """`people` by their names, spoken in `language` (BCP 47, None: English)."""

    def __init__(self, people: Sequence[Person], language: str | None = None) -> None:
        self._language = language
        self._base = base_of(language)
        self._entries: list[_Entry] = []
        self._having: dict[str, list[int]] = {}
        self._keyed: list[tuple[str, Person]] = []
        sounds: Counter[str] = Counter()
        for person in people:
            details = frozenset(self._words(person.department))
            for said in dict.fromkeys((person.name, *person.spoken)):
                self._add(person, tuple(self._words(said)), details)
            sounds[self._sound(person)] += 1
        self._shared = {sound for sound, count in sounds.items() if count > 1}

    def _add(self, person: Person, words: tuple[str, ...], details: frozenset[str]) -> None:
        if not words:
            return
        features = set(_features(words, self._base))
        for feature in features:
            self._having.setdefault(feature, []).append(len(self._entries))
        self._entries.append(_Entry(person, words, details, len(features)))
        for order in {words, words[-1:] + words[:-1]}:
            self._keyed.append(("".join(_KEY_OF.get(letter, "") for letter in "".join(order)), person))

    def _words(self, text: str) -> list[str]:
        return [word.replace("'", "") for word in words_of(text, self._language)]

    def _sound(self, person: Person) -> str:
        return " ".join(sound_key(word, self._base) for word in self._words(person.name))

    def title(self, person: Person) -> str:
        """How a person is named to the caller: with the department, where another one sounds the same."""
        if person.department and self._sound(person) in self._shared:
            return f"{person.name}, {person.department}"
        return person.name

    def said(self, text: str) -> tuple[Person, ...]:
        """Who may be meant, the likeliest first, at most MAX_FOUND; nobody if it may be more, or none."""
        words = self._words(text)[:MAX_WORDS]
        content = [word for word in words if not is_filler(word, self._base)] or words
        scored = [(self._score(entry, content), entry.person) for entry in self._candidates(content)]
        best = max((score for score, _ in scored), default=0.0)
        if best < _ACCEPTED:
            return ()
        scored.sort(key=lambda each: -each[0])
        found = tuple(dict.fromkeys(person for score, person in scored if score >= best - _MARGIN))
        return found if len(found) <= MAX_FOUND else ()

    def keyed(self, digits: str) -> tuple[Person, ...]:
        """Whose first or last name begins with these letters of the keypad; nobody if they are more than MAX_FOUND."""
        if len(digits) < MIN_KEYS:
            return ()
        begun = [(keys, person) for keys, person in self._keyed if keys.startswith(digits)]
        exact = dict.fromkeys(person for keys, person in begun if keys == digits)
        found = tuple(exact or dict.fromkeys(person for _, person in begun))
        return found if len(found) <= MAX_FOUND else ()

    def _candidates(self, words: Sequence[str]) -> Iterator[_Entry]:
        features = set(_features(words, self._base))
        shared: Counter[int] = Counter()
        for feature in features:
            shared.update(self._having.get(feature, ()))
        likely = nlargest(_CANDIDATES, shared, key=lambda at: shared[at] / (self._entries[at].size + len(features)))
        return (self._entries[at] for at in likely)

    def _score(self, entry: _Entry, words: Sequence[str]) -> float:
        alike = [[_likeness(said, word, self._base) for word in entry.words] for said in words]
        whole = _mean([max(column) for column in zip(*alike, strict=True)])
        known = [said in entry.details for said in words]
        part = _mean([1.0 if detail else max(row) for detail, row in zip(known, alike, strict=True)])
        return max(whole, _PART * part) + (_DETAIL if any(known) else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A Person of a directory: several who may be meant are asked back. Names are keyed by the keypad's letters."""

    directory: Directory

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return one_of(self.directory.said(text))

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return one_of(self.directory.keyed(digits))

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(MIN_KEYS, MAX_KEYS)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return self.directory.title(value) if isinstance(value, Person) else str(value)


def is_name(text: str) -> bool:
    """Whether there is a word in it that can be said and compared."""
    return any(letter.isalpha() for letter in text)


def _features(words: Sequence[str], base: str) -> Iterator[str]:
    for word in words:
        padded = f"^{word}$"
        yield from (padded[at : at + 3] for at in range(len(padded) - 2))
        yield f"~{sound_key(word, base)}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@lru_cache(maxsize=65_536)
def _likeness(said: str, meant: str, base: str) -> float:
    """From 0 to 1, by spelling and sound."""
    if said == meant:
        return 1.0
    spelled = 1 - _distance(said, meant) / max(len(said), len(meant))
    sounds_same = sound_key(said, base) == sound_key(meant, base)
    return _SOUND + (1 - _SOUND) * spelled if sounds_same else _OTHER_SOUND * spelled


def _distance(one: str, other: str) -> int:
    """How many letters are to be replaced, added and left out (Levenshtein)."""
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, against in enumerate(other, 1):
            line.append(min(before[column] + 1, line[-1] + 1, before[column - 1] + (letter != against)))
        before = line
    return before[-1]
