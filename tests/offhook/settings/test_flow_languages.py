"""Flows in several languages: texts and phrases by language, and a language that is chosen in the call."""

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.settings.flow_file import parse_flow
from tests.offhook.settings.flow_yaml import problems

FLOW = """\
name: hotel
start: which
language: en
voice: heart
texts:
  bye: {en: Goodbye., de: Auf Wiederhören.}
no_input: {then: bye}
no_match:
  reprompts: [{en: "Pardon?", de: "Wie bitte?"}]
  then: bye
steps:
  which:
    ask: {en: "English or German?", de: "Englisch oder Deutsch?"}
    choices:
      english: {phrases: {en: [english], de: [englisch]}, key: 1, next: menu}
      german: {phrases: {en: [german], de: [deutsch]}, key: 2, next: german}
  german: {set_language: de, next: hello}
  hello: {say: {en: Hello., de: Guten Tag.}, next: menu}
  menu:
    ask: {en: "Book or cancel, {call.caller}?", de: "Buchen oder stornieren, {call.caller}?"}
    choices:
      book: {phrases: {en: [book], de: [buchen, ein Zimmer buchen]}, next: bye}
      cancel: {phrases: {en: [cancel], de: [stornieren]}, next: number}
  number: {collect: {en: Your number., de: Ihre Nummer.}, into: number, digits: 2, next: which_one}
  which_one: {if: call.language == "de", then: spoken, else: bye}
  spoken: {say: {en: "{number}", de: "Nummer {number}."}, next: bye}
  bye: {hang_up: {text: bye}}
"""


def flow() -> Flow:
    return parse_flow(FLOW.encode(), "f.yaml")


def started(*answers: Answer) -> tuple[FlowRunner, object]:
    runner = FlowRunner(flow(), "en", call={"caller": "12", "language": "en"})
    action: object = runner.start()
    for answer in answers:
        action = runner.after(answer)
    return runner, action


def asked(action: object) -> tuple[str, Question]:
    assert isinstance(action, AskFor)
    return action.prompt.text, action.question


def words_of(question: Question) -> list[str]:
    return [phrase for choice in question.choices for phrase in choice.phrases]


def chose(name: str) -> Answer:
    return Answer(AnswerKind.SPEECH, name, choice=name)


def test_the_flow_begins_in_its_language() -> None:
    text, question = asked(started()[1])
    assert text == "English or German?"
    assert words_of(question) == ["english", "german"]
    assert question.language == "en"
    assert asked(started(Answer(AnswerKind.NO_MATCH))[1])[0] == "Pardon?"


def test_from_the_step_on_texts_and_phrases_are_those_of_the_language() -> None:
    runner, action = started(chose("german"))
    assert isinstance(action, Speak)
    assert (action.prompt.text, action.prompt.language, action.prompt.voice) == ("Guten Tag.", "de", None)
    text, question = asked(runner.after(Answer(AnswerKind.SPEECH)))
    assert text == "Buchen oder stornieren, 1 2?"
    assert words_of(question) == ["buchen", "ein Zimmer buchen", "stornieren"]
    assert answer_to(question, Transcript("ein Zimmer buchen"), 0.5, typed=False).choice == "book"
    assert asked(runner.after(Answer(AnswerKind.NO_MATCH)))[0] == "Wie bitte?"
    runner.after(chose("cancel"))
    said = runner.after(Answer(AnswerKind.DTMF, digits="12"))
    assert isinstance(said, Speak)
    assert said.prompt.text == "Nummer 1 2."
    bye = runner.after(Answer(AnswerKind.SPEECH))
    assert isinstance(bye, HangUp) and bye.prompt is not None
    assert bye.prompt.text == "Auf Wiederhören."


@pytest.mark.parametrize(
    ("count", "language", "said"),
    [(1, "en", "In 1 day."), (0, "en", "In 0 days."), (0, "fr", "Dans 0 jour."), (2, "fr", "Dans 2 jours.")],
)
def test_words_agree_with_a_number_by_the_rules_of_their_language(count: int, language: str, said: str) -> None:
    text = f"""
name: days
start: count
language: en
steps:
  count: {{set: {{n: {count}}}, next: choose}}
  choose: {{set_language: {language}, next: told}}
  told:
    say:
      en: In {{n}} {{plural(n, "day", "days")}}.
      fr: Dans {{n}} {{plural(n, "jour", "jours")}}.
    next: bye
  bye: {{hang_up: }}
"""
    action = FlowRunner(parse_flow(text.encode(), "f.yaml"), "en").start()
    assert isinstance(action, Speak) and action.prompt.text == said


COMMAND = 'auf_deutsch: {phrases: {en: [in german], de: [auf deutsch]}, key: "*", do: language, language: de}'
WITH_COMMAND = FLOW.replace("steps:\n", f"commands:\n  {COMMAND}\nsteps:\n")


def test_a_command_asks_the_same_question_in_another_language() -> None:
    runner = FlowRunner(parse_flow(WITH_COMMAND.encode(), "f.yaml"), "en", call={"caller": "12", "language": "en"})
    runner.start()
    runner.after(chose("english"))
    assert asked(runner.after(Answer(AnswerKind.NO_MATCH)))[0] == "Pardon?"
    text, question = asked(runner.after(chose("auf_deutsch")))
    assert (text, question.language, runner.chosen_language) == ("Buchen oder stornieren, 1 2?", "de", "de")
    assert (runner.step, runner.dump()["no_match"]) == ("menu", 1)  # which it is no other of
    assert words_of(question) == ["buchen", "ein Zimmer buchen", "stornieren", "auf deutsch"]
    bye = runner.after(chose("book"))
    assert isinstance(bye, HangUp) and bye.prompt is not None and bye.prompt.text == "Auf Wiederhören."


