"""Doubts about a flow that can be run: what callers or the recogniser would stumble over. Pure.

Each rule has a name, by which it can be left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice

from offhook.flow_tools.pronunciation import alike, sounds_of
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.one_of import worded
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.agent import AgentStep
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.press import PressStep
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.record import RecordStep
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.secret.card import MIN_CARD_DIGITS
from offhook.pipeline.understanding.words import base_of

MOST_CHOICES = 5
"""More are not kept in mind by somebody who only hears them."""
MOST_PROMPT_CHARS = 300
"""Some twenty seconds."""
_TO_A_PERSON = (TransferStep, QueueStep)
_FAILING: Mapping[type, tuple[str, ...]] = {
    ListeningStep: ("no_match",),
    CollectSecret: ("otherwise", "refused"),
    RequestStep: ("otherwise", "on_status"),
    PythonStep: ("otherwise",),
    AgentStep: ("otherwise",),
    PlayStep: ("otherwise",),
    PressStep: ("otherwise",),
}
"""The ways on by which a step has come to nothing, but for those of silent callers."""
MOST_PAIRS = 20_000
"""So many phrases of a question are compared with each other."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_KEYS = {word: str(digit) for digit, word in enumerate(_DIGITS)} | {"star": "*", "pound": "#", "hash": "#"}
_PRESS = re.compile(rf"\bpress(?:ing)?\s+(?:the\s+)?(\d|{'|'.join(_KEYS)})\b")
_PIN = re.compile(r"\b(?:pin|passcode|password|security code|cvc|cvv)\b", re.IGNORECASE)


Rule = Callable[[Flow], Iterator[FlowProblem]]


def doubts(flow: Flow, without: Sequence[str] = ()) -> Iterator[FlowProblem]:
    """All of them, each with the name of its rule, but for those of the rules `without`."""
    for name, rule in RULES.items():
        if name not in without:
            yield from (replace(problem, what=f"{problem.what} [{name}]") for problem in rule(flow))


def _questions(flow: Flow) -> Iterator[ListeningStep]:
    return (step for step in flow.steps.values() if isinstance(step, ListeningStep))


def _at(step: Step, *rest: str | int) -> Path:
    return ("steps", step.name, *rest)


def _no_person(flow: Flow) -> Iterator[FlowProblem]:
    """Of a flow that has somebody to talk to: the ways on where the bot cannot help, or fails. Who says nothing may be
    gone, and whom no person could take has been offered one."""
    if not any(isinstance(step, _TO_A_PERSON) for step in flow.steps.values()):
        return
    reach = _reaching(flow)
    for step in flow.steps.values():
        ways, failing = step.ways(), _failing(step)
        goes_on = [way.next for way in ways if way.path == ("next",)]
        for way in ways:
            if way.path[0] in failing and way.next not in reach and way.next not in goes_on:
                branch = ".".join(map(str, way.path))
                what = f"who gets to `{branch}` of `{step.name}` never gets to a person"
                why = f"no `transfer`, `queue` or `record` can be reached from `{way.next}`"
                yield FlowProblem(what, why, "let it lead to one", _at(step, *way.path))


def _failing(step: Step) -> tuple[str, ...]:
    """The first keys of the ways on by which a step has come to nothing."""
    return ("visits", *(key for kind, keys in _FAILING.items() if isinstance(step, kind) for key in keys))


def _reaching(flow: Flow) -> set[str]:
    """The steps from which a person can be reached, or a message left for one."""
    before: dict[str, list[str]] = {}
    for step in flow.steps.values():
        for way in step.ways():
            before.setdefault(way.next, []).append(step.name)
    left = [step.name for step in flow.steps.values() if isinstance(step, (*_TO_A_PERSON, RecordStep))]
    found = set(left)
    while left:
        more = [name for name in before.get(left.pop(), ()) if name not in found]
        found.update(more)
        left += more
    return found


