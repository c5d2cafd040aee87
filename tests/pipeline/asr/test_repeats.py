import pytest

from offhook.pipeline.asr.repeats import loop_in, max_tokens


def cut(text: str, speech_s: float) -> str:
    words = text.split()
    found = loop_in(words, speech_s)
    return text if found is None else " ".join(words[: found[0]] + words[found[1] :])


@pytest.mark.parametrize(
    ("text", "speech_s"),
    [
        ("no no no no", 1.0),
        ("five five five five", 1.2),
        ("it was the best of times it was the worst of times it was the age of wisdom", 4.0),
        ("", 0.0),
        ("yes", 0.2),
    ],
)
def test_what_can_have_been_said_stays(text: str, speech_s: float) -> None:
    assert cut(text, speech_s) == text


@pytest.mark.parametrize(
    ("text", "speech_s", "rest"),
    [
        ("Be " * 40, 1.5, "Be"),
        ("ten of clubs " * 8, 1.5, "ten of clubs"),
        ("well ten of clubs " + "and then " * 12 + "and", 2.0, "well ten of clubs and then"),
        ("go on " * 10 + "please", 1.0, "go on please"),
    ],
)
def test_a_loop_is_cut_to_one_phrase(text: str, speech_s: float, rest: str) -> None:
    assert cut(text.strip(), speech_s) == rest


def test_fast_speech_fits_into_the_limit_of_tokens() -> None:
    assert max_tokens(5.0) >= 5.0 * 5.5 * 1.4  # 1.4 tokens a word
    assert max_tokens(0.2) >= 10
