"""A language without rules of its own: the voice reads everything except long numbers and markup."""

import pytest

from offhook.pipeline.tts.normalize import normalize

LEFT_ALONE = [
    "Le 12/05/2026 à 9:00, 12,50 €, 5 %, M. Dupont",
    "10000 euros et 250000 habitants",
    "n° 1234",
    "12 345,67",
    "50001 € ou 12345%",
    "1.2.34567",
    "你好 & #5",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
@pytest.mark.parametrize("language", ["it", "zh-cn", ""])
def test_is_left_to_the_voice(language: str, text: str) -> None:
    assert normalize(text, language).text == text


def test_long_numbers_are_read_digit_by_digit() -> None:
    assert normalize("le 12345, ou 007", "it").text == "le 1 2 3 4 5, ou 0 0 7"


def test_markup_is_not_read() -> None:
    assert normalize("<b>Oui</b>\n", "it").text == " Oui  "
    assert normalize("caf&eacute; 👍 &lt;b&gt;https://exemple.fr", "it").text == "café     exemple.fr"
