"""Questions that are answered in one of several languages, in which the call goes on."""

from dataclasses import replace

import pytest

from offhook.pipeline.dialog.actions import AskFor
from offhook.pipeline.dialog.commands import Command, Does
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.events import Answer, AnswerKind, Choice

HELP = Command(Choice("help", ("help",)), does=Does.HELP)
WHICH = Ask(
    "which",
    "Book, or cancel?",
    (Option(Choice("book", ("book",), "1"), "more"), Option(Choice("cancel", ("cancel",), "2"), "more")),
    no_input=Retry("bye"),
    no_match=Retry("bye"),
    commands=(HELP,),
    languages=("en", "es"),
)
MORE = replace(WHICH, name="more", prompt="Anything else?", languages=())
CATALOGUE = Catalogue(
    {
        "Book, or cancel?": {"en": "Book, or cancel?", "es": "¿Reservar o cancelar?"},
        "Anything else?": {"en": "Anything else?", "es": "¿Algo más?"},
        "Goodbye.": {"en": "Goodbye.", "es": "Adiós."},
    },
    {
        ("book",): {"en": ("book",), "es": ("reservar",)},
        ("cancel",): {"en": ("cancel",), "es": ("cancelar",)},
        ("help",): {"en": ("help",), "es": ("ayuda",)},
    },
)


WORDS = (("en", "row"), ("es", "fila"))


def flow(which: Ask = WHICH, language: str | None = "en", catalogue: Catalogue = CATALOGUE) -> Flow:
    steps = {"which": which, "more": MORE, "bye": End("bye", "Goodbye.")}
    return Flow("hotel", "which", steps, language=language, catalogue=catalogue)


def asked(runner: FlowRunner, *answers: Answer) -> AskFor:
    action = runner.start()
    for answer in answers:
        action = runner.after(answer)
    assert isinstance(action, AskFor)
    return action


def said(choice: str | None, language: str | None, kind: AnswerKind = AnswerKind.SPEECH) -> Answer:
    return Answer(kind, choice=choice, language=language)


def test_it_is_listened_to_in_each() -> None:
    question = asked(FlowRunner(flow())).question
    assert [choice.phrases for choice in question.choices] == [("book",), ("cancel",), ("help",)]
    ((language, choices),) = question.others
    assert (language, [choice.phrases for choice in choices]) == ("es", [("reservar",), ("cancelar",), ("ayuda",)])
    assert question.speech


@pytest.mark.parametrize(
    ("answer", "prompt"),
    [
        (said("book", "es"), "¿Algo más?"),
        (said("book", "en"), "Anything else?"),
        (said("book", None), "Anything else?"),
        (Answer(AnswerKind.DTMF, digits="1", choice="book"), "Anything else?"),
        (said("help", "es"), "¿Reservar o cancelar?"),
        (said(None, "es", AnswerKind.NO_MATCH), "Book, or cancel?"),
    ],
)
def test_the_call_goes_on_in_the_language_of_the_answer(answer: Answer, prompt: str) -> None:
    assert asked(FlowRunner(flow()), answer).prompt.text == prompt


def test_a_question_that_is_asked_in_spanish_is_listened_to_in_english_too() -> None:
    question = asked(FlowRunner(flow()), said("help", "es")).question
    assert question.choices[0].phrases == ("reservar",) and question.others[0][0] == "en"
    runner = FlowRunner(flow())
    assert asked(runner, said("help", "es"), said("book", None)).prompt.text == "¿Algo más?"


def test_a_step_with_its_own_language_chooses_that_of_the_call() -> None:
    fixed = replace(WHICH, language="en")
    assert asked(FlowRunner(flow(fixed, "es")), said("book", "en")).prompt.text == "Anything else?"
    assert asked(FlowRunner(flow(fixed, "es")), said("book", None)).prompt.text == "¿Algo más?"


def test_the_language_of_the_call_is_kept_as_it_is_written() -> None:
    runner = FlowRunner(flow(language=None), "en-GB")
    asked(runner, said("book", "en-GB"))
    assert runner.chosen_language is None


def test_a_correction_takes_the_language_back() -> None:
    runner = FlowRunner(flow())
    asked(runner, said("book", "es"))
    again = runner.corrected(said("cancel", "en"))
    assert isinstance(again, AskFor) and again.prompt.text == "Anything else?"


@pytest.mark.parametrize(
    ("which", "what"),
    [
        (replace(WHICH, languages=("en", "english")), "`english` is not a language"),
        (replace(WHICH, languages=("en",)), "`en` cannot be distinguished"),
        (replace(WHICH, languages=("en", "en-GB")), "`en, en-GB` cannot be distinguished"),
        (replace(WHICH, languages=("en", "fr")), "`Book, or cancel?` is not given in `fr`"),
    ],
)
def test_what_is_wrong_with_them(which: Ask, what: str) -> None:
    with pytest.raises(FlowError) as caught:
        flow(which)
    assert what in [problem.what for problem in caught.value.problems]


def test_every_choice_can_be_chosen_in_each() -> None:
    keyless = tuple(Option(replace(each.choice, dtmf=None), each.next) for each in WHICH.options)
    less = Catalogue(CATALOGUE.texts, {**CATALOGUE.phrases, ("cancel",): {"en": ("cancel",)}})
    with pytest.raises(FlowError, match="the phrases of `cancel` are not given in `es`"):
        flow(replace(WHICH, language="en", options=keyless), catalogue=less)


@pytest.mark.parametrize(("taken", "choice"), [("book", "book"), ("help", "help")])
def test_a_phrase_means_the_same_in_all_that_are_listened_to_at_once(taken: str, choice: str) -> None:
    clash = Catalogue(CATALOGUE.texts, {**CATALOGUE.phrases, (taken,): {"en": (taken,), "es": ("ya", "Cancel")}})
    with pytest.raises(FlowError) as caught:
        flow(catalogue=clash)
    (problem,) = caught.value.problems
    assert problem.what == f"phrase `Cancel` stands for `cancel` in `en` and for `{choice}` in `es`"
    assert problem.path[:2] == ("steps", "which") and problem.path[-3:] == (choice, "phrases", "es")
    with pytest.raises(FlowError, match="`cancel` in `en`"):
        flow(replace(WHICH, language="es"), catalogue=clash)
    assert flow(replace(WHICH, languages=()), catalogue=clash), "one language at a time"


def test_so_many_phrases_are_listened_for_in_all_languages_together() -> None:
    letters = "abcdefghij"
    rows = {
        f"row {name}": {tag: tuple(f"{word} {name} {x}{y}" for x in letters for y in letters) for tag, word in WORDS}
        for name in letters[:6]
    }
    options = tuple(Option(Choice(name, rows[name]["en"], str(key)), "more") for key, name in enumerate(rows))
    many = Catalogue(CATALOGUE.texts, {**CATALOGUE.phrases, **{each["en"]: each for each in rows.values()}})
    assert flow(replace(WHICH, options=options, languages=()), catalogue=many)
    with pytest.raises(FlowError, match="there are 1202 phrases in all its languages") as caught:
        flow(replace(WHICH, options=options), catalogue=many)
    assert caught.value.problems[0].path == ("steps", "which", "languages")
