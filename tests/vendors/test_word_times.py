"""Words and characters that a vendor reports are found in the text."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from offhook.vendors.word_times import CharacterTimes, WordTimes

TEXT = "Your balance is $12.50, thanks."


def characters(reported: str, text: str = TEXT, at_once: int = 3) -> list[tuple[str, int, int]]:
    """The words found, with their samples at 1000 Hz: each character takes 10 ms."""
    times, found = CharacterTimes(text, 1_000), []
    for at in range(0, len(reported), at_once):
        part = reported[at : at + at_once]
        starts = [(at + index) / 100 for index in range(len(part))]
        found += times.push(part, starts, [start + 0.01 for start in starts])
    assert all(text[word.char_start : word.char_end] == word.text for word in found)
    return [(word.text, word.start_sample, word.end_sample) for word in found]


def test_characters_as_they_are() -> None:
    assert characters(TEXT) == [
        ("Your", 0, 40),
        ("balance", 50, 120),
        ("is", 130, 150),
        ("$12.50,", 160, 230),
        ("thanks.", 240, 310),
    ]


def test_other_spaces() -> None:
    """One in front, two between words, one behind."""
    assert [word for word, _, _ in characters("  Your  balance is $12.50,  thanks. ")] == TEXT.split()
    assert [word for word, _, _ in characters("Your balance is $12.50, thanks.", "Your  balance\nis $12.50, thanks.")]


def test_what_is_not_in_the_text_is_left_out() -> None:
    assert [word for word, _, _ in characters("Your§ balance is $12.50, thanks.")] == TEXT.split()
    assert [word for word, _, _ in characters("Your balance is 12.50 thanks")][:3] == ["Your", "balance", "is"]


@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 7))
def test_whatever_is_reported_words_are_in_order(reported: str, text: str, at_once: int) -> None:
    found = characters(reported, text, at_once)
    rest = iter(text.split())
    assert all(word in rest for word, _, _ in found)  # each after the one before
    assert all(start <= end for _, start, end in found)


@given(st.lists(st.text(max_size=8), max_size=12), st.text(max_size=60))
def test_words_are_in_order(reported: list[str], text: str) -> None:
    times = WordTimes(text, 8_000)
    found = times.push(reported, [index / 10 for index in range(len(reported))], [index / 5 for index in range(12)])
    assert all(text[word.char_start : word.char_end] == word.text for word in found)
    assert all(before.char_end <= after.char_start for before, after in pairwise(found))


def test_words_without_their_marks() -> None:
    times = WordTimes(TEXT, 8_000)
    found = times.push(["your", "BALANCE", "is", "$12.50", "thanks"], [0, 1, 2, 3, 4], [0.5, 1.5, 2.5, 3.5, 4.5])
    assert [word.text for word in found] == TEXT.split()
    assert (found[3].start_sample, found[3].end_sample) == (24_000, 28_000)


def test_a_word_that_is_missing() -> None:
    times = WordTimes(TEXT, 8_000)
    found = times.push(["your", "uh", "is", "thanks"], [0, 1, 2, 3], [0.5, 1.5, 2.5, 3.5])
    assert [word.text for word in found] == ["Your", "is", "thanks."]


def test_words_in_parts() -> None:
    """Some vendors divide what has no space; what is between the parts is ignored."""
    times = WordTimes("It's $12.50, twenty-one now", 1_000)
    reported = ["It", "'s", "$", "12", ".", "50", ",", "twenty", "-", "one", "now"]
    starts_s = [at / 10 for at in range(len(reported))]
    found = times.push(reported, starts_s, [start_s + 0.1 for start_s in starts_s])
    assert [(word.text, word.start_sample, word.end_sample) for word in found] == [
        ("It's", 0, 200),
        ("$12.50,", 300, 600),
        ("twenty-one", 700, 1_000),
        ("now", 1_000, 1_100),
    ]


def test_parts_of_another_word() -> None:
    """What only begins like the next word does not hide the words behind it."""
    times = WordTimes("another one here", 1_000)
    found = times.push(["an", "one", "here"], [0.0, 0.5, 0.6], [0.5, 0.6, 0.7])
    assert [word.text for word in found] == ["one", "here"]
