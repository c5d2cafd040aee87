"""The ways to say numbers, as JSGF: made from the table that reads them. Pure."""

from collections.abc import Iterator

from offhook.pipeline.understanding.numerals import Numerals, Words
from offhook.pipeline.understanding.phrase_rules import alternatives, spellings

MOST_LISTED = 120
"""So many numbers are listed, and no other is recognised; of more the grammar has the pattern."""

LARGEST = 999_999
"""Of a question that sets no limit; one that does goes to 999,999,999."""


_DECLINED = frozenset(("einen", "einem", "einer"))
"""That nobody counts with."""


def small_numbers(numerals: Numerals, base: str, low: int, high: int) -> list[Words]:
    """The numbers below 100 from `low` to `high`, in all words for them."""
    found = (words for words, value in numerals.small.items() if low <= value <= high and not _DECLINED & set(words))
    return [spelling for words in found for spelling in spellings(words, base)]


def ordinals(numerals: Numerals, base: str, high: int) -> list[Words]:
    """The ordinals from 1 to `high`, in all words for them."""
    found = (words for words, value in numerals.ordinals.items() if 1 <= value <= high)
    return [spelling for words in found for spelling in spellings(words, base)]


def number_rules(numerals: Numerals, base: str, low: int, high: int, name: str = "number") -> dict[str, str]:
    """The rules for the whole numbers from `low` to `high` (neither is negative), `name` and those it uses."""
    if high <= 999 and high - low < MOST_LISTED:
        listed = (spelling for n in range(low, high + 1) for spelling in _below_thousand(n, numerals, base))
        return {name: alternatives(listed)}
    small = alternatives(small_numbers(numerals, base, 1, 99))
    joiner = f"[{' | '.join(_joiners(numerals, base))}]" if _joiners(numerals, base) else ""
    limit = 9 if base != "en" or high < 1_100 else 19
    hundreds = alternatives(
        spelling
        for words, value in numerals.hundreds.items()
        if value <= min(100 * limit, high) and not (base == "en" and words == ("hundred",))  # "for hundred": "four"
        for spelling in _compound(words, base)
    )
    rules = {f"{name}_small": small, f"{name}_hundreds": f"(<{name}_small> | {hundreds} [{joiner} <{name}_small>])"}
    below = f"<{name}_hundreds>"
    for scale in (1_000, 1_000_000):
        if high < scale:
            break
        words = " | ".join(word for word, value in numerals.scales.items() if value == scale)
        most = high // scale
        count = alternatives(small_numbers(numerals, base, 1, most)) if most < 100 else f"<{name}_hundreds>"
        if base != "en" and scale == 1_000:
            count = f"[{count}]"  # "mil", "mille"
        rules[f"{name}_{scale}"] = f"({below} | {count} ({words}) [{joiner} {below}])"
        below = f"<{name}_{scale}>"
    zero = alternatives(small_numbers(numerals, base, 0, 0))
    return rules | {name: f"({below} | {zero})" if low <= 0 else below}


def _below_thousand(number: int, numerals: Numerals, base: str) -> Iterator[Words]:
    if number < 100:
        yield from small_numbers(numerals, base, number, number)
        return
    rest = small_numbers(numerals, base, number % 100, number % 100) if number % 100 else [()]
    for words, value in numerals.hundreds.items():
        if value != number // 100 * 100:
            continue
        for hundred in _compound(words, base):
            for tail in rest:
                yield hundred + tail
                if tail:
                    yield from ((*hundred, joiner, *tail) for joiner in _joiners(numerals, base))


def _compound(words: Words, base: str) -> list[Words]:
    """A number of hundreds: in German one word."""
    return [("".join(spellings(words, base)[0]),)] if base == "de" else [spellings(words, base)[0]]


def _joiners(numerals: Numerals, base: str) -> list[str]:
    """What is said between hundreds and the rest; Spanish and French have it within the rest only."""
    return sorted(numerals.joiners) if base in ("en", "de") else []
