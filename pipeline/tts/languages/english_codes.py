"""Phone numbers, card numbers and codes in English, read character by character. Pure."""

import re

from offhook.pipeline.tts.languages.english_numbers import cardinal, digit_groups, digits_apart, letters_apart
from offhook.pipeline.tts.languages.rules import Match, Rule, rule

_EXTENSION = r"(?:,?\ {0,2}(?:ext\.?|extension|x)\ ?(?P<extension>[0-9]{1,6})\b)?"
_START, _END = r"(?<![\w.,+/:$€£-])", r"(?![\w/]|[-.,:][0-9])"

# A code follows these words, whatever its length.
_CODE_WORDS = (
    r"(?:account|acct|code|pin|passcode|password|otp|id|confirmation|reference|ref|routing|tracking|serial|ticket|case|"
    r"policy|member|claim|invoice|booking|extension|ext|flight|(?:ending|ends)(?:\ in|\ with)?|last\ four|"
    r"last\ 4)"
)
_CODE_BEFORE = re.compile(
    rf"\b{_CODE_WORDS}\.?(?:\ (?:number|no\.?|num|code|digits|id|pin))?(?:\ (?:is|was|are|will\ be))?[:,]?\ ?[#]?$",
    re.I,
)
_NUMBER_BEFORE = re.compile(r"(?:\bnumber|\bno\.|\#)(?:\ is|:)?\ ?\#?$", re.I)
_NUMBERED = re.compile(
    rf"(?:\b(?:{_CODE_WORDS}|order|phone|check|item|part|model|room|unit|suite|apt|lot|rx)\.?\ ?)$", re.I
)
_LOWER_CODE = re.compile(r"[a-z]{1,3}-[0-9]{3,}")  # ab-1203
_PREFIXES = frozenset({"mid", "pre", "top", "non", "sub", "ex", "all", "pro"})
_ORDINAL = re.compile(r"[0-9]+(?:ST|ND|RD|TH)")
_RUNS = re.compile(r"[A-Za-z]+|[0-9]+|[-_]")
_CALLED = re.compile(
    r"\b(?:press|pressing|dial|dialing|key|enter|entering|type|typing|hit|push|touch|by|or|and|then)\ $", re.I
)


