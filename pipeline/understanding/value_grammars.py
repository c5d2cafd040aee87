"""Grammars for a question's value, for recognisers that need one. Pure.

They are made from the tables by which values are read, so that what is recognised can be read. Each function returns
rules by their names; the first is the value's. They are for English, German, Spanish and French; in other languages
there are none, and the recogniser listens to free speech.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from offhook.pipeline.asr.digit_words import digit_words, repeats
from offhook.pipeline.tts.languages import english_numbers
from offhook.pipeline.understanding.amounts import money_words
from offhook.pipeline.understanding.calendar_words import calendar_words
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.number_grammars import LARGEST, MOST_LISTED, number_rules, ordinals, small_numbers
from offhook.pipeline.understanding.numbers import NEGATIVE
from offhook.pipeline.understanding.numerals import Numerals, Words, known_numerals
from offhook.pipeline.understanding.phrase_rules import alternatives, spellings
from offhook.pipeline.understanding.spelling import letter_words
from offhook.pipeline.understanding.spelling_words import DOUBLE, EXAMPLES
from offhook.pipeline.understanding.times import clock_words
from offhook.pipeline.understanding.words import base_of

Rules = dict[str, str]

MOST_NUMBER = 999_999_999
YEARS_BACK, YEARS_AHEAD = 110, 3
"""That a date may have."""

SPAN_COUNT = 30
"""Of "in three weeks"."""


@dataclass(frozen=True, slots=True)
class _Templates:
    """The forms of a language's values. `at` are words before a time, and may be missing."""

    number: str
    date: str
    at: str
    time: str
    span: str
    amount: str
    bare_amount: str


_TEMPLATES: Mapping[str, _Templates] = {
    "en": _Templates(
        number="[for | about | around] <number> [people | persons | of us]",
        date="[on | for] ([<weekday>] ([the] <month> [the] <nth> | [the] <nth> [of] <month>) [<year>]"
        " | [<weekday>] the <nth> | [<coming>] <weekday> | <relative> | in <count> <unit>)",
        at="at | around | about | by",
        time="(<hour> [<minute> | oh <units> | o'clock]"
        " | (<quarter> | half | <minutes> [minutes]) (past | after) <hour>"
        " | (<quarter> | <minutes> [minutes]) (to | till) <hour>) [<half>] | <fixed>",
        span="[between | from] <time> (and | to | till | until) <time>",
        amount="<number> <unit> [[and] <cents> [<part>]] | <cents> <part>",
        bare_amount="<number> [<unit> [[and] <cents> [<part>]]] | <cents> (<part> | <tens>)",
    ),
    "de": _Templates(
        number="[für | etwa | ungefähr] <number> [personen | leute]",
        date="[am | den | der | zum | für den] ([<weekday>] [den | der] <nth> (<month> | <nth>) [<year>]"
        " | [<weekday>] [den | der] <nth> | [<coming>] <weekday> | <relative> | in <count> <unit>)",
        at="um | gegen | ab",
        time="(<hour> uhr [<minute>] | <hour> | halb <hour> | (viertel | dreiviertel) <hour>"
        " | (viertel | <minutes> [minuten]) (vor | nach) [halb] <hour>) [<half>] | <fixed>",
        span="[zwischen | von] <time> (und | bis) <time>",
        amount="<number> <unit> [[und] <cents> [<part>]] | <cents> <part>",
        bare_amount="<number> [<unit> [[und] <cents> [<part>]]] | <cents> (<part> | <tens>)",
    ),
    "es": _Templates(
        number="[para | unos | unas] <number> [personas]",
        date="[el | para el] ([<weekday>] (<day> | <nth>) de <month> [de <year>] | [<weekday>] <day>"
        " | <weekday> [<coming>] | <coming> <weekday> | <relative> | (en | dentro de) <count> <unit>)",
        at="a | sobre",
        time="[las | la] <hour> [(y | menos) (<minutes> | <quarter>) | <minute> | en punto | horas] [<half>]"
        " | [al] <fixed>",
        span="[entre | de | desde] <time> (y | a | hasta) <time>",
        amount="<number> <unit> [(con | y) <cents> [<part>]] | <cents> <part>",
        bare_amount="<number> [<unit> [(con | y) <cents> [<part>]]] | <cents> (<part> | <tens>)",
    ),
    "fr": _Templates(
        number="[pour | environ] <number> [personnes]",
        date="[le | pour le] ([<weekday>] (<day> | <nth>) <month> [<year>] | [<weekday>] <day>"
        " | <weekday> [<coming>] | <coming> <weekday> | <relative> | dans <count> <unit>)",
        at="à | vers",
        time="<hour> (heures | heure) [<minute> | (et | moins) <quarter> | moins <minutes>] [<half>] | <fixed>",
        span="[entre | de] <time> (et | à) <time>",
        amount="<number> <unit> [[et] <cents> [<part>]] | <cents> <part>",
        bare_amount="<number> [<unit> [[et] <cents> [<part>]]] | <cents> (<part> | <tens>)",
    ),
}


