"""Commands in every question, help, going back, keys alone after failures, and callers who stay silent."""

from dataclasses import replace

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.commands import Command, Does
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.limits import MAX_COMMANDS
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import ListeningStep, Retry, Silent
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.turn.keypad import Entry, Keypad

REPEAT = Command(Choice("repeat", ("repeat", "say that again"), "*"), does=Does.REPEAT)
HELP = Command(Choice("help", ("help",)), does=Does.HELP)
BACK = Command(Choice("back", ("go back",), "9"), does=Does.BACK)
OPERATOR = Command(Choice("operator", ("operator", "a person"), "0"), next="person")
COMMANDS = (REPEAT, HELP, BACK, OPERATOR)
MENU = Ask(
    "menu",
    "Balance or hours?",
    (
        Option(Choice("balance", ("my balance",), "1"), "pin"),
        Option(Choice("hours", ("opening hours",), "2"), "open"),
    ),
    no_input=Retry("bye", 3),
    no_match=Retry("bye", 4, ("Pardon?",), keys_only_after=2),
    commands=COMMANDS,
    help="Say balance, or hours.",
)
PIN = Collect(
    "pin",
    "Your PIN?",
    "pin",
    DigitRule(4, 4),
    "open",
    no_input=Retry("bye", 3),
    no_match=Retry("bye", 3),
    commands=COMMANDS,
)
STEPS: tuple[Step, ...] = (
    MENU,
    PIN,
    Say("open", "Nine to five.", "menu"),
    Say("person", "A person.", "bye"),
    End("bye", "Goodbye."),
)
PLAYED, SILENCE = Answer(AnswerKind.SPEECH), Answer(AnswerKind.NO_INPUT)
NO_MATCH = Answer(AnswerKind.NO_MATCH, "potato")


def flow_of(*changed: Step) -> Flow:
    return Flow("test", "menu", {step.name: step for step in (*STEPS, *changed)})


def runner_of(*changed: Step) -> FlowRunner:
    runner = FlowRunner(flow_of(*changed))
    runner.start()
    return runner


def said(action: object) -> str:
    assert isinstance(action, AskFor | Speak | HangUp)
    return "" if action.prompt is None else action.prompt.text


def heard(step: ListeningStep, words: str, confidence: float | None = None) -> Answer:
    """What a call makes of these words after the step's question."""
    return answer_to(step.full_question(), Transcript(words, confidence=confidence), 0.5, typed=False)


def keyed(step: ListeningStep, keys: str) -> Answer:
    """What a call makes of these keys after the step's question."""
    keypad, question = Keypad(), step.full_question()
    keypad.begin(question)
    for at, key in enumerate(keys):
        keypad.press(key, float(at), question)
        entry = keypad.accept(question)
    assert entry is Entry.COMPLETE
    return keypad.answer(question)


def problems(*changed: Step) -> dict[str, tuple[str | int, ...]]:
    with pytest.raises(FlowError) as caught:
        flow_of(*changed)
    return {each.what: each.path for each in caught.value.problems}


def test_a_command_leads_to_its_step_from_every_question() -> None:
    runner = runner_of()
    assert said(runner.after(heard(MENU, "a person please"))) == "A person."
    assert runner.walked()[-1] == ("person", "commands.operator")
    runner = runner_of()
    runner.after(heard(MENU, "my balance"))
    assert said(runner.after(heard(PIN, "operator"))) == "A person."


def test_it_repeats_and_helps_and_these_are_no_failures() -> None:
    runner = runner_of()
    runner.after(NO_MATCH)
    for _ in range(5):
        assert said(runner.after(keyed(MENU, "*"))) == "Balance or hours?"
        assert said(runner.after(heard(MENU, "help"))) == "Say balance, or hours."
    assert runner.dump()["no_match"] == 1
    assert runner.walked()[-1] == ("menu", "commands.help")


def test_help_of_a_question_without_its_own_is_the_question() -> None:
    runner = runner_of()
    runner.after(heard(MENU, "my balance"))
    assert said(runner.after(heard(PIN, "help"))) == "Your PIN?"


