"""Doubts about flows, rule by rule, and how long the check of a large one takes."""

import re
import time
from pathlib import Path

import pocketsphinx
import pytest

from offhook.flow_tools.lint import RULES, doubts
from offhook.flow_tools.pronunciation import alike, sounds_of
from offhook.pipeline.understanding.sounds import sound_key
from offhook.settings.flow_file import parse_flow
from tests.docs.pages import ROOT

GOOD = """
name: shop
start: menu
no_input: {then: bye}
no_match: {reprompts: "Sales or support?", then: person}
steps:
  menu:
    ask: Sales, or support? Press one or two.
    choices:
      sales: {phrases: [sales], key: 1, next: person}
      support: {phrases: [support], key: 2, next: person}
  person: {transfer: desk, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""


def rules_of(text: str, *without: str) -> list[str]:
    found = doubts(parse_flow(text.encode(), "flow.yaml"), without)
    return [re.search(r"\[([a-z-]+)\]$", each.what)[1] for each in found]  # type: ignore[index]


def test_nothing_to_doubt() -> None:
    assert rules_of(GOOD) == []


def test_every_key_of_a_choice_and_of_a_command_may_be_named() -> None:
    text = GOOD.replace("Press one or two.", "Press one, press 3, or press star.").replace("key: 1", "key: [1, 3]")
    assert rules_of(text.replace("steps:", "commands: {operator: {key: '*', next: person}}\nsteps:")) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("then: person}\nsteps", "then: bye}\nsteps", "no-person"),
        ("phrases: [support]", "phrases: [sails]", "sound-alike"),
        ("one or two", "one or press 3", "press-without-key"),
        ("one or two", "one or press the star key", "press-without-key"),
        (", key: 2", "", "no-key"),
        ("Sales, or support?", "Sales, or support? " + "And so on and on. " * 20, "long-prompt"),
        ('reprompts: "Sales or support?", ', "", "same-again"),
        (
            "      support:",
            "".join(
                f"      {name}: {{phrases: [{name}], key: {key}, next: bye}}\n"
                for key, name in enumerate(("delivery", "invoices", "jobs", "accounting"), 3)
            )
            + "      support:",
            "many-choices",
        ),
    ],
)
def test_each_rule_finds_its_doubt_and_can_be_left_out(old: str, new: str, rule: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    assert rules_of(text) == [rule]
    assert rules_of(text, rule) == []


def test_keys_of_commands_and_further_keys_of_a_choice_may_be_named() -> None:
    text = GOOD.replace("one or two", "one or two, or press 3, or press zero")
    assert rules_of(text) == ["press-without-key", "press-without-key"]
    operator = "commands: {operator: {key: 0, next: person}}\nsteps:"
    assert rules_of(text.replace("key: 2", "key: [2, 3]").replace("steps:", operator)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key: 2", 'key: [2, "*"]'),
        ("steps:", 'commands: {repeat: {key: "*", do: repeat}}\nsteps:'),
    ],
)
def test_every_key_may_be_named(old: str, new: str) -> None:
    text = GOOD.replace("one or two", "one or two, or press star").replace(old, new, 1)
    assert rules_of(text) == []
    assert rules_of(text.replace(new, old)) == ["press-without-key"]


def test_phrases_of_another_language_may_sound_alike_too() -> None:
    text = """
name: shop
start: german
language: en
no_input: {then: bye}
no_match: {reprompts: {en: Again., de: Nochmal.}, then: bye}
steps:
  german: {set_language: de, next: menu}
  menu:
    ask: {en: Sales or support., de: Beratung oder Hilfe.}
    choices:
      sales: {phrases: {en: [sales], de: [beratung]}, key: 1, next: bye}
      support: {phrases: {en: [support], de: [hilfe]}, key: 2, next: bye}
  bye: {hang_up: {en: Goodbye., de: Auf Wiederhören.}}