def code_rules(*, hash_word: str) -> tuple[Rule, ...]:
    """The rules; `hash_word` is the name of the # key."""

    def hash_mark(found: Match) -> str:
        before = found.string[max(0, found.start() - 16) : found.start()]
        if found.string[found.end() : found.end() + 1].isdigit():
            return hash_word if _CALLED.search(before) and not before.endswith("nd ") else "number"
        return "number" if _NUMBERED.search(before) else hash_word

    return (
        # North American numbers in all their spellings, then international ones, then national ones with a 0.
        rule(
            rf"""{_START}(?P<number>(?:\+?1[ .-]?)?(?:\([2-9][0-9]{{2}}\)[ .-]?|[2-9][0-9]{{2}}[ ./-])
            [0-9]{{3}}[ .-]?[0-9]{{4}}|\+?1?[2-9][0-9]{{9}}){_EXTENSION}{_END}""",
            _north_american,
            re.I,
        ),
        rule(
            rf"(?<![\w(])\([0-9]{{2,5}}\)\ ?[0-9]{{2,8}}(?:[ -][0-9]{{2,6}}){{0,3}}{_END}",
            lambda found: digit_groups(found.group()),
        ),
        rule(
            rf"{_START}(?P<number>\+[0-9]{{1,3}}(?:[ .-]?\(?[0-9]{{1,14}}\)?){{1,6}}){_EXTENSION}{_END}", _international
        ),
        rule(
            rf"{_START}(?P<number>0[0-9]{{2,4}}[ /-][0-9]{{2,8}}(?:[ -][0-9]{{2,6}}){{0,3}}){_EXTENSION}{_END}", _phone
        ),
        rule(rf"{_START}(?P<number>[2-9][0-9]{{2}}[ -][0-9]{{4}}){_EXTENSION}{_END}(?!\ [0-9])", _phone),
        rule(rf"{_START}(?P<number>(?:1[ .-])?\(?[89][0-9]{{2}}\)?[ .-])(?P<word>[A-Z][A-Z0-9-]{{2,12}})\b", _vanity),
        rule(
            r"(?:[*•]{2,16}[ -]){0,4}(?:[*•]{2,16}|[xX]{2,16}(?:[ -][xX]{2,16}){0,4})[ -]?(?P<digits>[0-9]{2,6})\b",
            _masked,
        ),
        rule(
            rf"{_START}(?:[1-9][0-9]{{0,2}}(?:[ \xa0\u202f](?:000|[0-9]{{3}}[ \xa0\u202f]000)|(?:['’][0-9]{{3}}){{1,4}}"
            rf"|(?:\.[0-9]{{3}}){{2,4}})|[1-9][0-9]?(?:[ \xa0\u202f][0-9]{{3}}){{2,4}}){_END}(?![ \xa0\u202f][0-9])",
            lambda found: cardinal(int(re.sub("[^0-9]", "", found.group()))),
        ),
        rule(rf"{_START}[0-9]{{1,6}}(?:[ -][0-9]{{2,6}}){{1,8}}{_END}", _groups),
        rule(rf"{_START}[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}{_END}", _dotted),
        rule(r"\b[A-Z]{2}[0-9]{2}(?:\ [A-Z0-9]{4}){2,7}(?:\ [A-Z0-9]{1,4})?\b", _iban),
        rule(r"(?<![\w.,$-])911(?![\w/]|[-.,:][0-9])", "nine one one"),
        rule(
            r"(?:(?<=call\ )|(?<=dial\ )|(?<=text\ ))(?:[2-8]11|988)\b", lambda found: digits_apart(found.group()), re.I
        ),
        rule(
            r"(?<![\w.,-])[0-9]{3,12}(?![\w/%]|[-.,:][0-9]|\ (?:dollars|days|hours|minutes|percent|times)\b)",
            _after_code_word,
        ),
        rule(r"(?<![\w.,+-])[0-9]{1,12}(?:[-–][0-9]{1,12}){1,5}(?![\w%]|[-.,:/][0-9])", _joined_groups),
        rule(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])", _network_address),
        rule(r"\b(?:[A-Z]{1,2}[0-9][A-Z0-9]?\ [0-9][A-Z]{2}|[A-Z][0-9][A-Z]\ [0-9][A-Z][0-9])\b", _postcode),
        rule(r"(?<![\w.-])[A-Za-z0-9]{1,34}(?:[-_][A-Za-z0-9]{1,20}){0,6}(?![\w-])", _code),
        rule(r"\b(?P<letters>[A-Z]{2,3})\ (?P<digits>[0-9]{4,8})\b", _letters_and_digits),
        rule(r"(?<=\b[CFJ])\#(?!\w)", "sharp"),
        rule(r"(?:(?<=\n)|^)(?:\#{2,6}\ (?=\S)|\#\ (?=[A-Z]))", " "),
        rule(r"(?<![\w.,$-])[0-9]{2,12}(?=\#)", lambda found: digits_apart(found.group())),
        rule(r"(?<=\*)\#|\#(?=[0-9]{1,6}\#)", hash_word),
        rule(r"\#(?=[A-Z]{1,4}-?[0-9])", "number"),
        rule(r"\#(?=[A-Za-z])", "hashtag"),
        rule(r"(?<=[A-Za-z]\ )\#(?=:)", "number"),
        rule(r"\#", hash_mark),
    )


def _phone(found: Match) -> str:
    extension = f", extension {digits_apart(found['extension'])}" if found["extension"] else ""
    return digit_groups(found["number"]) + extension


def _north_american(found: Match) -> str:
    digits = re.sub("[^0-9]", "", found["number"])
    country, digits = digits[:-10], digits[-10:]
    spoken = ", ".join(digits_apart(part) for part in (country, digits[:3], digits[3:6], digits[6:]) if part)
    extension = f", extension {digits_apart(found['extension'])}" if found["extension"] else ""
    return ("plus " if found["number"].startswith("+") else "") + spoken + extension


def _international(found: Match) -> str | None:
    digits = re.sub("[^0-9]", "", found["number"])
    return None if len(digits) < 7 else "plus " + _phone(found)


def _vanity(found: Match) -> str:
    return f"{digit_groups(found['number'])}, {found['word'].replace('-', ' ')}"


def _masked(found: Match) -> str:
    before = found.string[max(0, found.start() - 12) : found.start()].rstrip().lower()
    ending = "" if before.endswith(("ending in", "ends in", "ending with")) else "ending in "
    return ending + digits_apart(found["digits"])