def number_grammar(language: str | None, least: float | None, most: float | None) -> Rules | None:
    """Whole numbers from `least` to `most`; beyond MOST_NUMBER there are none."""
    known = _known(language)
    if known is None:
        return None
    base, numerals, templates = known
    low, high = int(least or 0), int(LARGEST if most is None else most)
    if most is None and low > LARGEST // 10:
        high = MOST_NUMBER
    if high < 0:
        low, high = -high, -low
    signed = least is not None and least < 0
    rules = number_rules(numerals, base, max(0, 0 if signed else low), min(max(abs(low), high), MOST_NUMBER))
    if signed:
        rules["whole"], rules["number"] = rules["number"], f"[{' | '.join(NEGATIVE[base])}] <whole>"
    form = templates.number
    if high > MOST_LISTED:
        # As numbers are read out that have no pattern: "one zero zero zero one".
        form += f" | <one_digit> <one_digit> {'[' * (len(str(high)) - 2)}{'<one_digit>]' * (len(str(high)) - 2)}"
        rules["one_digit"] = alternatives((word,) for words in digit_words(language) for word in words)
    return {"value": form} | rules


def date_grammar(language: str | None, today: date | None, past: bool) -> Rules | None:
    """Days with a month, weekdays, relative days; with years that are near `today`."""
    known, calendar = _known(language), calendar_words(language)
    if known is None or calendar is None:
        return None
    base, numerals, templates = known
    this_year = (today or date.today()).year
    years = range(this_year - YEARS_BACK, this_year + 1) if past else range(this_year, this_year + YEARS_AHEAD + 1)
    relative = [phrase for phrase, days in calendar.days.items() if (days <= 0 if past else days >= 0)]
    lists: dict[str, Iterable[Sequence[str]]] = {
        "month": _spelt(_long_names(calendar.months), base),
        "weekday": _spelt(_long_names(calendar.weekdays), base),
        "nth": ordinals(numerals, base, 31 if base in ("en", "de") else 1),
        "day": small_numbers(numerals, base, 1, 31),
        "year": (words for year in years for words in _year(year, numerals, base)),
        "relative": _spelt(relative, base),
        "coming": _spelt(calendar.last if past else (*calendar.coming, *calendar.following), base),
        "count": small_numbers(numerals, base, 1, SPAN_COUNT),
        "unit": _spelt([word for word, unit in calendar.units.items() if unit != "year"], base),
    }
    return _rules(templates.date, lists)


def time_grammar(language: str | None) -> Rules | None:
    """Times of day."""
    found, known = _times(language), _known(language)
    return None if found is None or known is None else {"value": f"[{known[2].at}] <time>"} | found


def time_range_grammar(language: str | None) -> Rules | None:
    """Two times of day."""
    found, known = _times(language), _known(language)
    return None if found is None or known is None else {"value": known[2].span} | found


def amount_grammar(language: str | None, currency: str | None) -> Rules | None:
    """Amounts of money; in `currency` it need not be said: "twelve fifty"."""
    known = _known(language)
    if known is None:
        return None
    base, numerals, templates = known
    units, parts = money_words(base, currency)
    form = templates.amount if currency is None else templates.bare_amount
    lists: dict[str, Iterable[Sequence[str]]] = {
        "unit": _spelt(units or money_words(base, None)[0], base),
        "part": _spelt(parts or money_words(base, None)[1], base),
        "cents": small_numbers(numerals, base, 1, 99),
        "tens": small_numbers(numerals, base, 10, 99),
    }
    return _rules(form, lists) | number_rules(numerals, base, 1, LARGEST)


def spelling_grammar(language: str | None, *, digits: bool = True, examples: bool = True) -> Rules | None:
    """Code words for letters, letters with an example ("S as in Sam"), and `digits`, in any number.

    Not letters alone: over a phone line a grammar of them finds letters in anything, and seldom those that were said.
    Nor the words of two alphabets beside each other, of which the shorter ones are found in the longer.
    """
    known = _known(language)
    if known is None:
        return None
    base = known[0]
    nato, *others = ([_WRITTEN.get(word, word) for word in words] for words in letter_words(base))
    other = [word for words in others for word in words]
    repeated = [*repeats(language), *(word for word in DOUBLE[base] if word not in repeats(language))]
    again = f"[{' | '.join(repeated)}] " if repeated else ""
    numbers = f" | {again}<spelt_digit>" if digits else ""
    known_examples = dict.fromkeys((*nato, *other, *(EXAMPLES[base].split() if examples else ())))
    lists = {
        "example": [f"{word[0]} {phrase} {word}" for word in known_examples for phrase in _AS_IN[base]],
        "nato": nato,
        "other": other,
        "spelt_digit": [word for words in digit_words(language) for word in words] if digits else [],
    }
    forms = (f"({again}<nato>{numbers})+", f"({again}<other>{numbers})+", f"(<example>{numbers})+")
    return {"value": " | ".join(forms)} | {
        name: alternatives(word.split() for word in words) for name, words in lists.items() if words
    }


