"""How far a text was spoken, and where another voice goes on."""

from offhook.pipeline.chain.spoken import EstimatedWords, Spoken
from offhook.pipeline.tts.engine import Word

TEXT = "Your bill, of $12.50 - due now."


def word(text: str, end: int, whole: str = TEXT) -> Word:
    at = whole.index(text)
    return Word(text, at, at + len(text), end - 1_000, end)


def test_words_are_complete_when_their_audio_is() -> None:
    spoken = Spoken(TEXT, 8_000)
    assert spoken.add(1_500, [word("Your", 1_000), word("bill", 2_000)]) == (word("Your", 1_000),)
    assert spoken.rest_at == TEXT.index("bill")
    assert spoken.add(500, []) == (word("bill", 2_000),)
    assert TEXT[spoken.rest_at :] == "of $12.50 - due now.", "without the comma"
    spoken.add(1_000, [word("of", 3_000)])
    assert TEXT[spoken.rest_at :] == "$12.50 - due now."


def test_words_whose_audio_never_came_are_left_to_the_next_voice() -> None:
    spoken = Spoken(TEXT, 8_000)
    spoken.add(1_000, [word("Your", 1_000), word("bill", 2_000)])
    assert spoken.broke_off() == ()
    assert spoken.finish() == ()
    assert TEXT[spoken.rest_at :].startswith("bill")


def test_a_voice_may_place_its_last_word_after_its_audio() -> None:
    spoken = Spoken("now", 8_000)
    spoken.add(900, [word("now", 1_000, "now")])
    assert [each.text for each in spoken.finish()] == ["now"]
    assert spoken.rest_at == 3


def test_audio_without_words_yet_has_some_all_the_same() -> None:
    text = "one two three four five six seven eight"
    spoken = Spoken(text, 8_000)
    spoken.add(12_000, [])
    words = spoken.broke_off()
    assert [each.text for each in words] == ["one", "two", "three", "four"]
    assert words[-1].end_sample <= 12_000
    assert text[spoken.rest_at :] == "five six seven eight"


def test_a_voice_that_left_out_the_end_is_found_out() -> None:
    text = "please hold the line for a moment"
    spoken = Spoken(text, 8_000)
    spoken.add(2_000, [word("please", 1_000, text), word("hold", 2_000, text)])
    assert spoken.is_cut_short()
    spoken.add(8_000, [])
    assert not spoken.is_cut_short(), "it has the audio, and gives no positions"
    silent = Spoken(text, 8_000)
    silent.add(2_000, [])
    assert not silent.is_cut_short(), "it reports no words at all"


def test_estimates_are_corrected_at_the_end() -> None:
    estimated = EstimatedWords("one two three", 500.0)
    assert [each.text for each in estimated.add(1_600)] == ["one"]
    assert [each.text for each in estimated.add(10_000)] == ["two"], "the last one ends with the audio"
    (last,) = estimated.finish()
    assert (last.text, last.char_start, last.char_end, last.end_sample) == ("three", 8, 13, 11_600)
    assert EstimatedWords("", 500.0).finish() == ()
