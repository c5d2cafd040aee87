"""Numbers as French words, also as they are said in Belgium and Switzerland. Pure."""

from typing import Literal

from offhook.pipeline.tts.languages.rules import listed

Region = Literal["fr", "be", "ch"]
"""Belgium says septante and nonante, Switzerland huitante as well."""

_ONES = listed(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf"
)
_TENS = listed("zéro dix vingt trente quarante cinquante soixante septante huitante nonante")
_OWN_TENS: dict[Region, frozenset[int]] = {"fr": frozenset(), "be": frozenset({7, 9}), "ch": frozenset({7, 8, 9})}
_SCALES = (
    (10**12, "billion", "billions"),
    (10**9, "milliard", "milliards"),
    (10**6, "million", "millions"),
)
_ORDINALS = {"un": "unième", "cinq": "cinquième", "neuf": "neuvième"}
_LIMIT = 10**15


def cardinal(number: int, region: Region = "fr") -> str:
    """A number from 0 to 999 999 999 999 999: "quatre-vingt-un", "deux cents". Raises ValueError beyond."""
    if not 0 <= number < _LIMIT:
        raise ValueError(f"{number} is not between 0 and {_LIMIT - 1}")
    for scale, one, many in _SCALES:
        if number >= scale:
            count, rest = divmod(number, scale)
            head = f"{cardinal(count, region)} {one if count == 1 else many}"
            return f"{head} {cardinal(rest, region)}" if rest else head
    thousands, rest = divmod(number, 1_000)
    if not thousands:
        return _below_thousand(rest, region)
    # "quatre-vingt mille", "deux cent mille": the plural s goes in front of another numeral.
    head = "mille" if thousands == 1 else f"{_without_s(_below_thousand(thousands, region))} mille"
    return f"{head} {_below_thousand(rest, region)}" if rest else head


def ordinal(number: int, region: Region = "fr") -> str:
    """ "premier", "deuxième", "vingt et unième". Raises ValueError as `cardinal` does."""
    if number == 1:
        return "premier"
    words = _without_s(cardinal(number, region))
    for ending, nth in _ORDINALS.items():
        if words.endswith(ending):
            return words.removesuffix(ending) + nth
    return words.removesuffix("e") + "ième"


def _below_thousand(number: int, region: Region) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest, region)
    head = "cent" if hundreds == 1 else f"{_ONES[hundreds]} cent"
    if not rest:
        return head if hundreds == 1 else head + "s"
    return f"{head} {_below_hundred(rest, region)}"


def _below_hundred(number: int, region: Region) -> str:
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    if tens < 7 or tens in _OWN_TENS[region]:
        return _joined(_TENS[tens], ones, and_one=True)
    if tens == 7:
        return _joined("soixante", number - 60, and_one=True)
    return _joined("quatre-vingt", number - 80, and_one=False) if number > 80 else "quatre-vingts"


def _joined(tens: str, ones: int, *, and_one: bool) -> str:
    if not ones:
        return tens
    return f"{tens} et {_ONES[ones]}" if and_one and ones in (1, 11) else f"{tens}-{_ONES[ones]}"


def _without_s(words: str) -> str:
    return words.removesuffix("s") if words.endswith(("cents", "vingts")) else words