def yes_no_grammar(language: str | None) -> Rules | None:
    """Phrases that mean yes or no."""
    words = lexicon(base_of(language))
    phrases = [phrase for phrase in (*words.phrases("yes"), *words.phrases("no")) if phrase not in _TOO_SHORT]
    if not phrases:
        return None
    return {"value": alternatives(_spelt(phrases, base_of(language)))}


_TOO_SHORT = frozenset(("aye", "ya", "yea", "uh uh", "mm hmm", "uh huh", "mhm"))
"""Rare, and like many other sounds."""

_WRITTEN = {"xray": "x-ray"}
"""Words as dictionaries have them."""

_AS_IN = {"en": ("as in", "for"), "de": ("wie",), "es": ("de",), "fr": ("comme",)}


def _known(language: str | None) -> tuple[str, Numerals, _Templates] | None:
    base, numerals = base_of(language), known_numerals(language)
    return None if numerals is None or base not in _TEMPLATES else (base, numerals, _TEMPLATES[base])


def _rules(form: str, lists: Mapping[str, Iterable[Sequence[str]]]) -> Rules:
    """The value by its form, and the rules that it uses."""
    used = {name: phrases for name, phrases in lists.items() if f"<{name}>" in form}
    return {"value": form} | {name: alternatives(phrases) for name, phrases in used.items()}


def _times(language: str | None) -> Rules | None:
    known, clock = _known(language), clock_words(language)
    if known is None or clock is None:
        return None
    base, numerals, templates = known
    quarters = [phrase for phrase, minute in clock.minutes.items() if base != "en" or minute == 15]
    lists: dict[str, Iterable[Sequence[str]]] = {
        "hour": small_numbers(numerals, base, 1, 12) if base == "en" else small_numbers(numerals, base, 0, 24),
        "minute": small_numbers(numerals, base, 10 if base == "en" else 1, 59),
        "minutes": [words for n in (5, 10, 20, 25) for words in small_numbers(numerals, base, n, n)],
        "units": small_numbers(numerals, base, 1, 9),
        "quarter": _spelt(quarters, base),
        "fixed": _spelt(clock.fixed, base),
        "half": _spelt(clock.halves, base),
    }
    rules = _rules(templates.time, lists)
    return {"time": f"({rules.pop('value')})"} | rules


def _spelt(phrases: Iterable[str], base: str) -> list[Words]:
    return [words for phrase in phrases for words in spellings(phrase.split(), base)]


def _long_names(names: Mapping[str, int]) -> list[str]:
    """Without abbreviations: the first name of each, and the others that are as long as a name."""
    first = {number: name for name, number in reversed(list(names.items()))}
    return [name for name, number in names.items() if name == first[number] or len(name) >= _NAME_CHARS]


_NAME_CHARS = 6


def _year(year: int, numerals: Numerals, base: str) -> Iterable[Words]:
    century, rest = divmod(year, 100)
    if base == "en":
        yield tuple(english_numbers.year(year).split())
        if century == 20 and rest:
            for below in small_numbers(numerals, base, rest, rest):
                yield ("two", "thousand", *below)
                yield ("two", "thousand", "and", *below)
        return
    for head in _CENTURIES[base].get(century, ()):
        for below in small_numbers(numerals, base, rest, rest) if rest else [()]:
            yield (*head, *below)


_CENTURIES: Mapping[str, Mapping[int, tuple[Words, ...]]] = {
    "de": {19: (("neunzehnhundert",),), 20: (("zweitausend",),)},
    "es": {19: (("mil", "novecientos"),), 20: (("dos", "mil"),)},
    "fr": {19: (("mille", "neuf", "cent"), ("dix", "neuf", "cent")), 20: (("deux", "mille"),)},
}


@lru_cache(maxsize=8)
def value_words(base: str) -> frozenset[str]:
    """The words of all these grammars: a recogniser with a small vocabulary may lack some of them."""
    today = date.today()
    grammars = (
        number_grammar(base, 0, MOST_NUMBER),
        number_grammar(base, -99, 99),
        date_grammar(base, today, past=False),
        date_grammar(base, today, past=True),
        time_range_grammar(base),
        time_grammar(base),
        amount_grammar(base, None),
        spelling_grammar(base, examples=False),
        yes_no_grammar(base),
    )
    written = " ".join(rule for grammar in grammars if grammar is not None for rule in grammar.values())
    return frozenset(re.sub(r"<\w+>|[()|\[\]+]", " ", written).split())


def example_words(base: str) -> frozenset[str]:
    """Words of spellings beside those: as they are common ones, a model may lack them in a spelling only."""
    return frozenset(EXAMPLES.get(base, "").split())
