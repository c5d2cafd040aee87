import numpy as np

from bench.hearing.calibration import Thresholds, answered, recommended, reliability
from bench.hearing.engines import Heard
from bench.hearing.score import Result
from bench.hearing.trials import Trial
from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import Choice, Question

MENU = Question(choices=(Choice("yes", ("yes",)), Choice("no", ("no",))))


def turn(meant: str | None, text: str, confidence: float | None) -> Result:
    trial = Trial("closed" if meant else "other", "a", meant or "maybe", np.zeros(8), MENU, meant)
    return trial, Heard(Transcript(text, confidence), 1.0)


def test_only_answers_with_a_confidence_count() -> None:
    results = [turn("yes", "yes", 0.9), turn("yes", "", 0.1), turn("yes", "yes", None), turn(None, "no", 0.2)]
    assert [(each.confidence, each.right) for each in answered(results)] == [(0.9, True), (0.2, False)]


def test_the_table_of_an_engine_that_knows_itself() -> None:
    results = [turn("yes", "yes", 0.85)] * 8 + [turn("yes", "no", 0.85)] * 2 + [turn(None, "no", 0.2)] * 5
    rows = reliability(results).splitlines()
    assert "| 0.8 to 0.9 | 10 | 80% |" in rows
    assert "| 0.1 to 0.3 | 5 | 0% |" in rows


def test_thresholds_keep_others_out_and_doubtful_answers_worth_a_question() -> None:
    others = [turn(None, "no", confidence) for confidence in (0.2,) * 10 + (0.42,) * 4 + (0.58,)]
    right = [turn("yes", "yes", confidence) for confidence in (0.43,) * 6 + (0.95,) * 20]
    assert recommended([*others, *right, *[turn(None, "", 0.0)] * 15]) == Thresholds(accept=0.45, confirm=0.25)
