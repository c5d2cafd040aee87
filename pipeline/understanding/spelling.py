"""Spelled words: "S as in Sam, M, I, T, H", "Sierra Mike". Pure."""

import re
from collections.abc import Mapping, Sequence

from offhook.pipeline.asr.digit_words import repeats
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.numbers import digit_values_folded
from offhook.pipeline.understanding.words import base_of, fold

MAX_LETTERS = 64

_NATO = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu"
)
_ALPHABETS = {
    "en": (
        _NATO,
        "alpha juliet whisky adam baker charles david edward frank george henry ida ivor john king lincoln mary nora "
        "ocean peter queen robert sam tom union victor william young zebra",
    ),
    "de": (
        _NATO,
        "anton berta caesar casar dora emil friedrich gustav heinrich ida julius kaufmann konrad ludwig martha nordpol "
        "otto paula quelle richard samuel siegfried theodor ulrich viktor wilhelm xanthippe ypsilon zacharias zeppelin "
        "aachen berlin cottbus dusseldorf essen frankfurt goslar hamburg ingelheim jena koln leipzig munchen nurnberg "
        "offenbach potsdam quickborn rostock salzwedel tubingen unna volklingen wuppertal xanten zwickau",
    ),
    "es": (
        _NATO,
        "antonio barcelona carmen domingo enrique francia gerona historia ines jose kilo lorenzo madrid navarra oviedo "
        "paris queso ramon sabado tarragona ulises valencia washington xilofono yegua zaragoza",
    ),
    "fr": (
        _NATO,
        "anatole berthe celestin desire eugene francois gaston henri irma joseph kleber louis marcel nicolas oscar "
        "pierre quintal raoul suzanne therese ursule victor william xavier yvonne zoe",
    ),
}
_LETTERS = {
    "en": "ay bee cee dee ee eff gee aitch eye jay kay ell em en oh pee cue are ess tee you vee double-u ex why zee",
    "de": "a be ce de e eff ge ha i jot ka ell emm enn o pe ku err ess te u vau we iks ypsilon zett",
    "es": "a be ce de e efe ge hache i jota ka ele eme ene o pe cu erre ese te u uve uve-doble equis ye zeta",
    "fr": "a be ce de e effe ge ache i ji ka elle emme enne o pe cu erre esse te u ve double-ve ixe i-grec zede",
}
_MORE_LETTERS = {
    "en": {"see": "c", "sea": "c", "be": "b", "why": "y", "zed": "z", "haitch": "h", "ar": "r", "es": "s", "ef": "f"}
    | {
        "el": "l",
        "pea": "p",
        "queue": "q",
        "tea": "t",
        "double you": "w",
        "jay": "j",
        "kay": "k",
        "u": "u",
        "gee": "g",
    },
    "de": {"em": "m", "en": "n", "es": "s", "er": "r", "ef": "f", "el": "l", "zet": "z", "ix": "x", "sz": "ß"}
    | {"eszett": "ß", "scharfes s": "ß"},
    "es": {"ve": "v", "i griega": "y", "doble ve": "w", "doble uve": "w", "be larga": "b", "ve corta": "v", "uve": "v"}
    | {"ceta": "z", "eñe": "n"},
    "fr": {"i grec": "y", "ji": "j", "double v": "w", "zed": "z"},
}
_AS_IN = {
    "en": ("as in", "like in", "for", "like", "is for"),
    "de": ("wie in", "wie", "von"),
    "es": ("de", "como en", "como"),
    "fr": ("comme dans", "comme", "de"),
}
_DOUBLE = {"en": {"double": 2, "triple": 3}, "de": {"doppel": 2}, "es": {"doble": 2}, "fr": {"deux": 2, "double": 2}}
_MARKS = {
    "en": {"dash": "-", "hyphen": "-", "dot": ".", "apostrophe": "'", "space": " ", "at": "@", "underscore": "_"},
    "de": {"strich": "-", "bindestrich": "-", "punkt": ".", "leerzeichen": " ", "at": "@", "unterstrich": "_"},
    "es": {"guion": "-", "punto": ".", "espacio": " ", "arroba": "@"},
    "fr": {"tiret": "-", "point": ".", "espace": " ", "arobase": "@", "apostrophe": "'"},
}
_WORD = re.compile(r"[0-9]+|[^\W\d_]+(?:'[^\W\d_]+)*")


