"""Commands: what a caller may say or press in every question of a flow, besides its answers. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.hints import key_hint
from offhook.pipeline.dialog.phrases import phrase_faults, sound_of
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.pipeline.language import is_language_tag


class Does(StrEnum):
    """What a command does that leads to no step of its own."""

    REPEAT = "repeat"  # the question itself, not a reprompt
    HELP = "help"  # the question's help, or else the question
    BACK = "back"  # the question before
    LANGUAGE = "language"  # the question in another language


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its name, phrases and key, and the step that it leads to, or what it does. `language` (BCP 47) is
    that of the call from LANGUAGE on."""

    choice: Choice
    next: str | None = None
    does: Does | None = None
    language: str | None = None


def with_commands(question: Question, commands: Sequence[Command]) -> Question:
    """`question` with the commands as choices. A key that may be a whole entry of digits, or is a choice in place of
    one, is no command there."""
    if not commands:
        return question
    taken = {key for choice in question.choices for key in choice.keys}
    choices = tuple(_beside(command.choice, question.digits, taken) for command in commands)
    speech = question.speech or any(choice.phrases for choice in choices)
    return replace(question, choices=(*question.choices, *choices), speech=speech)


def _beside(choice: Choice, digits: DigitRule | None, taken: Collection[str]) -> Choice:
    key = choice.dtmf
    if digits is not None and key is not None and _is_of_entry(key, digits) and (digits.minimum < 2 or key in taken):
        key = None
    return replace(choice, dtmf=key, listed=False)


def _is_of_entry(key: str, digits: DigitRule | None) -> bool:
    return digits is not None and key.isdigit()


def command_problems(commands: Sequence[Command], question: Question, at: Path) -> Iterator[FlowProblem]:
    """What is wrong with the commands of the step at `at`, which asks `question`."""
    path = (*at, "commands")
    if len(commands) > limits.MAX_COMMANDS:
        what, why = f"there are {len(commands)} commands", f"at most {limits.MAX_COMMANDS} are listened for"
        yield FlowProblem(what, why, "keep those that hold everywhere", path)
    phrases = sum(len(choice.phrases) for choice in with_commands(question, commands).choices)
    if commands and phrases > limits.MAX_QUESTION_PHRASES:
        what = f"with the commands there are {phrases} phrases"
        why = f"at most {limits.MAX_QUESTION_PHRASES} are listened for at once"
        yield FlowProblem(what, why, "fewer, or `commands: no` in this step", path)
    said: dict[str, str] = {}
    pressed: dict[str, str] = {}
    for command in commands:
        choice = command.choice
        yield from _own_problems(choice, (*path, choice.name))
        if command.language is not None and not is_language_tag(command.language):
            what, why = f"`{command.language[:40]}` is not a language", "a language is a BCP 47 tag: `de`, or `en-GB`"
            yield FlowProblem(what, why, "type `language: de`", (*path, choice.name, "language"))
        for phrase in choice.phrases:
            yield from _twice(
                f"phrase `{phrase}`", said, sound_of(phrase), choice.name, (*path, choice.name, "phrases")
            )
        if choice.dtmf is not None:
            yield from _twice(f"key {choice.dtmf}", pressed, choice.dtmf, choice.name, (*path, choice.name, "key"))
    yield from _collisions(commands, question, said, pressed, at)


def _own_problems(choice: Choice, at: Path) -> Iterator[FlowProblem]:
    name = choice.name
    if not choice.phrases and choice.dtmf is None:
        todo = f'add `phrases: [{name.replace("_", " ")}]` or `key: "*"`'
        yield FlowProblem(f"command `{name}` can never be given", "it has neither a phrase nor a key", todo, at)
    if len(choice.phrases) > limits.MAX_CHOICE_PHRASES:
        why = f"a command has at most {limits.MAX_CHOICE_PHRASES}"
        what = f"{len(choice.phrases)} phrases"
        yield FlowProblem(what, why, "keep the most likely ones", (*at, "phrases"))
    for index, phrase in enumerate(choice.phrases):
        yield from phrase_faults(phrase, (*at, "phrases", index))
    if choice.dtmf is not None and (len(choice.dtmf) != 1 or choice.dtmf not in limits.KEYS):
        why = "a phone has the keys 0 to 9, * and # (and A to D)"
        yield FlowProblem(f"`{choice.dtmf}` is not a key", why, key_hint(choice.dtmf), (*at, "key"))


def _twice(what: str, taken: dict[str, str], mark: str, name: str, at: Path) -> Iterator[FlowProblem]:
    other = taken.setdefault(mark, name)
    if other != name:
        why = f"it would mean the command `{other}` and the command `{name}`"
        yield FlowProblem(f"{what} appears twice", why, "remove one", at)


def _collisions(
    commands: Sequence[Command], question: Question, said: dict[str, str], pressed: dict[str, str], at: Path
) -> Iterator[FlowProblem]:
    todo = "choose another, or type `commands: no` in this step"
    names = {command.choice.name for command in commands}
    for choice in question.choices:
        path = (*at, "choices", choice.name)
        if choice.name in names:
            what, why = f"`{choice.name}` is a choice and a command", "answers go by name"
            yield FlowProblem(what, why, "rename one, or type `commands: no` in this step", path)
        for phrase in choice.phrases:
            if (command := said.get(sound_of(phrase))) is not None:
                why = f"it would mean the choice `{choice.name}` and the command `{command}`"
                yield FlowProblem(f"phrase `{phrase}` is a command's, too", why, todo, (*path, "phrases"))
        for key in choice.keys:
            if key in pressed and not _is_of_entry(key, question.digits):
                why = f"it would mean the choice `{choice.name}` and the command `{pressed[key]}`"
                yield FlowProblem(f"key {key} is a command's, too", why, todo, (*path, "key"))
    if question.digits is not None and (end := question.digits.terminator) in pressed:
        what, why = f"key {end} ends the entry", f"it would mean the command `{pressed[end]}`, too"
        yield FlowProblem(what, why, "another `terminator`, or `commands: no`, in this step", (*at, "collect"))
