"""Which sounds are the same prompt."""

import numpy as np
import pytest

from offhook.qa.crawl.prompts import PromptBook
from offhook.telephony.pcm import from_array, silence, to_array
from tests.qa.prompts import prompt

GREETING, HOURS, BALANCE, BYE = (prompt(name) for name in ("greeting", "hours", "balance", "goodbye"))
PAUSE = silence(1_600)


def by_phone(pcm: bytes, seed: int) -> bytes:
    """Again, quieter, with noise 20 dB below it and a little of its beginning missing."""
    samples = to_array(pcm).astype(np.float64)[200:]
    noise = np.random.default_rng(seed).normal(0.0, np.sqrt(np.mean(samples**2)) / 10, len(samples))
    return from_array(0.7 * (samples + noise))


@pytest.mark.parametrize("seed", range(5))
def test_the_same_sounds_have_the_same_number(seed: int) -> None:
    book = PromptBook()
    for number, sound in enumerate((GREETING, HOURS, BALANCE, BYE)):
        assert book.number_of(sound) == number
    for number, sound in enumerate((GREETING, HOURS, BALANCE, BYE)):
        assert book.number_of(by_phone(sound, seed)) == number
    assert len(book.sounds) == 4 and book.sounds[1] == HOURS


def test_what_is_asked_last_counts_with_or_without_what_precedes_it() -> None:
    book = PromptBook()
    assert book.number_of(GREETING + PAUSE + HOURS) == 0
    assert book.number_of(HOURS) == 0  # without the greeting
    book = PromptBook()
    assert book.number_of(HOURS) == 0
    assert book.number_of(BALANCE + PAUSE + HOURS) == 0  # "I did not get that", and again
    assert book.number_of(HOURS + PAUSE + BALANCE) == 1  # something else is asked


def test_prompts_after_which_the_call_ends_are_different_if_only_their_ends_are_alike() -> None:
    book = PromptBook()
    assert book.number_of(HOURS + PAUSE + BYE, is_ending=True) == 0
    assert book.number_of(GREETING + PAUSE + BYE, endings={0}, is_ending=True) == 1
    assert book.number_of(BYE, endings={0, 1}) == 2
    assert book.number_of(HOURS + PAUSE + BYE, endings={0, 1, 2}) == 0


def test_what_is_no_sound_is_a_prompt_of_its_own() -> None:
    book = PromptBook()
    assert book.number_of(b"") == 0 and book.number_of(HOURS) == 1
