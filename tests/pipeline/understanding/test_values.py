"""What is said, and the value that it means, in files of pairs by language."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.kinds import KINDS, Date, YesNo
from offhook.pipeline.understanding.recorded import recorded

HERE = Path(__file__).parent
TODAY = date(2026, 11, 28)  # a Saturday


def pairs(language: str) -> Iterator[tuple[str, str, str, str]]:
    """(language, kind, words, value) of each line."""
    for line in (HERE / f"values_{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        found = re.fullmatch(r"(\w+): (.+) => (.+)", line)
        assert found, line
        yield language, found[1], found[2], found[3]


@pytest.mark.parametrize(
    ("language", "kind", "words", "value"), [each for language in ("en", "de", "es", "fr") for each in pairs(language)]
)
def test_the_value_is_understood(language: str, kind: str, words: str, value: str) -> None:
    asked = Date(TODAY) if kind == "date" else KINDS[kind]()
    read = asked.read(words, language)
    expected = [] if value == "-" else value.split(" | ")
    said = [] if read is None else list(read.values) if isinstance(read, Ambiguous) else [read]
    if kind == "amount" and len(expected) > 1 and expected[-1].count(" "):
        expected = [each if " " in each else f"{each} {expected[-1].split()[1]}" for each in expected]
    assert [recorded(each) for each in said] == expected


@pytest.mark.parametrize("language", ["en-GB", "de", "es-MX", "fr"])
@pytest.mark.parametrize("value", [True, False])
def test_a_spoken_yes_or_no_is_understood_again(language: str, value: bool) -> None:
    spoken = YesNo().say(value, language)
    assert YesNo().read(spoken, language) is value
    assert spoken in {"yes", "no", "ja", "nein", "sí", "oui", "non"}
