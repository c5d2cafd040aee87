"""Spanish and French: written text, and what the voice is given."""

from pathlib import Path

import pytest

from offhook.pipeline.tts.normalize import normalize

HERE = Path(__file__).parent


def pairs(name: str) -> list[tuple[str, str, str]]:
    """(language, written, spoken) of each line; a line `@ LANGUAGE` sets the language."""
    found, language = [], ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            language = line[2:]
        elif line and not line.startswith("# "):
            written, _, spoken = line.partition(" => ")
            found.append((language, written, spoken))
    return found


@pytest.mark.parametrize(("language", "written", "spoken"), [*pairs("spanish.txt"), *pairs("french.txt")])
def test_is_read(language: str, written: str, spoken: str) -> None:
    assert normalize(written, language).text == spoken


@pytest.mark.parametrize("language", ["es", "fr"])
def test_positions_lead_back_to_the_text(language: str) -> None:
    text = "A 12,50 €, 5 %."
    read = normalize(text, language)
    start = read.text.index("cin")  # of "cinco", "cinq", or of "cincuenta"
    first, end = read.source_span(start, start + 1)
    assert text[first:end] in ("12,50 €", "5 %")


@pytest.mark.parametrize("language", ["es", "fr"])
@pytest.mark.parametrize(
    "text", ["1" * 200, "1.1,1" * 50, "€" * 100, "-" * 100, "a. m." * 50, "9h" * 80, "1/1/1/" * 40]
)
def test_odd_texts_are_read_somehow(language: str, text: str) -> None:
    assert normalize(text, language).text
