"""Whether a confidence is the share of answers that are right, and from which one on an answer should count."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.hearing.score import Rate, Result, outcome
from bench.table import table

BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
STEPS = tuple(step / 100 for step in range(5, 100, 5))
MAX_TAKEN = 0.05
"""Of speech that answers nothing, the share that may be accepted without a question."""

MIN_RIGHT = 0.5
"""Share of right ones among the answers that are worth a "did you say"."""

HEADINGS = ("confidence", "answers", "right")


@dataclass(frozen=True)
class Thresholds:
    """From `accept` on an answer is taken as it is; between `confirm` and that, the caller is asked whether it
    is right; below it, the question is asked again."""

    accept: float
    confirm: float


@dataclass(frozen=True)
class Answered:
    """A turn that became an answer, and whether that was right."""

    confidence: float
    right: bool


def answered(results: Sequence[Result]) -> list[Answered]:
    """The turns with a meaning and a confidence, whatever it is."""
    found = []
    for trial, heard in results:
        confidence = heard.transcript.confidence
        if trial.question is not None and confidence is not None and (got := outcome(trial, heard, 0.0)) is not None:
            found.append(Answered(confidence, got == trial.meant))
    return found


def reliability(results: Sequence[Result]) -> str:
    """A table: in a calibrated engine the share of right answers in each row is within the row's confidences."""
    turns = answered(results)
    rows = []
    for low, high in pairwise(BINS):
        inside = [turn.right for turn in turns if low <= turn.confidence < high]
        right = f"{sum(inside) / len(inside):.0%}" if inside else "-"
        rows.append([f"{low:g} to {min(high, 1.0):g}", str(len(inside)), right])
    return table(HEADINGS, rows)


def recommended(results: Sequence[Result]) -> Thresholds:
    """The lowest thresholds that keep MAX_TAKEN and MIN_RIGHT; the highest step where none does."""
    others = [result for result in results if result[0].kind in ("other", "sound")]
    turns = answered(results)
    accept = next((step for step in STEPS if _taken(others, step) <= MAX_TAKEN), STEPS[-1])
    confirm = next((step for step in STEPS if step < accept and _worth_asking(turns, step, accept)), accept)
    return Thresholds(accept, confirm)


def _taken(others: Sequence[Result], threshold: float) -> float:
    taken = sum(outcome(trial, heard, threshold) is not None for trial, heard in others)
    return Rate(taken, len(others)).value or 0.0


def _worth_asking(turns: Sequence[Answered], step: float, accept: float) -> bool:
    between = [turn.right for turn in turns if step <= turn.confidence < accept]
    return bool(between) and sum(between) / len(between) >= MIN_RIGHT