def _groups(found: Match) -> str | None:
    """Card numbers, social security numbers, ZIP+4: long, and grouped unlike any quantity."""
    text = found.group()
    groups = re.findall("[0-9]+", text)
    if len("".join(groups)) < 7 or (" " in text and (len(groups) < 3 or min(map(len, groups[:-1])) < 3)):
        return None
    return digit_groups(text)


def _dotted(found: Match) -> str:
    return " dot ".join(map(digits_apart, found.group().split(".")))


def _iban(found: Match) -> str:
    return ", ".join(_spelt(part) for part in found.group().split())


def _after_code_word(found: Match) -> str | None:
    before = found.string[max(0, found.start() - 48) : found.start()]
    if _CODE_BEFORE.search(before) or (len(found.group()) > 3 and _NUMBER_BEFORE.search(before)):
        return digits_apart(found.group())
    return None


def _joined_groups(found: Match) -> str | None:
    """Groups after the name of a code ("code 471-913"), and single digits ("4-7-1-9")."""
    groups = re.findall("[0-9]+", found.group())
    if len(groups) > 3 and all(len(group) == 1 for group in groups):
        return digits_apart("".join(groups))
    before = found.string[max(0, found.start() - 48) : found.start()]
    called = _CODE_BEFORE.search(before) or _NUMBER_BEFORE.search(before)
    return digit_groups(found.group()) if called and len("".join(groups)) > 4 else None


def _network_address(found: Match) -> str:
    return ", ".join(map(_spelt, re.split("[:-]", found.group().upper())))


def _postcode(found: Match) -> str:
    return ", ".join(map(_spelt, found.group().split()))


def _code(found: Match) -> str | None:
    text = found.group()
    runs = _RUNS.findall(text)
    letters = [run for run in runs if run.isalpha()]
    digits = sum(len(run) for run in runs if run.isdigit())
    if not letters or not digits or _ORDINAL.fullmatch(text):
        return None
    small = any(c.islower() for run in letters for c in run)
    if _LOWER_CODE.fullmatch(text):
        return None if runs[0] in _PREFIXES else _spelt(text)
    if small:
        # "abc123", "3f2a9c"; but not "24-hour", "2nd" or "win95".
        if (
            "-" in text
            or "_" in text
            or max(map(len, letters)) > 3
            or digits < 3
            or (len(runs) == 2 and runs[0].isdigit())
        ):
            return None
    elif digits < 3 and (digits < 2 or max(map(len, letters)) > 3 or sum(map(len, letters)) < 2):
        return None
    return _spelt(text)


def _spelt(text: str) -> str:
    spoken = []
    for run in _RUNS.findall(text):
        if run.isdigit():
            spoken.append(digits_apart(run))
        elif run == "-":
            spoken.append("dash")
        elif run == "_":
            spoken.append("underscore")
        else:
            word = len(run) > 3 and any(c in "AEIOU" for c in run)
            spoken.append(run if word else letters_apart(run))
    return " ".join(spoken).rstrip(",")


def _letters_and_digits(found: Match) -> str | None:
    number = int(found["digits"])
    if 1900 <= number <= 2099:
        return None  # "the USA 2024 report"
    letters = found["letters"]
    word = len(letters) > 2 and any(c in "AEIOU" for c in letters)  # "ZIP 90210"
    return f"{letters if word else letters_apart(letters)} {digits_apart(found['digits'])}"


def star_rules() -> tuple[Rule, ...]:
    """The * key, and the asterisks of emphasis and lists."""
    return (
        rule(r"(?<=[0-9]\ )\*(?=\ [0-9])", "times"),
        rule(r"\*(?P<digits>[0-9]{2,5})(?!\w|[.,][0-9])", lambda found: f"star {digits_apart(found['digits'])}"),
        rule(r"(?:(?<=\n)|^)[*•]\ (?=\S)", _bullet),
        rule(r"\*{1,3}(?=[^\W\d_][^*\n]{0,200}(?<=[^\s*])\*)", " "),
        rule(r"\*{2,3}", " "),
        rule(r"(?<=[^\W\d_])\*|(?<=[.,!?:;)%])\*(?![\w*])", " "),
        rule(r"\*", "star"),
        rule(r"•", " "),
        rule(r"`{1,3}", " "),
    )


def _bullet(found: Match) -> str | None:
    # "* ends the call" means the key.
    return " " if found.start() or found.string[found.end()].isupper() else None
