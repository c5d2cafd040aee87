"""Prompts are told from each other, on clean and on bad lines, and what is missing of their beginning is measured."""

from itertools import permutations

import numpy as np
import pytest

from offhook.qa.verdict.fingerprint import find, frames_of
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.pcm import from_array, to_array
from offhook.telephony.tones import noise, silence
from tests.qa.prompts import FILES, prompt

CLIPS = {name: prompt(name) for name in FILES}
REFERENCES = {name: frames_of(pcm) for name, pcm in CLIPS.items()}


def in_noise(pcm: bytes, gain: float, level_dbfs: float, seed: int) -> bytes:
    hiss = to_array(noise(len(pcm) / 16, level_dbfs=level_dbfs, seed=seed)).astype(np.float64)
    return from_array(gain * to_array(pcm) + hiss[: len(pcm) // 2])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_prompt_is_found_on_a_bad_line(name: str, seed: int) -> None:
    line = PCMA.decode(PCMA.encode(in_noise(silence(130) + CLIPS[name] + silence(90), 0.5, -50.0, seed)))
    match = find(REFERENCES[name], frames_of(line))
    assert match is not None and match.likeness > 0.7
    assert match.at_ms == pytest.approx(130, abs=15) and match.missing_ms <= 40


@pytest.mark.parametrize(("name", "other"), list(permutations(FILES, 2)))
def test_another_prompt_is_not_taken_for_it(name: str, other: str) -> None:
    assert find(REFERENCES[name], frames_of(PCMU.decode(PCMU.encode(CLIPS[other])))) is None


@pytest.mark.parametrize("name", ["greeting", "hours", "balance"])
@pytest.mark.parametrize("cut_ms", [0, 130, 250])
def test_what_is_missing_of_the_beginning(name: str, cut_ms: int) -> None:
    match = find(REFERENCES[name], frames_of(silence(200) + CLIPS[name][16 * cut_ms :]))
    assert match is not None and match.missing_ms == pytest.approx(cut_ms, abs=50)


def test_a_prompt_between_others_and_one_that_was_interrupted() -> None:
    both = frames_of(CLIPS["hours"] + silence(300) + CLIPS["balance"])
    match = find(REFERENCES["balance"], both)
    assert match is not None and match.at_ms == pytest.approx(len(CLIPS["hours"]) / 16 + 300, abs=20)
    interrupted = find(REFERENCES["greeting"], frames_of(CLIPS["greeting"][: 16 * 1_500]))
    assert interrupted is not None and interrupted.missing_ms == 0
    assert find(REFERENCES["greeting"], frames_of(CLIPS["greeting"][: 16 * 300])) is None, "too little of it"
    assert find(REFERENCES["greeting"], frames_of(silence(2_000))) is None
    assert find(REFERENCES["greeting"], frames_of(b"")) is None
