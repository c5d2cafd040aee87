"""The figures of one engine over one channel."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.hearing.engines import Heard
from bench.hearing.trials import Kind, Trial
from offhook.flight.tune import interval_percent

Result = tuple[Trial, Heard]

_NOT_WORDS = re.compile(r"[^a-z0-9' ]")


@dataclass(frozen=True)
class Rate:
    """So many of so many, and the Wilson interval that has the true rate with 95 % confidence."""

    hits: int
    count: int

    @property
    def value(self) -> float | None:
        """None without any."""
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high."""
        low, high = interval_percent(self.hits, self.count)
        return low / 100, high / 100


@dataclass(frozen=True)
class Score:
    """Rates of turns, by kind of trial (see `trials`), where a turn counts if its confidence reaches the threshold.

    `right`, `wrong`, `rejected` are shares of the closed questions that had an answer; `digits` of numbers that were
    exact; `taken` the share of other speech that became an answer, `sounds` of sounds; `closed` everything to a menu
    that ended well: right answers accepted, and others rejected. `words` counts wrong words of free speech, `cards` of
    cards by their grammar, at any confidence.
    """

    right: Rate
    wrong: Rate
    rejected: Rate
    digits: Rate
    taken: Rate
    sounds: Rate
    closed: Rate
    words: Rate
    sentences: Rate
    cards: Rate
    failed: int
    cpu_ms: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def score(results: Sequence[Result], threshold: float) -> Score:
    """The figures at one threshold."""

    def share(kinds: Iterable[Kind], hit: Callable[[Trial, str | None], bool]) -> Rate:
        of = [(trial, outcome(trial, heard, threshold)) for trial, heard in results if trial.kind in kinds]
        return Rate(sum(hit(trial, got) for trial, got in of), len(of))

    def errors_of(kind: Kind) -> tuple[list[int], int]:
        found = [(trial.text.split(), heard.transcript.text) for trial, heard in results if trial.kind == kind]
        return [word_errors(said, normal(text)) for said, text in found], sum(len(said) for said, _ in found)

    errors, words = errors_of("free")
    card_errors, card_words = errors_of("cards")
    return Score(
        right=share(["closed"], lambda trial, got: got == trial.meant),
        wrong=share(["closed"], lambda trial, got: got is not None and got != trial.meant),
        rejected=share(["closed"], lambda trial, got: got is None),
        digits=share(["digits"], lambda trial, got: got == trial.meant),
        taken=share(["other"], lambda trial, got: got is not None),
        sounds=share(["sound"], lambda trial, got: got is not None),
        closed=share(["closed", "digits", "other"], lambda trial, got: got == trial.meant),
        words=Rate(sum(errors), words),
        sentences=Rate(sum(count == 0 for count in errors), len(errors)),
        cards=Rate(sum(card_errors), card_words),
        failed=sum(bool(heard.error) for _, heard in results),
        cpu_ms=sum(heard.cpu_ms for _, heard in results) / max(1, len(results)),
    )


def outcome(trial: Trial, heard: Heard, threshold: float) -> str | None:
    """The meaning that reaches the dialog. An engine without confidence is always believed."""
    confidence = heard.transcript.confidence
    if confidence is not None and confidence < threshold:
        return None
    readings = (heard.transcript.text, *heard.transcript.alternatives)
    return next((meaning for text in readings if (meaning := trial.meaning(text)) is not None), None)


def normal(text: str) -> list[str]:
    """A transcript as words to compare: lower case, without punctuation."""
    return _NOT_WORDS.sub(" ", text.lower().replace("mr.", "mister")).split()


def word_errors(said: Sequence[str], got: Sequence[str]) -> int:
    """Words that are missing, different or too many."""
    row = list(range(len(got) + 1))
    for at, word in enumerate(said, 1):
        above, row = row, [at]
        for column, other in enumerate(got, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (word != other)))
    return row[-1]


def percentile(values: Iterable[float | None], share: float) -> float | None:
    """The value below which `share` of the known ones lie."""
    known = sorted(value for value in values if value is not None)
    return known[min(len(known) - 1, int(share * len(known)))] if known else None
