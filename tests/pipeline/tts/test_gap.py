"""How much silence there is between two clauses."""

import pytest

from offhook.pipeline.tts.gap import gap_ticks


@pytest.mark.parametrize(
    ("audio", "word_end", "goes_on", "gap"),
    [
        (8_000, 8_000, False, 2_240),
        (8_000, 8_000, True, 800),
        (8_480, 8_000, False, 1_760),  # 60 ms of it are there
        (8_480, 8_000, True, 320),
        (9_000, 8_000, True, 0),
        (12_000, 8_000, False, 0),
        (8_010, 8_010, False, 2_390),  # up to a whole frame of 20 ms
    ],
)
def test_silence_behind_the_last_word_counts(audio: int, word_end: int, goes_on: bool, gap: int) -> None:
    assert gap_ticks(audio, word_end, goes_on=goes_on) == gap
