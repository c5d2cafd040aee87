"""Checks that a flow is sound.

Every branch leads to a step, every step is reachable, no loop runs without the caller, every variable that is spoken
has a value by then, and all numbers are within their limits.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from offhook.pipeline.dialog import steps as model
from offhook.pipeline.dialog.hints import end_hint, key_hint, near, phrase_hint
from offhook.pipeline.dialog.path_check import path_problems
from offhook.pipeline.dialog.steps import (
    AgentStep,
    AnyFlow,
    Ask,
    Collect,
    FlowProblem,
    Path,
    Retry,
    Step,
    targets,
    texts,
)
from offhook.pipeline.dialog.template import is_variable_name, names_in
from offhook.pipeline.dialog.text_check import fixed_text_problems, text_problems, text_warnings
from offhook.pipeline.language import is_language_tag

MAX_PROBLEMS = 100
"""Checking stops here: the first problems usually cause the rest."""

_NAME_RULE = "a variable's name is letters, digits and underscores and does not begin with a digit"


def find_problems(flow: AnyFlow) -> tuple[FlowProblem, ...]:
    """All problems of `flow`; paths are checked only if the steps themselves are right."""
    unknown = unknown_steps(flow.start, flow.steps.values(), flow.steps.keys())
    found = tuple(islice(chain(_step_problems(flow), _wording_problems(flow), unknown), MAX_PROBLEMS))
    if found:
        return found
    return tuple(islice(path_problems(flow), MAX_PROBLEMS))


def find_warnings(flow: AnyFlow) -> tuple[FlowProblem, ...]:
    """What is allowed in `flow`, but probably not intended."""
    said = [(("steps", name, *path), text) for name, step in flow.steps.items() for path, text in texts(step)]
    constants = [(("variables", name), text) for name, text in flow.constants.items()]
    return tuple(
        islice((doubt for path, text in [*said, *constants] for doubt in text_warnings(text, path)), MAX_PROBLEMS)
    )


def _sound(phrase: str) -> str:
    """A key that is equal for phrases that sound the same (in `pipeline.understanding.menu.match`, too)."""
    words = phrase.lower().replace("’", "'").replace("-", " ").split()
    return " ".join("zero" if word == "oh" else word for word in words)


def unknown_steps(start: str, steps: Iterable[Step], names: Iterable[str]) -> Iterator[FlowProblem]:
    """Branches that lead to no step; `names` are all that exist."""
    known = list(names)
    there = set(known)
    branches: list[tuple[Path, str]] = [(("start",), start)]
    branches += [(("steps", step.name, *path), name) for step in steps for path, name in targets(step)]
    for path, name in branches:
        if name not in there:
            todo = end_hint(name) or near(name, known)
            yield FlowProblem(f"there is no step `{name}`", "every branch must lead to a step", todo, path)


# Checks of single steps.


def _step_problems(flow: AnyFlow) -> Iterator[FlowProblem]:
    if not flow.steps:
        yield FlowProblem("the flow has no steps", "there is nothing to say", "add a step to `steps`", ("steps",))
    if len(flow.steps) > model.MAX_STEPS:
        what = f"the flow has {len(flow.steps)} steps"
        yield FlowProblem(what, f"at most {model.MAX_STEPS} are run", "split it into several flows", ("steps",))
        return
    yield from _language_problems(flow.language, ("language",))
    yield from _voice_problems(flow.voice, ("voice",))
    for name, text in flow.constants.items():
        if not is_variable_name(name):
            yield FlowProblem(f"`{name}` is not a valid variable name", _NAME_RULE, "rename it", ("variables", name))
        yield from fixed_text_problems(text, ("variables", name))
    for key, step in flow.steps.items():
        at: Path = ("steps", key)
        if step.name != key:
            yield FlowProblem(f"step `{key}` has the name `{step.name}`", "the two must agree", f"name it `{key}`", at)
        yield from _language_problems(step.language, (*at, "language"))
        yield from _voice_problems(step.voice, (*at, "voice"))
        for path, text in texts(step):
            yield from text_problems(text, (*at, *path))
        yield from _problems_of_kind(step, at, flow.constants)


def _problems_of_kind(step: Step, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
    if isinstance(step, Ask):
        yield from _ask_problems(step, at)
    elif isinstance(step, Collect):
        yield from _collect_problems(step, at, constants)
    elif isinstance(step, AgentStep):
        yield from _agent_problems(step, at, constants)


def _language_problems(language: str | None, path: Path) -> Iterator[FlowProblem]:
    if language is not None and not is_language_tag(language):
        why = "a language is a BCP 47 tag: two or three letters, perhaps a region"
        yield FlowProblem(f"`{language[:40]}` is not a language", why, "type `language: de`, or `en-GB`", path)


def _voice_problems(voice: str | None, path: Path) -> Iterator[FlowProblem]:
    if voice is not None and not voice:
        yield FlowProblem("the voice has no name", "`voice` names one of the engine's", "offhook voices", path)


def _wording_problems(flow: AnyFlow) -> Iterator[FlowProblem]:
    if flow.wording is None:
        return
    for field in ("apology", "keypad", "star", "hash"):
        yield from fixed_text_problems(getattr(flow.wording, field), ("wording", field))
    for field, names in (("option", ("choice", "key")), ("confirm", ("answer",)), ("either", ("one", "other"))):
        text, at = getattr(flow.wording, field), ("wording", field)
        wrong = list(text_problems(text, at))
        yield from wrong
        for name in () if wrong else names_in(text):
            if name not in names:
                why = f"only {' and '.join(f'{{{each}}}' for each in names)} have values in this text"
                yield FlowProblem(f"there is no variable `{name}` here", why, near(name, names), at)


def _ask_problems(step: Ask, at: Path) -> Iterator[FlowProblem]:
    yield from _size_problems(step, at)
    said: dict[str, str] = {}
    pressed: dict[str, str] = {}
    names: set[str] = set()
    for option in step.options:
        choice = option.choice
        path = (*at, "choices", choice.name)
        if choice.name in names:
            what = f"two choices are called `{choice.name}`"
            yield FlowProblem(what, "answers go by name", "rename one", path)
        names.add(choice.name)
        if not choice.phrases and choice.dtmf is None:
            why = "it has neither a phrase nor a key"
            todo = f"add `phrases: [{choice.name.replace('_', ' ')}]` or `key: 1`"
            yield FlowProblem(f"choice `{choice.name}` can never be chosen", why, todo, path)
        for index, phrase in enumerate(choice.phrases):
            yield from _phrase_problems(phrase, choice.name, said, (*path, "phrases", index))
        if choice.dtmf is not None:
            yield from _key_problems(choice.dtmf, choice.name, pressed, (*path, "key"))
    yield from _listening_problems(step, at)


def _size_problems(step: Ask, at: Path) -> Iterator[FlowProblem]:
    what, path = f"step `{step.name}` has", (*at, "choices")
    phrases = sum(len(option.choice.phrases) for option in step.options)
    if not step.options:
        yield FlowProblem(f"{what} no choices", "the question has no answers", "add one to `choices`", path)
    if len(step.options) > model.MAX_CHOICES:
        why = f"at most {model.MAX_CHOICES} are listened for"
        yield FlowProblem(f"{what} {len(step.options)} choices", why, "ask in two steps", path)
    if phrases > model.MAX_QUESTION_PHRASES:
        why = f"at most {model.MAX_QUESTION_PHRASES} are listened for at once"
        yield FlowProblem(f"{what} {phrases} phrases", why, "ask in two steps", path)
    for option in step.options:
        if len(option.choice.phrases) > model.MAX_CHOICE_PHRASES:
            why = f"a choice has at most {model.MAX_CHOICE_PHRASES}"
            at_phrases = (*path, option.choice.name, "phrases")
            yield FlowProblem(f"{len(option.choice.phrases)} phrases", why, "keep the most likely ones", at_phrases)


def _phrase_problems(phrase: str, choice: str, said: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    key = _sound(phrase)
    odd = sorted({c for c in key if not (c.isalpha() or c in " '’-")})
    if not any(c.isalpha() for c in key):
        todo = "write words; keys go to `key: 1`"
        yield FlowProblem(f"phrase `{phrase}` has no word", "a phrase is what the caller says", todo, path)
    elif odd:
        why = "a phrase consists of words as they are spoken, without " + " ".join(odd)
        yield FlowProblem(f"phrase `{phrase}` cannot be recognised", why, phrase_hint(phrase), path)
    elif len(key) > model.MAX_PHRASE_CHARS:
        why = f"at most {model.MAX_PHRASE_CHARS} characters are listened for"
        yield FlowProblem("the phrase is too long", why, "keep the words that matter", path)
    if key in said:
        where = "twice in one choice" if said[key] == choice else f"for `{said[key]}` and for `{choice}`"
        yield FlowProblem(f"phrase `{phrase}` appears {where}", "it can mean one thing only", "remove one", path)
    said[key] = choice


def _key_problems(key: str, choice: str, pressed: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    if len(key) != 1 or key not in model.KEYS:
        why = "a phone has the keys 0 to 9, * and # (and A to D)"
        yield FlowProblem(f"`{key}` is not a key", why, key_hint(key), path)
    elif key in pressed:
        why = "a key can mean one thing only"
        yield FlowProblem(
            f"key {key} stands for `{pressed[key]}` and for `{choice}`", why, "give one another key", path
        )
    pressed[key] = choice


def _collect_problems(step: Collect, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
    rule = step.rule
    if not 1 <= rule.minimum <= rule.maximum <= model.MAX_DIGITS:
        count = rule.minimum if rule.minimum == rule.maximum else f"{rule.minimum} to {rule.maximum}"
        what = f"{count} digits cannot be collected"
        why = f"1 to {model.MAX_DIGITS} are possible, and the minimum cannot exceed the maximum"
        yield FlowProblem(what, why, "type `digits: 4`, or `digits: {min: 4, max: 6}`", (*at, "digits"))
    if rule.terminator not in ("", "*", "#"):
        why = "only * or # can end the entry"
        todo = "type `terminator: '#'`, or `none`"
        yield FlowProblem(f"`{rule.terminator}` cannot be the terminator", why, todo, (*at, "terminator"))
    low, high = model.MIN_INTER_DIGIT_MS, model.MAX_INTER_DIGIT_MS
    yield from _range(rule.inter_digit_ms, low, high, (*at, "inter_digit_ms"))
    if not is_variable_name(step.into):
        what = f"`{step.into}` is not a valid variable name"
        yield FlowProblem(what, _NAME_RULE, "type `into: pin`", (*at, "into"))
    elif step.into in constants:
        what, why = f"`{step.into}` is a constant of the flow", "the collected digits would replace it"
        yield FlowProblem(what, why, "choose another name", (*at, "into"))
    yield from _listening_problems(step, at)


def _agent_problems(step: AgentStep, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
    if not step.outcomes:
        what, why = f"step `{step.name}` has no outcomes", "the model could never hand the call back"
        yield FlowProblem(what, why, "add one to `outcomes`: `done: {next: …}`", (*at, "outcomes"))
    for outcome in step.outcomes:
        for name in outcome.values:
            if name in constants:
                what, why = f"`{name}` is a constant of the flow", "the outcome's value would replace it"
                path = (*at, "outcomes", outcome.name, "values", name)
                yield FlowProblem(what, why, "choose another name", path)


def _listening_problems(step: Ask | Collect, at: Path) -> Iterator[FlowProblem]:
    yield from _range(step.silence_ms, model.MIN_SILENCE_MS, model.MAX_SILENCE_MS, (*at, "silence_ms"))
    yield from _range(step.timeout_s, model.MIN_TIMEOUT_S, model.MAX_TIMEOUT_S, (*at, "timeout_s"))
    low, high = model.MIN_CONFIDENCE, model.MAX_CONFIDENCE
    for key, value in (("min_confidence", step.min_confidence), ("confirm_below", step.confirm_below)):
        if value is not None:
            yield from _range(value, low, high, (*at, key))
    for key, retry in model.retries(step):
        yield from _retry_problems(retry, (*at, key))


def _retry_problems(retry: Retry, at: Path) -> Iterator[FlowProblem]:
    yield from _range(retry.attempts, 1, model.MAX_ATTEMPTS, (*at, "attempts"))
    if len(retry.reprompts) >= max(retry.attempts, 1):
        spoken = max(retry.attempts, 1) - 1
        what = f"reprompt {spoken + 1} is never spoken"
        why = f"{retry.attempts} attempts are the prompt itself and {spoken} more"
        todo = f"set `attempts: {len(retry.reprompts) + 1}`, or remove it"
        yield FlowProblem(what, why, todo, (*at, "reprompts", spoken))


def _range(value: float, low: float, high: float, path: Path) -> Iterator[FlowProblem]:
    # Written so that NaN is refused as well.
    if not low <= value <= high:
        todo = f"type `{path[-1]}: {low:g}` or more" if value < low else f"type `{path[-1]}: {high:g}` or less"
        meant = _other_unit(value, str(path[-1]))
        if meant is not None and low <= meant[0] <= high:
            todo = f"type `{path[-1]}: {meant[0]:g}`: it is in {meant[1]}"
        yield FlowProblem(f"{path[-1]} is {value:g}", f"the range is {low:g} to {high:g}", todo, path)


def _other_unit(value: float, name: str) -> tuple[float, str] | None:
    if name.endswith("_ms"):
        return value * 1000, "milliseconds"
    if name.endswith("_s"):
        return value / 1000, "seconds"
    return (value / 100, "parts of 1") if name.endswith(("_confidence", "_below")) else None
