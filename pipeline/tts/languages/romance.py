"""Reading rules that Spanish and French share: the order of dates, decimal commas, units behind numbers. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.pipeline.tts.languages.rules import DASH, MARKUP, Match, Rule, rule, with_stop
from offhook.pipeline.tts.languages.web import WebWords, web_rules

MIN_SPELT_DIGITS = 5
"""Numbers with at least this many digits are read digit by digit, unless they have separators or end in 000."""

_SPACE = "[ \xa0\u202f]"


@dataclass(frozen=True, slots=True)
class Currency:
    """Its name and that of its hundredth, in the singular and plural."""

    one: str
    many: str
    part: str
    parts: str
    feminine: bool = False


@dataclass(frozen=True, slots=True)
class Romance:
    """The words of a language.

    `cardinal` is a number by itself, `counting` in front of a noun (feminine or not), `ordinal` one with the mark
    behind its figures, `day` that of a date, `clock` a time (hour, minute or None, with the word for hours), `money` an
    amount (units, hundredths, currency). `is_feminine` guesses the gender of a noun, `code_before` are words before a
    code that is read digit by digit, `pairs`: phone numbers are said in pairs. `decimal` is the decimal mark, `group`
    what divides thousands.
    """

    cardinal: Callable[[int], str]
    counting: Callable[[int, bool], str]
    ordinal: Callable[[int, str], str]
    day: Callable[[int], str]
    date: Callable[[str, str, str], str]
    clock: Callable[[int, int | None, bool], str]
    money: Callable[[int, int, Currency], str]
    decimal: str
    group: str
    point: str
    minus: str
    to: str
    hours: str
    months: tuple[str, ...]
    month_names: str
    currencies: Mapping[str, Currency]
    units: Mapping[str, tuple[str, str, bool]]
    abbreviations: Mapping[str, str]
    ordinal_marks: tuple[str, ...]
    is_feminine: Callable[[str], bool]
    code_before: str
    symbols: Mapping[str, str]
    web_marks: Mapping[str, str]
    pairs: bool = False


def romance(words: Romance) -> tuple[Rule, ...]:
    """The rules, in the order in which they are tried."""
    reader = _Reader(words)
    web = WebWords(marks=words.web_marks, digits=reader.apart, letters=lambda letters: " ".join(letters.upper()))
    return (
        *MARKUP,
        *web_rules(web),
        *reader.dates(),
        *reader.times(),
        *reader.money(),
        *reader.quantities(),
        *reader.codes(),
        *reader.words(),
    )


class _Reader:
    def __init__(self, words: Romance) -> None:
        self._words = words
        group, decimal = words.group, re.escape(words.decimal)
        self._number = (
            rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,4}}(?![0-9])|[0-9]{{1,15}})(?:{decimal}[0-9]{{1,9}})?(?![0-9])"
        )
        self._minus = rf"(?P<minus>(?<![\w)%]){DASH}{_SPACE}?)?"

    # Numbers.

    def apart(self, digits: str) -> str:
        """Digit by digit."""
        return " ".join(self._words.cardinal(int(digit)) for digit in digits)

    def _split(self, text: str) -> tuple[int, str]:
        whole, _, decimals = text.partition(self._words.decimal)
        return int(re.sub("[^0-9]", "", whole)), decimals

    def _value(self, text: str, noun: bool | None = None) -> str:
        """A number in words; `noun`: in front of one, feminine or not."""
        whole, decimals = self._split(text)
        if decimals:
            zeros = "0" * (len(decimals) - len(decimals.lstrip("0")))
            rest = decimals.lstrip("0")
            spoken = self.apart(zeros) if zeros else ""
            small = self._words.cardinal(int(rest)) if rest and len(rest) < 4 else self.apart(rest)
            return f"{self._words.cardinal(whole)} {self._words.point} {f'{spoken} {small}'.strip()}"
        return self._words.cardinal(whole) if noun is None else self._words.counting(whole, noun)

    def _signed(self, found: Match, text: str) -> str:
        return f"{self._words.minus} {text}" if found["minus"] else text

    # Dates and times.

    def dates(self) -> tuple[Rule, ...]:
        words = self._words
        month = rf"(?P<month>{words.month_names})"
        year = r"(?P<year>[12][0-9]{3})"
        edge = r"(?<![\w.,/:-])"
        link = rf"{_SPACE}(?:de{_SPACE})?"
        return (
            rule(rf"{edge}{year}-(?P<m>[01][0-9])-(?P<day>[0-3][0-9])(?![\w-])", self._numeric),
            rule(
                rf"{edge}(?P<day>[0-3]?[0-9])(?P<s>[/.-])(?P<m>[01]?[0-9])(?P=s){year}(?![\w/]|[.-][0-9])",
                self._numeric,
            ),
            rule(
                rf"{edge}(?P<day>[0-3]?[0-9])/(?P<m>0[1-9]|1[0-2])(?P<year>(?!))?(?![\w/%]|[.,-][0-9])", self._numeric
            ),
            rule(
                rf"{edge}(?P<day>[0-3]?[0-9])(?:er|º|°)?{link}{month}(?:{link.replace('de', 'del?')}{year})?(?!\w)",
                self._named,
                re.I,
            ),
            rule(rf"(?<![\w.,:/-]){month}(?:{link.replace('de', 'del?')}){year}(?!\w)", self._month_and_year, re.I),
        )

    def _numeric(self, found: Match) -> str | None:
        month, day = int(found["m"]), int(found["day"])
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return None
        return self._dated(day, self._words.months[month - 1], found["year"])

    def _named(self, found: Match) -> str | None:
        day = int(found["day"])
        return self._dated(day, found["month"], found["year"]) if 1 <= day <= 31 else None

    def _dated(self, day: int, month: str, year: str | None) -> str:
        return self._words.date(self._words.day(day), month, self._words.cardinal(int(year)) if year else "")

    def _month_and_year(self, found: Match) -> str:
        return self._words.date("", found["month"], self._words.cardinal(int(found["year"])))

    def times(self) -> tuple[Rule, ...]:
        hour, minute = r"(?P<hour>[01]?[0-9]|2[0-4])", r"(?P<minute>[0-5][0-9])"
        hours = rf"(?P<hours>{_SPACE}?{self._words.hours})?"
        return (
            rule(rf"(?<![\w:.,]){hour}:{minute}(?![\w:]|[.,][0-9]){hours}", self._clock),
            rule(rf"(?<![\w:.,]){hour}{_SPACE}?[hH]{_SPACE}?{minute}?(?P<hours>)(?![\w:])", self._clock),
        )

    def _clock(self, found: Match) -> str:
        minute = found["minute"]
        return self._words.clock(
            int(found["hour"]), None if minute is None else int(minute), found["hours"] is not None
        )

    # Amounts and quantities.

    def money(self) -> tuple[Rule, ...]:
        marks = "|".join(re.escape(mark) for mark in sorted(self._words.currencies, key=len, reverse=True))
        number = rf"(?P<number>{self._number})"
        scale = rf"(?:{_SPACE}(?P<scale>millones|millón|millions?|milliards?|mil|mille|M))?"
        return (
            rule(rf"{self._minus}(?<![\w.,]){number}{scale}{_SPACE}?(?P<mark>{marks})(?!\w)", self._money),
            rule(
                rf"{self._minus}(?P<mark>{marks}){_SPACE}?(?P<number>[0-9]{{1,12}}\.[0-9]{{2}}(?![0-9]))", self._money
            ),
            rule(rf"{self._minus}(?P<mark>{marks}){_SPACE}?{number}(?!\w)", self._money),
        )

    def _money(self, found: Match) -> str:
        currency, text = self._words.currencies[found["mark"]], found["number"]
        scale = found.groupdict().get("scale")
        if scale:
            linked = (
                "" if scale in ("mil", "mille") else "d'" if currency.many[0] in "e" and self._words.pairs else "de "
            )
            return self._signed(found, f"{self._value(text, False)} {scale} {linked}{currency.many}")
        if re.fullmatch(r"[0-9]+\.[0-9]{2}", text):
            text = text.replace(".", self._words.decimal)
        whole, decimals = self._split(text)
        if len(decimals) > 2:
            return self._signed(found, f"{self._value(text)} {currency.many}")
        return self._signed(found, self._words.money(whole, int(decimals.ljust(2, "0")), currency))

    def quantities(self) -> tuple[Rule, ...]:
        unit = "|".join(re.escape(each) for each in sorted(self._words.units, key=len, reverse=True))
        marks = "|".join(re.escape(each) for each in sorted(self._words.ordinal_marks, key=len, reverse=True))
        number, to = rf"(?P<number>{self._number})", rf"(?:{_SPACE}?{DASH}{_SPACE}?(?P<to>{self._number}))?"
        return (
            rule(rf"(?<![\w.,])(?P<n>[0-9]{{1,3}})(?P<mark>{marks})(?!\w)", self._nth),
            rule(rf"{self._minus}(?<![\w.,]){number}{to}{_SPACE}?(?P<unit>{unit})(?!\w)", self._with_unit),
            rule(
                rf"(?<![\w)])[-−–](?P<number>{self._number})(?!\w)",
                lambda f: f"{self._words.minus} {self._value(f['number'])}",
            ),
        )

    def _nth(self, found: Match) -> str | None:
        number = int(found["n"])
        return self._words.ordinal(number, found["mark"]) if number else None

    def _with_unit(self, found: Match) -> str:
        one, many, feminine = self._words.units[found["unit"]]
        if found["to"]:
            text = f"{self._value(found['number'])} {self._words.to} {self._value(found['to'], feminine)}"
            return self._signed(found, f"{text} {many}")
        number = found["number"]
        return self._signed(found, f"{self._value(number, feminine)} {one if number == '1' else many}")

    # Codes, phone numbers, plain numbers.

    def codes(self) -> tuple[Rule, ...]:
        start, end = r"(?<![\w.,+/:-])", r"(?![\w/]|[-.,:][0-9])"
        return (
            rule(rf"(?<![\w.,/:-])\+[0-9]{{1,3}}(?:[ ./-]?\(?[0-9]{{1,14}}\)?){{1,6}}{end}", self._international),
            rule(rf"{start}\(?[0-9]{{2,6}}\)?(?:[ .-][0-9]{{2,6}}){{2,8}}{end}", self._groups),
            rule(
                r"(?<![\w-])(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*[0-9]{2})[A-Z0-9]{1,34}(?:-[A-Z0-9]{1,20}){0,6}(?![\w-])",
                self._code,
            ),
            rule(
                rf"(?<![\w.,/-])(?P<a>{self._number}){_SPACE}?{DASH}{_SPACE}?(?P<b>{self._number})(?!\w|{DASH}|[./,][0-9])",
                lambda f: f"{self._value(f['a'])} {self._words.to} {self._value(f['b'])}",
            ),
            rule(rf"(?<![\w.,:/-])(?P<number>{self._number})(?![\w%°/]|[.,:-][0-9])", self._plain),
            rule(r"(?<![\w.,:/-])[0-9]{16,64}(?![\w%°/])", lambda found: self.apart(found.group())),
        )

    def _groups(self, found: Match) -> str | None:
        groups = re.findall("[0-9]+", found.group())
        if (
            all(len(group) == 3 for group in groups[1:])
            and len(groups[0]) <= 3
            and groups[0][0] != "0"
            and len(groups) < 3
        ):
            return None
        return ", ".join(self._group(group) for group in groups)

    def _group(self, group: str) -> str:
        """A group of a phone number: French says pairs as numbers."""
        if self._words.pairs and len(group) == 2 and group[0] != "0":
            return self._words.cardinal(int(group))
        return self.apart(group)

    def _international(self, found: Match) -> str:
        return f"{self._words.web_marks['+']} " + ", ".join(
            self._group(group) for group in re.findall("[0-9]+", found.group())
        )

    def _code(self, found: Match) -> str:
        runs = re.findall(r"[A-Z]+|[0-9]+|-", found.group())
        dash = self._words.web_marks["-"]
        return " ".join(
            self.apart(run) if run.isdigit() else dash if run == "-" else run if len(run) > 3 else " ".join(run)
            for run in runs
        )

    def _plain(self, found: Match) -> str:
        text = found["number"]
        bare = text.isdigit()
        spelt = bare and (
            (text[0] == "0" and len(text) > 1) or (len(text) >= MIN_SPELT_DIGITS and not text.endswith("000"))
        )
        if spelt:
            return self.apart(text)
        before = found.string[max(0, found.start() - 32) : found.start()]
        if bare and len(text) > 2 and re.search(rf"\b(?:{self._words.code_before})\W{{0,2}}{_SPACE}$", before, re.I):
            return self.apart(text)
        # "1 taxi", "21 personas": what follows decides the form of one.
        noun = re.match(rf"{_SPACE}([^\W\d_]{{2,40}})", found.string[found.end() : found.end() + 42])
        return self._value(text, self._words.is_feminine(noun[1].lower()) if noun and bare else None)

    # Words.

    def words(self) -> tuple[Rule, ...]:
        short = "|".join(re.escape(each) for each in sorted(self._words.abbreviations, key=len, reverse=True))
        signs = "[" + re.escape("".join(self._words.symbols)) + "]"
        return (
            rule(rf"(?<![\w.@-])(?:{short.replace(chr(92) + ' ', _SPACE + '?')})(?!\w)", self._abbreviation),
            rule(signs, lambda found: f" {self._words.symbols[found.group()]} ".strip()),
        )

    def _abbreviation(self, found: Match) -> str:
        key = re.sub(_SPACE, " ", found.group())
        known = self._words.abbreviations
        spoken = known.get(key) or next(w for each, w in known.items() if each.replace(" ", "") == key.replace(" ", ""))
        if not key[0].isupper() and key != "n.º":
            return with_stop(found, spoken)
        # A title's stop ends no sentence, though a capital follows.
        return spoken + ("." if key.endswith(".") and not found.string[found.end() :].strip() else "")
