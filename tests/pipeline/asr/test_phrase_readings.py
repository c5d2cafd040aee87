"""Readings with a question's phrases, as texts: whether they fit the sound is the model's to say."""

import time

from offhook.pipeline.asr.phrase_readings import MOST, has_phrase, readings


def test_a_phrase_stands_where_something_similar_was_recognised() -> None:
    assert readings("Might have bin", ["might have been", "eight of spades"])[0] == "Might have been"
    assert readings("for Queen of Clothes.", ["queen of clubs"])[0] == "for Queen of Clubs."
    assert readings("I'd like, uh, sails please.", ["sales", "support"])[0] == "I'd like, uh, sales please."


def test_a_word_may_be_missing_or_too_many() -> None:
    assert readings("rather.", ["and rather"])[0] == "And rather."
    assert readings("Coldhearted", ["cold hearted"])[0] == "Cold hearted"


def test_a_phrase_is_found_word_by_word_and_numbers_in_figures() -> None:
    assert has_phrase("Sales, please.", ["support", "sales"], "en")
    assert has_phrase("I want the OPENING hours", ["opening hours"], "en")
    assert has_phrase("7 of clubs", ["seven of clubs"], "en")
    assert not has_phrase("wholesales", ["sales"], "en")
    assert not has_phrase("hours of opening", ["opening hours"], "en")
    assert not has_phrase("sales", ["", "  "], "en")
    assert not has_phrase("", ["sales"], "en")


def test_nothing_recognised_or_nothing_expected() -> None:
    assert readings("", ["sales"]) == []
    assert readings("sales", []) == []
    assert readings("sales", ["", "  "]) == []
    assert readings("a", ["bonus"]) == ["Bonus"]


def test_a_phrase_of_a_few_letters_fits_too_much() -> None:
    assert readings("I'll last it", ["two", "no", "yes"]) == []


def test_the_most_similar_come_first_and_are_few() -> None:
    phrases = ["opening hours", "my balance", "a lost card", "an agent", "the bill"]
    found = readings("My ballads.", phrases)
    assert len(found) == MOST
    assert found[0] == "My balance."


def test_many_phrases_and_long_turns_take_no_time() -> None:
    phrases = [f"department number {number} of the company" for number in range(400)]
    text = "well I have been trying to reach somebody in the apartment of numbers " * 4
    began = time.process_time()
    assert readings(text, phrases)
    assert time.process_time() - began < 0.25
