"""Prompts are told from each other, on clean and on bad lines, and what is missing of their beginning is measured."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest

from offhook.qa.verdict.fingerprint import HOP_MS, find, frames_of
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.pcm import from_array, to_array
from offhook.telephony.tones import noise, silence
from tests.qa.prompts import FILES, prompt
from tests.rates import is_at_least, is_at_most

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


def said(names: Sequence[str], pauses_ms: Sequence[int]) -> bytes:
    """Prompts one after the other, each with its pause behind it."""
    return b"".join(CLIPS[name] + silence(pause_ms) for name, pause_ms in zip(names, pauses_ms, strict=True))


def on_line(pcm: bytes, rng: np.random.Generator) -> bytes:
    """Quieter, with a noise of one step, by PCMA, and from another place on."""
    samples = rng.uniform(0.3, 1.0) * to_array(silence(int(rng.integers(20, 150))) + pcm)
    return PCMA.decode(PCMA.encode(from_array(samples + rng.integers(-1, 2, len(samples)))))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_pauses_between_sentences_may_be_of_any_length(seed: int) -> None:
    """A bot that has other things to do is late with the next one."""
    rng = np.random.default_rng(seed)
    found, placed, of = 0, 0, 40
    for _ in range(of):
        names = [str(each) for each in rng.permutation([*FILES])][: int(rng.integers(2, 4))]
        pauses_ms = [int(each) for each in rng.integers(180, 700, len(names))]
        reference = frames_of(said(names, [250] * len(names)))
        match = find(reference, frames_of(on_line(said(names, pauses_ms), rng)))
        moved_ms = sum(pauses_ms[:-1]) - 250 * (len(names) - 1)
        found += match is not None and match.likeness > 0.8 and match.missing_ms <= 40
        placed += match is not None and abs(match.ends_ms - match.at_ms - HOP_MS * len(reference) - moved_ms) <= 30
    assert is_at_least(found, of, 0.99) and is_at_least(placed, of, 0.9), (found, placed)


@pytest.mark.parametrize("seed", [1, 2])
def test_prompts_that_only_end_alike_are_others(seed: int) -> None:
    """By a sentence that is shorter than what is said before it."""
    rng = np.random.default_rng(seed)
    wrong, of = 0, 40
    for _ in range(of):
        first, other = rng.permutation(["greeting", "hours", "balance"])[:2]
        reference = frames_of(said((first, "goodbye"), [250, 0]))
        heard = said((other, "goodbye"), [int(rng.integers(180, 700)), 0])
        wrong += find(reference, frames_of(on_line(heard, rng))) is not None
    assert is_at_most(wrong, of, 0.02), wrong