def test_it_goes_back_to_the_question_before() -> None:
    runner = runner_of()
    assert said(runner.after(keyed(MENU, "9"))) == "Balance or hours?", "there is none before"
    runner.after(heard(MENU, "my balance"))
    assert said(runner.after(heard(PIN, "go back"))) == "Balance or hours?"
    assert runner.walked()[-1] == ("menu", "commands.back")
    assert said(runner.after(heard(MENU, "my balance"))) == "Your PIN?"


def test_keys_that_belong_to_an_entry_are_no_commands_there() -> None:
    runner = runner_of()
    runner.after(heard(MENU, "my balance"))
    assert said(runner.after(keyed(PIN, "*"))) == "Your PIN?"
    assert said(runner.after(keyed(PIN, "9000"))) == "Nine to five."


def test_a_digit_alone_is_a_command_where_it_is_no_whole_entry_and_no_choice() -> None:
    def keys(step: Collect) -> dict[str, str | None]:
        return {choice.name: choice.dtmf for choice in step.full_question().choices}

    assert keys(PIN) == {"repeat": "*", "help": None, "back": "9", "operator": "0"}
    assert keys(replace(PIN, rule=DigitRule(1, 4)))["operator"] is None
    zero = Option(Choice("zero", (), "0"), "bye")
    assert keys(replace(PIN, options=(zero,))) == {"zero": "0", **keys(PIN), "operator": None}
    runner = runner_of()
    runner.after(heard(MENU, "my balance"))
    assert said(runner.after(Answer(AnswerKind.DTMF, choice="operator", digits="0"))) == "A person."


def test_a_command_is_as_sure_as_a_choice_has_to_be() -> None:
    runner = runner_of()
    unsure = heard(MENU, "operator", confidence=0.3)
    assert unsure.kind is AnswerKind.NO_MATCH
    assert said(runner.after(unsure)) == "Pardon?"


def test_a_place_in_the_menu_is_none_of_the_commands() -> None:
    assert heard(MENU, "the last one").choice == "hours"
    assert heard(MENU, "the third one").choice is None


def test_the_grammar_has_the_commands() -> None:
    for step in (MENU, PIN):
        grammar = question_grammar(step.full_question())
        assert grammar is not None
        assert "say that again" in grammar
    assert replace(PIN, commands=()).full_question().speech is False


def test_the_step_of_a_command_is_reached() -> None:
    assert [each for each in problems(*(replace(step, commands=()) for step in (MENU, PIN)))] == [
        "step `person` is never reached"
    ]


def _crowded(number: int) -> Command:
    """A command with as many phrases as one may have."""
    letters = "abcdefghij"
    phrases = tuple(f"{letters[n // 10]} {letters[n % 10]} {'x' * (number + 1)}" for n in range(100))
    return Command(Choice(f"c{number}", phrases), does=Does.HELP)


