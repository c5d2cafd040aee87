"""How often the embedded recogniser accepts a sentence that is not a choice: voices and sentences that nothing was
tuned on, over lines with noise of one step."""

import asyncio

import pytest

from bench.hearing.channels import CHANNELS, Line
from bench.hearing.runs import background, run
from bench.hearing.score import Result, Score, score
from bench.hearing.sentences import SETS
from bench.hearing.trials import non_speech, synthetic
from bench.phone_line import is_installed
from tests.pocketsphinx_engine import patient_pocketsphinx

VOICES = ("flite:slt", "espeak:en-gb")
LINES = ("mu-law", "noise 20 dB", "loss 3 %")
THRESHOLD = 0.5
"""The default of asr.min_confidence."""

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def results() -> list[Result]:
    if not all(map(is_installed, VOICES)):
        pytest.skip("flite and espeak-ng are not installed (make peers)")
    trials = [*synthetic(VOICES, SETS["first"], 0.18, seed=2), *non_speech(SETS["first"], seed=2)]

    async def recognised() -> list[Result]:
        found = []
        async with patient_pocketsphinx() as engine:
            for at, name in enumerate(LINES):
                part = trials[at :: len(LINES)]
                found += await run(engine, part, Line(background()), CHANNELS[name], "none", seed=2)
        return found

    return asyncio.run(recognised())


@pytest.fixture(scope="module")
def scored(results: list[Result]) -> Score:
    return score(results, THRESHOLD)


def test_nothing_failed(results: list[Result], scored: Score) -> None:
    assert scored.failed == 0
    assert {trial.kind for trial, _ in results} == {"closed", "digits", "other", "sound"}


def test_other_sentences_are_seldom_accepted(scored: Score) -> None:
    low, high = scored.taken.interval
    assert low < 0.08
    assert high < 0.16


def test_sounds_are_seldom_accepted(scored: Score) -> None:
    low, high = scored.sounds.interval
    assert low < 0.05
    assert high < 0.15


def test_right_answers_are_kept(results: list[Result]) -> None:
    right = [
        (trial, heard)
        for trial, heard in results
        if trial.meant and trial.meaning(heard.transcript.text) == trial.meant
    ]
    kept = score(right, THRESHOLD)
    low, high = kept.right.interval
    assert high > 0.92
    assert low > 0.78


def test_most_answers_are_understood(scored: Score) -> None:
    _, high = scored.right.interval
    assert high > 0.85