def _sound_alike(flow: Flow) -> Iterator[FlowProblem]:
    asked = ((step, language) for step in _questions(flow) for language in flow.languages_of(step, "en"))
    for step, language in asked:
        base, question = base_of(language), flow.catalogue.question(step.question(), language)
        phrases = [(choice.name, each) for choice in question.choices for each in choice.phrases]
        sounds = {phrase: sounds_of(phrase, base) for _, phrase in phrases}
        for (one, said), (other, heard) in islice(combinations(phrases, 2), MOST_PAIRS):
            if one != other and alike(sounds[said], sounds[heard]):
                what = f"`{said}` (`{one}`) and `{heard}` (`{other}`) sound alike"
                why = "one will be taken for the other"
                yield FlowProblem(what, why, "choose other words for one of them", _at(step, "choices", other))


def _press_without_key(flow: Flow) -> Iterator[FlowProblem]:
    """Where keys are digits of a value instead, any may be named."""
    for step in _questions(flow):
        question = step.question()
        if question.digits is not None or question.value is not None or base_of(step.language or flow.language) != "en":
            continue
        keys = {key for choice in step.full_question().choices for key in choice.keys}
        for path, text in step.texts():
            for found in _PRESS.finditer(text.lower()):
                key = _KEYS.get(found[1], found[1])
                if key not in keys:
                    what, why = f"the text says {found[0]!r}", f"no choice or command in `{step.name}` has key {key}"
                    yield FlowProblem(what, why, f"add `key: {key}` to a choice, or change the text", _at(step, *path))


def _no_key(flow: Flow) -> Iterator[FlowProblem]:
    for step in _questions(flow):
        for choice in step.question().choices:
            if not choice.keys:
                what = f"choice `{choice.name}` of `{step.name}` has no key"
                why = "callers in a noisy place, or whose words are not understood, have no way to it"
                yield FlowProblem(what, why, "add `key: …`", _at(step, "choices", choice.name))


def _many_choices(flow: Flow) -> Iterator[FlowProblem]:
    for step in _questions(flow):
        if (count := len(step.question().choices)) > MOST_CHOICES:
            what, why = f"`{step.name}` has {count} choices", f"callers keep {MOST_CHOICES} in mind"
            yield FlowProblem(what, why, "ask in two steps", _at(step, "choices"))


def _long_prompt(flow: Flow) -> Iterator[FlowProblem]:
    for step in _questions(flow):
        path, text = step.texts()[0]
        if len(text) > MOST_PROMPT_CHARS:
            what = f"the question of `{step.name}` takes {len(text) // 15} s"
            why = f"who hears more than {MOST_PROMPT_CHARS // 15} s forgets its beginning"
            yield FlowProblem(what, why, "say the rest in a `say` before it", _at(step, *path))


def _same_again(flow: Flow) -> Iterator[FlowProblem]:
    for step in _questions(flow):
        retry = step.no_match
        if retry.attempts > 1 and not retry.reprompts and len(worded((), step.prompt)) == 1:
            what = f"`{step.name}` asks again in the same words"
            why = "who was not understood does not learn what to say instead"
            yield FlowProblem(what, why, "add `reprompts` to `no_match`", _at(step))


def _card_by_collect(flow: Flow) -> Iterator[FlowProblem]:
    for step in flow.steps.values():
        if isinstance(step, Collect) and "luhn(" in (step.where or "") and step.rule.maximum >= MIN_CARD_DIGITS:
            what = f"`{step.name}` takes card numbers where they are recorded"
            why = "recordings and captures have what is keyed for `collect`, and the transcript what is said"
            yield FlowProblem(what, why, "type `collect_secret` (docs/flow-secure.md)", _at(step, "collect"))


def _pin_by_collect(flow: Flow) -> Iterator[FlowProblem]:
    for step in flow.steps.values():
        if isinstance(step, Collect) and any(_PIN.search(text) for text in (step.into, *dict(step.texts()).values())):
            what, why = f"`{step.name}` takes a PIN where it is recorded", "recordings and captures have what is keyed"
            yield FlowProblem(what, why, "type `collect_secret` (docs/flow-secure.md)", _at(step, "collect"))


RULES: Mapping[str, Rule] = {
    "no-person": _no_person,
    "sound-alike": _sound_alike,
    "press-without-key": _press_without_key,
    "no-key": _no_key,
    "many-choices": _many_choices,
    "long-prompt": _long_prompt,
    "same-again": _same_again,
    "card-by-collect": _card_by_collect,
    "pin-by-collect": _pin_by_collect,
}
"""By the names that `offhook flow check --ignore` takes."""