@pytest.mark.parametrize(
    ("changed", "what", "path"),
    [
        (
            replace(MENU, options=(*MENU.options, Option(Choice("help", ("assistance",)), "bye"))),
            "`help` is a choice and a command",
            ("choices", "help"),
        ),
        (
            replace(MENU, options=(*MENU.options, Option(Choice("again", ("Repeat",)), "bye"))),
            "phrase `Repeat` is a command's, too",
            ("choices", "again", "phrases"),
        ),
        (
            replace(
                MENU,
                options=(*MENU.options, Option(Choice("again", ("oh", "again"), "3"), "bye")),
                commands=(*COMMANDS, Command(Choice("none", ("zero",)), next="person")),
            ),
            "phrase `oh` is a command's, too",
            ("choices", "again", "phrases"),
        ),
        (
            replace(MENU, options=(*MENU.options, Option(Choice("other", (), "0"), "bye"))),
            "key 0 is a command's, too",
            ("choices", "other", "key"),
        ),
        (replace(PIN, rule=DigitRule(4, 4, "*")), "key * ends the entry", ("collect",)),
        (
            replace(MENU, commands=(*COMMANDS, Command(Choice("lost", ()), next="person"))),
            "command `lost` can never be given",
            ("commands", "lost"),
        ),
        (
            replace(MENU, commands=(*COMMANDS, Command(Choice("two", ("help",)), next="person"))),
            "phrase `help` appears twice",
            ("commands", "two", "phrases"),
        ),
        (
            replace(MENU, commands=(*COMMANDS, Command(Choice("two", (), "77"), next="person"))),
            "`77` is not a key",
            ("commands", "two", "key"),
        ),
        (
            replace(MENU, commands=(*COMMANDS, Command(Choice("two", ("a/b",)), next="person"))),
            "phrase `a/b` cannot be recognised",
            ("commands", "two", "phrases", 0),
        ),
        (
            replace(MENU, commands=(*COMMANDS, Command(Choice("two", ("two",)), next="prson"))),
            "there is no step `prson`",
            ("commands", "two", "next"),
        ),
        (
            replace(MENU, commands=tuple(Command(Choice(f"c{n}", (), "*"), does=Does.HELP) for n in range(21))),
            f"there are {MAX_COMMANDS + 1} commands",
            ("commands",),
        ),
        (
            replace(MENU, commands=tuple(_crowded(n) for n in range(11))),
            "with the commands there are 1102 phrases",
            ("commands",),
        ),
        (
            replace(MENU, no_match=Retry("bye", 3, keys_only_after=3)),
            "keys_only_after is 3",
            ("no_match", "keys_only_after"),
        ),
        (
            replace(MENU, options=(*MENU.options, Option(Choice("other", ("other",)), "bye"))),
            "choice `other` has no key",
            ("no_match", "keys_only_after"),
        ),
        (replace(MENU, silent=Silent(0)), "most is 0", ("silent", "most")),
        (replace(MENU, help="{lost}"), "there is no variable `lost`", ("help",)),
    ],
)
def test_what_is_wrong_with_commands(changed: Step, what: str, path: tuple[str | int, ...]) -> None:
    assert problems(changed).get(what) == ("steps", changed.name, *path)


def listening(action: object) -> Question:
    assert isinstance(action, AskFor)
    return action.question


def test_after_some_failures_only_keys_are_listened_for() -> None:
    runner = runner_of()
    first = runner.after(NO_MATCH)
    assert said(first) == "Pardon?"
    assert listening(first).speech
    for answer in (NO_MATCH, SILENCE, NO_MATCH):
        again = runner.after(answer)
        assert said(again) == "Please use your keypad: for balance press 1, for hours press 2."
        assert not listening(again).speech
    assert said(runner.after(NO_MATCH)) == "Goodbye."


def test_a_silent_caller_is_not_kept_for_ever() -> None:
    runner = runner_of(replace(MENU, silent=Silent(3, "person")), replace(PIN, silent=Silent(3, "person")))
    runner.after(SILENCE)
    runner.after(heard(MENU, "my balance"))
    runner.after(SILENCE)
    runner.after(keyed(PIN, "1234"))
    assert said(runner.after(PLAYED)) == "Balance or hours?"
    assert said(runner.after(SILENCE)) == "A person."
    assert runner.walked()[-1] == ("person", "silent.then")


def test_the_step_for_silent_callers_may_ask_itself() -> None:
    runner = runner_of(replace(MENU, silent=Silent(1, "pin")), replace(PIN, silent=Silent(1, "pin")))
    assert said(runner.after(SILENCE)) == "Your PIN?"
    for _ in range(2):
        assert isinstance(runner.after(SILENCE), AskFor)
    assert said(runner.after(SILENCE)) == "Goodbye."


def test_without_a_rule_the_call_ends_after_twenty_silences() -> None:
    runner = runner_of()
    for _ in range(9):
        for _ in range(2):
            assert isinstance(runner.after(SILENCE), AskFor)
        runner.after(heard(MENU, "opening hours"))
        runner.after(PLAYED)
    assert isinstance(runner.after(SILENCE), AskFor)
    assert runner.after(SILENCE) == HangUp()
