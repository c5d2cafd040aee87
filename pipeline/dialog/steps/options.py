"""The choices of a question, and the steps that they lead to. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.hints import key_hint
from offhook.pipeline.dialog.phrases import phrase_faults, sound_of
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Exit
from offhook.pipeline.dialog.template import render
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Answer, AnswerKind, Choice
from offhook.pipeline.understanding.menu import match


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a question and the step it leads to."""

    choice: Choice
    next: str


def option_exits(options: Sequence[Option]) -> tuple[Exit, ...]:
    """Where they lead."""
    return tuple(Exit(("choices", option.choice.name, "next"), option.next) for option in options)


def chosen_option(options: Sequence[Option], answer: Answer, language: str | None) -> Enter | None:
    """Where the one leads that an answer in `language` chooses; None: it chooses none."""
    if answer.kind is AnswerKind.SPEECH:
        found = match(answer.text, [o.choice for o in options], language)
        fits = [o for o in options if found is not None and o.choice.name == found.choice]
    elif answer.kind is AnswerKind.DTMF:
        fits = [o for o in options if answer.digits and answer.digits in o.choice.keys]
    else:
        return None
    named = [o for o in options if o.choice.name == answer.choice]
    option = next(iter(named or fits), None)
    return None if option is None else Enter(option.next, f"choices.{option.choice.name}")


def key_offer(options: Sequence[Option], wording: Wording) -> str:
    """The keys, as they are offered; empty if there are none."""
    return ", ".join(_offer(wording, each.choice.name, each.choice.keys[0]) for each in options if each.choice.keys)


def option_problems(options: Sequence[Option], step: str, at: Path) -> Iterator[FlowProblem]:
    """What is wrong with the choices of a step, at whose path `at` they are."""
    yield from _size_problems(options, step, at)
    said: dict[str, str] = {}
    pressed: dict[str, str] = {}
    names: set[str] = set()
    for option in options:
        choice = option.choice
        path = (*at, "choices", choice.name)
        if choice.name in names:
            what = f"two choices are called `{choice.name}`"
            yield FlowProblem(what, "answers go by name", "rename one", path)
        names.add(choice.name)
        if not choice.phrases and not choice.keys:
            why = "it has neither a phrase nor a key"
            todo = f"add `phrases: [{choice.name.replace('_', ' ')}]` or `key: 1`"
            yield FlowProblem(f"choice `{choice.name}` can never be chosen", why, todo, path)
        for index, phrase in enumerate(choice.phrases):
            yield from _phrase_problems(phrase, choice.name, said, (*path, "phrases", index))
        for key, at_key in each_key(choice, path):
            yield from _key_problems(key, choice.name, pressed, at_key)


def each_key(choice: Choice, at: Path) -> Iterator[tuple[str, Path]]:
    """The keys of a choice, which is at `at`, each with its path."""
    several = len(choice.keys) > 1
    return ((key, (*at, "key", index) if several else (*at, "key")) for index, key in enumerate(choice.keys))


def _size_problems(options: Sequence[Option], step: str, at: Path) -> Iterator[FlowProblem]:
    what, path = f"step `{step}` has", (*at, "choices")
    phrases = sum(len(option.choice.phrases) for option in options)
    if len(options) > limits.MAX_CHOICES:
        why = f"at most {limits.MAX_CHOICES} are listened for"
        yield FlowProblem(f"{what} {len(options)} choices", why, "ask in two steps", path)
    if phrases > limits.MAX_QUESTION_PHRASES:
        why = f"at most {limits.MAX_QUESTION_PHRASES} are listened for at once"
        yield FlowProblem(f"{what} {phrases} phrases", why, "ask in two steps", path)
    for option in options:
        choice = option.choice
        if len(choice.phrases) > limits.MAX_CHOICE_PHRASES:
            why = f"a choice has at most {limits.MAX_CHOICE_PHRASES}"
            at_phrases = (*path, choice.name, "phrases")
            yield FlowProblem(f"{len(choice.phrases)} phrases", why, "keep the most likely ones", at_phrases)
        if len(choice.keys) > limits.MAX_CHOICE_KEYS:
            why = f"a choice has at most {limits.MAX_CHOICE_KEYS}"
            yield FlowProblem(f"{len(choice.keys)} keys", why, "keep the likely ones", (*path, choice.name, "key"))


def _offer(wording: Wording, choice: str, key: str) -> str:
    spoken = {"*": wording.star, "#": wording.hash}.get(key, key)
    return render(wording.option, {"choice": choice.replace("_", " "), "key": spoken})


def _phrase_problems(phrase: str, choice: str, said: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    yield from phrase_faults(phrase, path)
    key = sound_of(phrase)
    if key in said:
        where = "twice in one choice" if said[key] == choice else f"for `{said[key]}` and for `{choice}`"
        yield FlowProblem(f"phrase `{phrase}` appears {where}", "it can mean one thing only", "remove one", path)
    said[key] = choice


def _key_problems(key: str, choice: str, pressed: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    if not 1 <= len(key) <= limits.MAX_KEY_DIGITS or not set(key) <= set(limits.KEYS):
        why = "a phone has the keys 0 to 9, * and # (and A to D)"
        if set(key) <= set(limits.KEYS) and key:
            why = f"a choice's key has {limits.MAX_KEY_DIGITS} digits at most"
        yield FlowProblem(f"`{key}` is not a key", why, key_hint(key), path)
    elif key in pressed:
        where = "twice in one choice" if pressed[key] == choice else f"for `{pressed[key]}` and for `{choice}`"
        verb = "appears" if pressed[key] == choice else "stands"
        yield FlowProblem(f"key {key} {verb} {where}", "a key can mean one thing only", "give one another key", path)
    pressed[key] = choice
