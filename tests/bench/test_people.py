"""Trials made of prompts: answers, numbers put together of digits, and speech that answers nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.hearing.people import DIGIT_WORDS, LOUDSPEAKERS, NUMBERS, people
from bench.hearing.sentences import SETS
from bench.hearing.trials import Trial
from bench.human_speech import PROMPTS, TIMES
from offhook.telephony.codec.g711 import PCMU
from tests.signals import wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / PROMPTS / "digits").mkdir(parents=True)
    for digit in range(10):
        tone = 9_000 * np.sin(np.arange(2_400) * (0.2 + 0.1 * digit))
        (tmp_path / PROMPTS / "digits" / f"{digit}.wav").write_bytes(wav(tone.astype("<i2").tobytes(), 8_000))
    (tmp_path / TIMES).mkdir(parents=True)
    for digit in range(10):
        tone = 9_000 * np.sin(np.arange(2_400) * (0.2 + 0.1 * digit))
        (tmp_path / TIMES / f"{digit}.au").write_bytes(PCMU.encode(tone.astype("<i2").tobytes()))
    return tmp_path


def trials(folder: Path, known: Callable[[str], bool] = lambda word: True) -> list[Trial]:
    return list(people(folder, SETS["first"], known, seed=1))


@pytest.mark.parametrize("source", ["numbers", "times"])
def test_numbers_are_put_together_of_digits(folder: Path, source: str) -> None:
    numbers = [trial for trial in trials(folder) if trial.source == source]
    right = [trial for trial in numbers if trial.kind == "digits"]
    assert len(right) == NUMBERS
    for trial in right:
        assert trial.meant is not None and trial.meaning(trial.text) == trial.meant
        assert [DIGIT_WORDS[int(digit)] for digit in trial.meant] == trial.text.split()
        assert 4 * 2_400 < len(trial.speech) < 4 * 2_400 + 4 * 3_000


def test_numbers_of_another_length_are_no_answer(folder: Path) -> None:
    others = [trial for trial in trials(folder) if trial.source == "numbers" and trial.kind == "other"]
    assert {len(trial.text.split()) for trial in others} == {3, 5}
    assert all(trial.meant is None and trial.meaning(trial.text) is None for trial in others)


@pytest.mark.skipif(not LOUDSPEAKERS.is_dir(), reason="alsa-utils is not installed")
def test_loudspeakers_are_a_menu(folder: Path) -> None:
    places = [trial for trial in trials(folder) if trial.source == "loudspeakers"]
    assert {trial.meant for trial in places} >= {"front left", "rear right", "side left"}
    assert all(trial.meaning(trial.text) == trial.meant for trial in places)