def test_every_text_is_given_in_the_language_of_a_command() -> None:
    found = problems(WITH_COMMAND.replace("do: language, language: de", "do: language, language: fr"))
    assert "`English or German?` is not given in `fr`" in [each.what for each in found]


def test_a_correction_takes_the_language_back() -> None:
    runner, _ = started(chose("german"))
    corrected = runner.corrected(chose("english"))
    assert asked(corrected)[0] == "Book or cancel, 1 2?"
    assert runner.chosen_language is None


def test_a_language_has_what_another_region_of_it_has() -> None:
    catalogue = Catalogue({"Hello.": {"en": "Hello.", "de-AT": "Servus."}})
    assert catalogue.text("Hello.", "de-CH") == "Servus."
    assert catalogue.text("Hello.", "EN-gb") == "Hello."
    assert catalogue.text("Hello.", "fr") == "Hello."
    assert catalogue.text("Another.", "de") == "Another."
    choice = Choice("a", ("yes",))
    assert catalogue.question(Question((choice,)), "de").choices == (choice,)


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ("{en: Hello., de: Guten Tag.}", "Hello.", "18:16", "`Hello.` is not given in `en`", "de: …"),
        ("{en: Hello., de: Guten Tag.}", "{en: Hello.}", "18:11", "`Hello.` is not given in `de`", "de: …"),
        ("de: Guten Tag.}", "de: Guten Tag., fr: Bonjour.}", "13:5", "is not given in `fr`", "fr: …"),
        ("de: Guten Tag.", 'de: "Guten Tag {x}."', "18:33", "no variable `x`", "one of: number"),
        ("de: Guten Tag.", "de: <p>Guten Tag.</p>", "18:33", "markup", "remove it"),
        ("de: [stornieren]", "de: [buchen]", "23:40", "phrase `buchen` stands for `book` and for `cancel`", "remove"),
        ("de: [stornieren]", "de: [24 stornos/x]", "23:45", "`24 stornos/x` cannot be recognised", "list"),
        ("de: [stornieren]", "de: [24 Stunden]", "23:45", "`24 Stunden` cannot be recognised", "24"),
        ("de: [stornieren]", "fr: [annuler]", "23:16", "`cancel` are not given in `de`", "key"),
        ("{text: bye}", "{text: by}", "27:18", "no text `by`", "did you mean `bye`?"),
        (
            "{en: Goodbye., de: Auf Wiederhören.}",
            "{en: Bye., de: {text: bye}}",
            "6:23",
            "names the text `bye`",
            "itself",
        ),
        ("set_language: de", "set_language: german", "17:26", "`german` is not a language", "set_language: de"),
        (
            "{en: Hello., de: Guten Tag.}",
            "{en: Goodbye., de: Ade.}",
            "6:8",
            "two ways",
            "texts",
        ),
    ],
)
def test_what_a_language_lacks_is_named(old: str, new: str, where: str, what: str, todo: str) -> None:
    assert FLOW.count(old) == 1, old
    found = [each for each in problems(FLOW.replace(old, new)) if what in each.what]
    assert f"f.yaml:{where}" in [each.where for each in found], problems(FLOW.replace(old, new))
    assert todo in found[0].todo


def test_a_command_needs_the_phrases_of_a_language_where_its_key_is_a_part_of_the_entry() -> None:
    text = FLOW.replace("digits: 2", "digits: {min: 1, max: 2}")
    text = text.replace("steps:", "commands: {help: {phrases: {en: [help]}, key: 0, do: help}}\nsteps:")
    (problem,) = problems(text)
    assert problem.what == "the phrases of `help` are not given in `de`" and "key * or #" in problem.todo
    parse_flow(text.replace("key: 0", 'key: "*"').encode(), "f.yaml")


def in_english_alone(words: str) -> str:
    """The flow's choice in English words, and by its key in German."""
    return FLOW.replace("{phrases: {en: [book], de: [buchen, ein Zimmer buchen]}", f"{{phrases: {words}, key: 1")


@pytest.mark.parametrize("words", ["{en: [book]}", "{en: [book], de: []}", "{de: [], en: [book]}"])
def test_a_choice_has_words_in_one_language_and_its_key_alone_in_another(words: str) -> None:
    text = in_english_alone(words).replace("{en: [cancel], de: [stornieren]}", "{en: [cancel]}, key: 2")
    flow = parse_flow(text.encode(), "f.yaml")
    menu = flow.steps["menu"]
    assert isinstance(menu, ListeningStep)
    english, german, french = (menu.asked_in(language, flow.catalogue) for language in ("en-GB", "de", "fr"))
    assert (words_of(english), english.speech) == (["book", "cancel"], True)
    assert (words_of(german), german.speech) == ([], False)
    assert words_of(french) == ["book", "cancel"], "in a language that the flow does not have"
    runner = FlowRunner(flow, "en", call={"caller": "12", "language": "en"})
    runner.start()
    runner.after(chose("german"))
    assert not asked(runner.after(Answer(AnswerKind.SPEECH)))[1].speech


def test_where_a_choice_has_no_words_it_needs_a_key() -> None:
    (problem,) = problems(in_english_alone("{en: [book], de: []}").replace("book], de: []}, key: 1", "book], de: []}"))
    assert problem.what == "the phrases of `book` are not given in `de`" and "a key" in problem.todo
