from offhook.pipeline.tts.engine import Word
from offhook.pipeline.tts.pace import FIRST_TICKS_PER_CHAR, Pace, spread


def test_words_take_time_as_they_have_characters() -> None:
    assert spread("Good day", 1_600) == (Word("Good", 0, 4, 0, 800, True), Word("day", 5, 8, 1_000, 1_600, True))
    assert spread("", 100) == spread(" ", 100) == ()


def test_a_pace_is_the_mean_of_late() -> None:
    pace = Pace()
    assert pace.ticks_per_char == FIRST_TICKS_PER_CHAR
    pace.learn(10, 4_000)
    pace.learn(30, 20_000)
    assert pace.ticks_per_char == 600.0
    for _ in range(100):
        pace.learn(100, 50_000)
    assert abs(pace.ticks_per_char - 500.0) < 1.0
