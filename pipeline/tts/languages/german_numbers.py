"""Numbers as German words. Pure."""

from offhook.pipeline.tts.languages.rules import listed

_ONES = listed(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_TENS = listed("null zehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_SCALES = (
    (10**12, "Billion", "Billionen"),
    (10**9, "Milliarde", "Milliarden"),
    (10**6, "Million", "Millionen"),
)
_IRREGULAR = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}
_LIMIT = 10**15


def cardinal(number: int) -> str:
    """A number from 0 to 999 999 999 999 999; below a million it is one word. Raises ValueError beyond."""
    if not 0 <= number < _LIMIT:
        raise ValueError(f"{number} is not between 0 and {_LIMIT - 1}")
    for scale, one, many in _SCALES:
        if number >= scale:
            count, rest = divmod(number, scale)
            head = f"eine {one}" if count == 1 else f"{cardinal(count)} {many}"
            return f"{head} {cardinal(rest)}" if rest else head
    thousands, rest = divmod(number, 1_000)
    if not thousands:
        return _below_thousand(rest)
    head = _below_thousand(thousands)
    # "eintausend", "hunderteintausend": "eins" loses its s in front of another word.
    head = head.removesuffix("s") if head.endswith("eins") else head
    return f"{head}tausend{_below_thousand(rest) if rest else ''}"


def ordinal(number: int) -> str:
    """ "dritte", "einundzwanzigste": the form after "der". Raises ValueError as `cardinal` does."""
    words, tail = cardinal(number), number % 100
    if not 1 <= tail <= 19:
        return words + "ste"
    return words.removesuffix(_ONES[tail]) + _IRREGULAR.get(tail, _ONES[tail] + "te")


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    head = f"{_stem(hundreds)}hundert" if hundreds else ""
    if rest < 20:
        return head + (_ONES[rest] if rest or not head else "")
    tens, ones = divmod(rest, 10)
    return head + (f"{_stem(ones)}und" if ones else "") + _TENS[tens]


def _stem(digit: int) -> str:
    return "ein" if digit == 1 else _ONES[digit]
