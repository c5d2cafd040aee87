from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.tts._words import WordSpan, align


def test_each_word_ends_where_the_next_begins() -> None:
    assert align("say yes", [(0, 0), (4, 300)], 700) == [WordSpan(0, 3, 0, 300), WordSpan(4, 7, 300, 700)]


def test_several_positions_in_one_word_are_its_own() -> None:
    spans = align("pay $12.50 now", [(0, 0), (4, 100), (5, 200), (5, 300), (11, 400)], 500)
    assert [(span.start_sample, span.end_sample) for span in spans] == [(0, 100), (100, 400), (400, 500)]


def test_words_spoken_as_one_share_their_time_by_their_lengths() -> None:
    spans = align("of the bank", [(0, 0), (7, 500)], 900)
    assert [(span.start_sample, span.end_sample) for span in spans] == [(0, 200), (200, 500), (500, 900)]


def test_what_is_not_spoken_is_not_a_word() -> None:
    assert [s.char_start for s in align("yes - no &", [(0, 0), (6, 50), (9, 80)], 100)] == [0, 6, 9]
    assert align("...", [], 0) == []


@given(
    st.text(alphabet="ab,. é", max_size=40),
    st.lists(st.tuples(st.integers(0, 45), st.integers(-5, 1_100)), max_size=12),
)
def test_words_are_in_order_and_inside_whatever_is_reported(text: str, events: list[tuple[int, int]]) -> None:
    spans = align(text, events, 1_000)
    at_char = at_tick = 0
    for span in spans:
        assert at_char <= span.char_start < span.char_end <= len(text)
        assert at_tick <= span.start_sample <= span.end_sample <= 1_000
        assert not any(c.isspace() for c in text[span.char_start : span.char_end])
        at_char, at_tick = span.char_end, span.end_sample
