"""In which of several languages an answer was given."""

import pytest

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, Transcript
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question
from offhook.pipeline.recognition import request_for
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.understanding.languages import as_answered

ENGLISH = (Choice("book", ("book", "book a room")), Choice("cancel", ("cancel",)), Choice("no", ("no",)))
SPANISH = (Choice("book", ("reservar", "una habitación")), Choice("cancel", ("cancelar",)), Choice("no", ("no",)))
BOTH = Question(choices=ENGLISH, language="en-US", others=(("es", SPANISH),))


@pytest.mark.parametrize(
    ("said", "choice", "language"),
    [
        ("book", "book", "en-US"),
        ("I want to book a room, please", "book", "en-US"),
        ("quiero reservar", "book", "es"),
        ("una habitación, por favor", "book", "es"),
        ("cancel", "cancel", "en-US"),
        ("cancelar", "cancel", "es"),
        ("cancelar mi cita", "cancel", "es"),
        ("no", "no", None),
        ("the weather", None, None),
    ],
)
def test_the_language_is_that_in_which_it_is_understood_best(said: str, choice: str | None, language: str) -> None:
    answer = answer_to(BOTH, Transcript(said), 0.5, typed=False)
    assert (answer.choice, answer.language) == (choice, language)


def test_what_means_something_else_in_each_is_taken_as_the_first() -> None:
    mixed = Question(
        choices=(Choice("one", ("once",)),), language="en", others=(("es", (Choice("eleven", ("once",)),)),)
    )
    answer = answer_to(mixed, Transcript("once"), 0.5, typed=False)
    assert (answer.choice, answer.language) == ("one", None)


@pytest.mark.parametrize(("said", "language"), [("book or stop", "en"), ("reservar o anular", "es"), ("rain", None)])
def test_which_of_two_is_asked_in_the_language_in_which_both_were_named(said: str, language: str | None) -> None:
    english = (Choice("book", ("book",)), Choice("stop", ("stop",)))
    spanish = (Choice("book", ("reservar",)), Choice("stop", ("anular",)))
    question = Question(choices=english, language="en", others=(("es", spanish),))
    guess = answer_to(question, Transcript(said), 0.5, typed=False).guess
    assert (guess is not None) == (language is not None)
    if guess is not None:
        assert (sorted(guess.either), guess.language) == (["book", "stop"], language)
        assert as_answered(question, guess).language == language


def test_one_language_is_none_to_choose() -> None:
    answer = answer_to(Question(choices=ENGLISH, language="en"), Transcript("book"), 0.5, typed=False)
    assert (answer.choice, answer.language) == ("book", None)


def test_what_is_asked_about_an_answer_is_asked_in_its_language() -> None:
    for language, choices in (("es", SPANISH), ("en-US", ENGLISH), (None, ENGLISH)):
        asked = as_answered(BOTH, Answer(AnswerKind.SPEECH, language=language))
        assert (asked.language, asked.choices, asked.others) == (language or "en-US", choices, ())


def test_the_recogniser_gets_the_phrases_of_all() -> None:
    request = request_for(BOTH)
    assert request.phrases == ("book", "book a room", "cancel", "no", "reservar", "una habitación", "cancelar")
    assert (request.language, request.others) == ("en-US", ("es",))
    assert (question_grammar(BOTH) or "").splitlines()[-1] == (
        "public <choices> = book | book a room | cancel | no | reservar | una habitación | cancelar;"
    )


@pytest.mark.parametrize(
    ("languages", "mixes", "language", "others"),
    [
        (("en", "es", "fr"), True, "en", ("es", "fr")),
        (("en", "es", "fr"), False, "en", ()),
        (("en", "es"), True, "en", ("es",)),
        (("fr",), True, None, ("fr",)),
        ((), True, "en-US", ("es", "fr-CA")),
    ],
)
def test_an_engine_gets_those_that_it_knows(
    languages: tuple[str, ...], mixes: bool, language: str | None, others: tuple[str, ...]
) -> None:
    engine = AsrCapabilities(16_000, grammar=False, free_speech=True, partials=True, languages=languages, mixes=mixes)
    request = AsrRequest(language="en-US", others=("es", "fr-CA")).known_to(engine)
    assert (request.language, request.others) == (language, others)
