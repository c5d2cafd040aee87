"""People, found by names that were said or keyed."""

import pytest

from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.directory import MAX_FOUND, Directory, Listed, Person

SALES = Person("John Smith", ("Jack Smith",), "sales", (("name", "John Smith"), ("number", "101")))
SUPPORT = Person("John Smith", (), "support", (("name", "John Smith"), ("number", "102")))
MARY = Person("Mary Jones", ("Doctor Jones",), "accounts")
NEILL = Person("Siobhan O'Neill", ("Shivawn O'Neill",), "sales")
WRIGHT = Person("Peter Wright", (), "sales")
MUELLER = Person("Jürgen Müller")
PEOPLE = (SALES, SUPPORT, MARY, NEILL, WRIGHT, MUELLER)
DIRECTORY = Directory(PEOPLE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mary jones", (MARY,)),
        ("I'd like to speak to Mary Jones please", (MARY,)),
        ("merry joans", (MARY,)),
        ("doctor jones", (MARY,)),
        ("jones", (MARY,)),
        ("shivawn oneill", (NEILL,)),
        ("siobhan o'neil", (NEILL,)),
        ("jurgen muller", (MUELLER,)),
        ("jack smith", (SALES,)),
        ("John Smith in support", (SUPPORT,)),
        ("smith in sales", (SALES,)),
        ("peter right", (WRIGHT,)),
        ("what is the weather like", ()),
        ("barack obama", ()),
        ("", ()),
    ],
)
def test_a_name_is_found(text: str, found: tuple[Person, ...]) -> None:
    assert DIRECTORY.said(text) == found


@pytest.mark.parametrize("text", ["john smith", "Jon Smyth", "smith"])
def test_namesakes_are_asked_back(text: str) -> None:
    read = Listed(DIRECTORY).read(text, "en")
    assert isinstance(read, Ambiguous)
    assert set(read.values) == {SALES, SUPPORT}
    said = [Listed(DIRECTORY).say(each, "en") for each in (SALES, SUPPORT, MARY)]
    assert said == ["John Smith, sales", "John Smith, support", "Mary Jones"]


def test_who_sounds_alike_is_distinguished() -> None:
    directory = Directory([Person("Jon Smyth", (), "legal"), Person("John Smith", (), "sales"), MARY])
    assert len(directory.said("john smith")) == 2
    assert directory.title(Person("Jon Smyth", (), "legal")) == "Jon Smyth, legal"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("56637", (MARY,)),  # J-O-N-E-S
        ("6279", (MARY,)),  # M-A-R-Y
        ("62795", (MARY,)),
        ("76484", (SALES, SUPPORT)),  # S-M-I-T-H
        ("9744", (WRIGHT,)),
        ("5", ()),
        ("999", ()),
    ],
)
def test_a_name_is_keyed(keys: str, found: tuple[Person, ...]) -> None:
    assert DIRECTORY.keyed(keys) == found


def test_many_who_may_be_meant_are_nobody() -> None:
    many = Directory([Person(f"{first} Smith") for first in ("Anna", "Bertha", "Clara", "Dora")])
    assert many.said("smith") == ()
    assert many.keyed("76484") == ()
    assert many.said("dora smith") == (Person("Dora Smith"),)
    assert MAX_FOUND == 3


def test_a_person_has_the_columns() -> None:
    assert SALES.row == {"name": "John Smith", "number": "101"}
    assert str(SALES) == "John Smith"


def test_only_a_few_of_many_are_compared_closely() -> None:
    firsts = [
        f"{a}{b}" for a in ("an", "ber", "cla", "do", "er", "fran", "gus", "hu") for b in ("na", "to", "ra", "mi")
    ]
    lasts = [f"{a}{b}{c}" for a in ("har", "john", "wil", "an") for b in ("ri", "der", "ber") for c in ("son", "man")]
    directory = Directory([Person(f"{first} {last}") for first in firsts for last in lasts])
    compared: list[str] = []
    score = directory._score
    directory._score = lambda entry, words: compared.append(entry.person.name) or score(entry, words)  # type: ignore
    assert [str(each) for each in directory.said("Berto Wilderson")] == ["berto wilderson"]
    assert len(compared) <= 50 < len(firsts) * len(lasts)