"""
    assert rules_of(text) == []
    assert rules_of(text.replace("[hilfe]", "[bewertung]")) == ["sound-alike"]


def test_a_question_in_several_wordings_is_not_asked_in_the_same_again() -> None:
    text = GOOD.replace('reprompts: "Sales or support?", ', "")
    assert rules_of(text) == ["same-again"]
    several = text.replace("Sales, or support? Press one or two.", '["Sales or support?", "Which one?"]')
    assert rules_of(several) == []


def test_a_flow_without_a_person_needs_none() -> None:
    text = GOOD.replace("person: {transfer: desk, otherwise: bye}", "person: {say: Nobody is here., next: bye}")
    assert rules_of(text) == []


DEAD_ENDS = """
name: shop
start: menu
no_input: {then: bye}
no_match: {reprompts: "Sales or support?", then: person}
steps:
  menu:
    ask: Sales, or support?
    choices:
      sales: {phrases: [sales], key: 1, next: look}
      support: {phrases: [support], key: 2, next: code}
    visits: {most: 3, then: person}
  look: {request: "https://example.com/", on_status: {404: person}, next: sold, otherwise: person}
  sold: {request: "https://example.com/sold", next: bye, otherwise: bye}
  code: {collect_secret: Your code., as: pin, into: code, next: send, otherwise: person, refused: person}
  send: {request: "https://example.com/", method: POST, secret: {code: code}, next: menu, otherwise: person}
  person: {transfer: desk, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("visits: {most: 3, then: person}", "visits: {most: 3, then: bye}"),
        ("{404: person}", "{404: bye, 410: person}"),
        ("next: sold, otherwise: person", "next: sold, otherwise: bye"),
        ("next: send, otherwise: person", "next: send, otherwise: bye"),
        ("refused: person", "refused: bye"),
        ("next: menu, otherwise: person", "next: menu, otherwise: bye"),
    ],
)
def test_whatever_fails_leads_to_a_person(old: str, new: str) -> None:
    """But for what goes on all the same: whether it is `sold` makes no difference to the caller."""
    assert rules_of(DEAD_ENDS) == []
    text = DEAD_ENDS.replace(old, new)
    assert text != DEAD_ENDS and rules_of(text) == ["no-person"]
    mailbox = "bye: {record: A message., into: message, next: end, otherwise: end}\n  end: {hang_up: Goodbye.}"
    assert rules_of(text.replace("bye: {hang_up: Goodbye.}", mailbox)) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("sales", "sails", True),
        ("billing", "filling", True),
        ("sales", "support", False),
        ("yes", "no", False),
        ("five", "nine", False),
        ("my balance", "my balances", True),
    ],
)
def test_what_sounds_alike(one: str, other: str, expected: bool) -> None:
    assert alike(sounds_of(one, "en"), sounds_of(other, "en")) is expected


@pytest.mark.alone
def test_a_flow_of_500_steps_is_checked_within_a_second() -> None:
    """The figure is of a quiet machine; here it may take three times as long."""
    words = ("sales", "support", "delivery", "invoices")
    steps = "".join(
        f"  s{n}:\n    ask: Which of them, please?\n    choices:\n"
        + "".join(
            f"      {word}: {{phrases: [{word}, my {word}, about {word}], key: {key}, next: s{min(n + key, 498)}}}\n"
            for key, word in enumerate(words, 1)
        )
        for n in range(498)
    )
    rest = "  s498: {transfer: desk, otherwise: bye}\n  bye: {hang_up: Goodbye.}\n"
    head = 'name: large\nstart: s0\nno_input: {then: bye}\nno_match: {reprompts: "Again?", then: s498}\nsteps:\n'
    rules_of(GOOD)  # reads the dictionary
    began = time.process_time()
    assert rules_of(head + steps + rest) == []
    assert time.process_time() - began < 3.0


def test_every_rule_is_documented() -> None:
    page = (ROOT / "docs" / "flow-tools.md").read_text()
    assert [rule for rule in RULES if f"`{rule}`" not in page] == []


CARD = """
name: pay
start: card
no_input: {then: bye}
no_match: {reprompts: "Once more?", then: bye}
steps:
  card: {collect: "Your card?", into: card, digits: {min: 12, max: 19}, where: luhn(card), next: bye}
  bye: {hang_up: Goodbye.}
"""


def test_a_card_is_a_secret() -> None:
    assert rules_of(CARD) == ["card-by-collect"]
    assert rules_of(CARD.replace("{min: 12, max: 19}", "10")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("Your card?", "Your PIN, please."), ("Your card?", "And the security code."), ("card, digits", "pin, digits")],
)
def test_a_pin_is_a_secret(old: str, new: str) -> None:
    text = CARD.replace("{min: 12, max: 19}, where: luhn(card)", "4")
    assert rules_of(text) == []
    assert rules_of(text.replace(old, new)) == ["pin-by-collect"]


def test_words_are_found_in_the_dictionary_by_a_few_looks() -> None:
    file = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    lines = file.read_text("utf-8").splitlines()
    first_ways = dict(line.split(" ", 1) for line in lines if "(" not in line)
    words = [*list(first_ways)[::50], *list(first_ways)[:5], *list(first_ways)[-5:]]
    assert len(words) > 2_000
    assert all(sounds_of(word, "en") == tuple(first_ways[word].split()) for word in words)


@pytest.mark.parametrize("word", ["aaaaa", "bilingx", "zzzzz"])
def test_a_word_that_is_not_in_the_dictionary_has_its_consonants(word: str) -> None:
    assert sounds_of(word, "en") == tuple(sound_key(word, "en"))
