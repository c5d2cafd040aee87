from offhook.pipeline.tts._phonemes import joined_words, placed, starts_in, word_starts


def test_words_without_a_letter_are_not_spoken() -> None:
    assert word_starts("Yes — it is 5 …") == [0, 6, 9, 12]
    assert word_starts("") == []


def test_words_of_a_rewritten_text_stand_for_those_at_the_same_place() -> None:
    text = "Call Dr. Smith at 5 pm today"
    written = "Call Doctor Smith at five p m today"
    assert starts_in(text, written) == [0, 5, 9, 15, 18, 20, 20, 23]
    assert starts_in(text, text) == [0, 5, 9, 15, 18, 20, 23]
    assert starts_in("", "something else") == [0, 0]


def test_words_that_are_spoken_as_one_are_found_by_their_sizes() -> None:
    # "one of the agents": wʌn ʌvðə eɪdʒənts
    assert joined_words([3, 5, 8], [3, 2, 3, 8]) == [0, 1, 3]
    assert joined_words([5, 3], [2, 3, 3]) == [0, 2]
    assert joined_words([2, 6], [2, 3, 3]) == [0, 1]
    assert joined_words([9], [2, 3, 4, 1]) == [0]
    assert joined_words([], [3, 4]) == []


def test_a_word_that_is_spoken_as_several_is_one() -> None:
    assert joined_words([3, 4, 5], [3, 9]) == [0, 1, 1]
    assert joined_words([3], []) == [0]


def test_groups_begin_where_their_first_phoneme_does() -> None:
    phonemes, samples = list("ab cd"), [10, 20, 5, 30, 40]
    assert placed(phonemes, samples, str.isspace) == [(0, 2), (35, 2)]
    assert placed(list(" a  b "), [1, 2, 3, 4, 5, 6], str.isspace) == [(1, 1), (10, 1)]
    assert placed([], [], str.isspace) == []