def read_spelling(text: str, language: str | None = None) -> str | None:
    """The letters and digits that were spelled, in capitals: "S as in Sam, M, I, T, H" is "SMITH".

    Alphabets ("Sierra Mike", "Anton Berta"), the names of letters, "double L" and marks ("dash") are understood, and
    words around the spelling skipped. A word that is followed by its spelling is left out: "Smith, S M I T H". None if
    nothing was spelled.
    """
    base = base_of(language)
    if base not in _LETTERS:
        base = "en"
    words = _WORD.findall(fold(text).replace("x-ray", "xray").replace("x ray", "xray"))
    reader = _Spelling(words, base, digit_values_folded(base), repeats(base) | _DOUBLE[base])
    letters = reader.read()
    return letters.upper() if letters else None


def letter_words(base: str) -> list[str]:
    """The words that alphabets have for letters; each begins with its letter."""
    return list(_codewords(base))


class _Spelling:
    def __init__(self, words: Sequence[str], base: str, digits: Mapping[str, str], repeated: Mapping[str, int]) -> None:
        self._words = list(words)
        self._names = _names_of(base)
        self._names_of_words = _codewords(base)
        self._as_in = [tuple(phrase.split()) for phrase in _AS_IN[base]]
        self._marks = _MARKS[base]
        self._around = lexicon(base).words("around_letters")
        self._digits = digits
        self._repeated = repeated

    def read(self) -> str | None:
        spelled, unknown, at = "", [], 0
        while at < len(self._words):
            said, end = self._at(at)
            if said is None:
                if self._words[at] not in self._around:
                    unknown.append(self._words[at])
                at += 1
                continue
            spelled, at = spelled + said, end
        spelled = spelled[:MAX_LETTERS].strip()
        if not any(c.isalnum() for c in spelled):
            return None
        # "Smith, S M I T H": the word is what was spelled. Other words mean that nothing was.
        others = [word for word in unknown if word != spelled.replace(" ", "")]
        return None if len(others) > len(spelled) / 2 else spelled

    def _at(self, at: int) -> tuple[str | None, int]:
        word = self._words[at]
        count = self._repeated.get(word, 1)
        if count > 1 and at + 1 < len(self._words):
            said, end = self._one(at + 1)
            if said is not None and len(said) == 1 and " ".join(self._words[at : at + 2]) not in self._names:
                return said * count, end
        return self._one(at)

    def _one(self, at: int) -> tuple[str | None, int]:
        word = self._words[at]
        two = " ".join(self._words[at : at + 2])
        letter, end = self._names.get(two), at + 2
        if letter is None:
            letter, end = (word if len(word) == 1 else self._names.get(word)), at + 1
        if letter is None and word in self._digits:
            letter = self._digits[word]
        if letter is None and word.isdigit():
            return word, at + 1
        if letter is not None:
            return letter, self._after_example(letter, end)
        if word in self._marks:
            return self._marks[word], at + 1
        return self._names_of_words.get(word), at + 1

    def _after_example(self, letter: str, at: int) -> int:
        """Behind "as in Sam", whose word begins with the letter."""
        for phrase in self._as_in:
            end = at + len(phrase)
            if tuple(self._words[at:end]) == phrase and end < len(self._words):
                example = self._words[end]
                if len(example) > 1 and example[0] == letter:
                    return end + 1
        return at


def _names_of(base: str) -> dict[str, str]:
    letters = dict(
        zip((name.replace("-", " ") for name in _LETTERS[base].split()), "abcdefghijklmnopqrstuvwxyz", strict=True)
    )
    return letters | {fold(name) if name != "eñe" else "ene": letter for name, letter in _MORE_LETTERS[base].items()}


def _codewords(base: str) -> dict[str, str]:
    return {word: word[0] for words in _ALPHABETS[base] for word in words.split()}
