"""Numbers as English words. Pure."""

from offhook.pipeline.tts.languages.rules import listed

_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = listed("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = (
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (1_000, "thousand"),
    (100, "hundred"),
)
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LIMIT = 10**15


def cardinal(number: int) -> str:
    """A number from 0 to 999,999,999,999,999 in words without "and". Raises ValueError beyond."""
    if not 0 <= number < _LIMIT:
        raise ValueError(f"{number} is not between 0 and {_LIMIT - 1:,}")
    for scale, name in _SCALES:
        if number >= scale:
            rest = number % scale
            return f"{cardinal(number // scale)} {name}" + (f" {cardinal(rest)}" if rest else "")
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f" {_ONES[number % 10]}" if number % 10 else "")


def ordinal(number: int) -> str:
    """As `cardinal`, but for 21 it is "twenty first"."""
    *head, last = cardinal(number).split()
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*head, _ORDINALS.get(last, regular)])


def year(number: int) -> str:
    """1998 is "nineteen ninety eight", 2005 "two thousand five", 1905 "nineteen oh five"."""
    century, rest = divmod(number, 100)
    if not 1_000 <= number <= 2_999 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def decade(number: int) -> str:
    """1990 is "nineteen nineties", 90 "nineties", 1800 "eighteen hundreds"."""
    words = year(number) if number >= 100 else cardinal(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def amount(digits: str) -> str:
    """ "1,204.50" is "one thousand two hundred four point five zero", ".5" "point five"."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    point = f"point {digits_apart(decimals)}" if decimals else ""
    if not whole:
        return point
    spoken = cardinal(int(whole)) if len(whole) <= 15 else digits_apart(whole)
    return f"{spoken} {point}".rstrip()


def digits_apart(digits: str) -> str:
    """The digits as words: "1204" is "one two zero four"."""
    return " ".join(_ONES[int(digit)] for digit in digits)


def digit_groups(text: str) -> str:
    """The digits of `text` as words, a pause between groups: "555-1234" is "five five five, one two three four"."""
    groups = "".join(c if c.isdigit() else " " for c in text).split()
    return ", ".join(map(digits_apart, groups))


def letters_apart(letters: str) -> str:
    """Letters, each by its name: "XK" is "X K"."""
    # On its own, "A" would be read as the article.
    letters = letters.upper()
    if "A" not in letters:
        return " ".join(letters)
    return "".join(f"{letter}." for letter in letters) if len(letters) > 1 else "A,"


def counted(number: str, singular: str, plural: str) -> str:
    """ "1" and "mile" is "one mile", "2" "two miles"."""
    return f"{amount(number)} {singular if number == '1' else plural}"
