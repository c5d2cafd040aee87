"""The words with which digits are spoken one by one, by language. Pure."""

_WORDS = {
    "en": "oh zero | one | two | three | four | five | six | seven | eight | nine",
    "de": "null | eine ein eins | zwo zwei | drei | vier | fünf | sechs | sieben | acht | neun",
    "es": "cero | una un uno | dos | tres | cuatro | cinco | seis | siete | ocho | nueve",
    "fr": "zéro | une un | deux | trois | quatre | cinq | six | sept | huit | neuf",
    "it": "zero | una un uno | due | tre | quattro | cinque | sei | sette | otto | nove",
    "nl": "nul | een één | twee | drie | vier | vijf | zes | zeven | acht | negen",
    "pt": "zero | uma um | duas dois | três | quatro | cinco | meia seis | sete | oito | nove",
}
"""The digits from 0 to 9; the last word of each is the usual one."""

_RARE = {"en": {"o": "0", "nought": "0"}}
"""Words that a transcript may have, but that nobody listens for."""

_REPEATS = {"en": {"double": 2, "triple": 3}}

_LISTED = {base: tuple(tuple(words.split()) for words in text.split("|")) for base, text in _WORDS.items()}
_VALUES = {
    base: {word: str(digit) for digit, words in enumerate(listed) for word in words} | _RARE.get(base, {})
    for base, listed in _LISTED.items()
}


def digit_words(language: str | None) -> tuple[tuple[str, ...], ...]:
    """For each digit from 0 to 9 its words, the usual one last; empty for a language that is not listed."""
    return _LISTED.get(_base(language), ())


def digit_values(language: str | None) -> dict[str, str]:
    """The digit of each word."""
    return _VALUES.get(_base(language), {})


def repeats(language: str | None) -> dict[str, int]:
    """Words that repeat the digit after them, and how often it stands."""
    return _REPEATS.get(_base(language), {})


def _base(language: str | None) -> str:
    return (language or "en").lower().partition("-")[0]
