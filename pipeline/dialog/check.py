"""Checks that a flow is sound.

Every branch leads to a step, every step is reachable, no loop runs without the caller, every variable that is spoken
has a value by then, and all numbers are within their limits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Protocol

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.hints import end_hint, near
from offhook.pipeline.dialog.limits import MAX_STEPS, MAX_VARIABLES, MAX_VISITS
from offhook.pipeline.dialog.opening_hours import OpeningHours
from offhook.pipeline.dialog.path_check import path_problems
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.scopes import local, scope_of
from offhook.pipeline.dialog.secret_check import secret_problems
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.switches import Switch, switch_problems
from offhook.pipeline.dialog.template import expressions_in, is_variable_name
from offhook.pipeline.dialog.text_check import fixed_text_problems, text_problems, text_warnings
from offhook.pipeline.dialog.translations import Catalogue, missing_languages, phrase_problems
from offhook.pipeline.dialog.variables import NAME_RULE, RESERVED, word_problems
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.language import is_language_tag
from offhook.pipeline.tts.recording import Recording

MAX_PROBLEMS = 100
"""Checking stops here: the first problems usually cause the rest."""


class AnyFlow(Protocol):
    """A `Flow` that has not been checked."""

    @property
    def start(self) -> str:
        """The first step's name."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """By name."""

    @property
    def constants(self) -> Mapping[str, str]:
        """By name."""

    @property
    def language(self) -> str | None:
        """Of texts and answers; None: the call's."""

    @property
    def voice(self) -> str | None:
        """Of texts; None: the engine's own for the language."""

    @property
    def hours(self) -> Mapping[str, OpeningHours]:
        """Opening hours, by name."""

    @property
    def switches(self) -> Mapping[str, Switch]:
        """Switches, by name."""

    @property
    def catalogue(self) -> Catalogue:
        """What is said, and listened for, in other languages."""

    @property
    def wording(self) -> Wording | None:
        """What is said after the recogniser failed; None: that of the step's language."""

    @property
    def sounds(self) -> Mapping[str, Recording]:
        """The recordings, by the names that they have in texts and steps."""


def find_problems(flow: AnyFlow) -> tuple[FlowProblem, ...]:
    """All problems of `flow`; paths are checked only if the steps themselves are right."""
    found = tuple(islice(_expression_problems(flow.steps), MAX_PROBLEMS))
    if found:
        return found
    unknown = unknown_steps(flow.start, flow.steps.values(), flow.steps.keys())
    found = tuple(islice(chain(_step_problems(flow), _wording_problems(flow), unknown), MAX_PROBLEMS))
    found = found or tuple(islice(secret_problems(flow.steps, flow.catalogue), MAX_PROBLEMS))
    if found:
        return found
    ways = path_problems(
        flow.start, flow.steps, flow.constants, tuple(flow.hours), flow.catalogue, tuple(flow.switches)
    )
    return tuple(islice(ways, MAX_PROBLEMS))


def find_warnings(flow: AnyFlow) -> tuple[FlowProblem, ...]:
    """What is allowed in `flow`, but probably not intended."""
    said: list[tuple[Path, str]] = [
        (("steps", name, *path, *language), each)
        for name, step in flow.steps.items()
        for path, text in step.texts()
        for language, each in flow.catalogue.variants(text)
    ]
    constants = [(("variables", name), text) for name, text in flow.constants.items()]
    return tuple(
        islice((doubt for path, text in [*said, *constants] for doubt in text_warnings(text, path)), MAX_PROBLEMS)
    )


def unknown_steps(start: str, steps: Iterable[Step], names: Iterable[str]) -> Iterator[FlowProblem]:
    """Branches that lead to no step; `names` are all that exist."""
    known = list(names)
    there = set(known)
    branches: list[tuple[Path, str]] = [(("start",), start)]
    branches += [(("steps", way.named_in or step.name, *way.path), way.next) for step in steps for way in step.ways()]
    for path, name in branches:
        if name not in there:
            beside = [local(each) for each in known if scope_of(each) == scope_of(name)]
            todo = end_hint(local(name)) or near(local(name), beside)
            yield FlowProblem(f"there is no step `{local(name)}`", "every branch must lead to a step", todo, path)


def _expression_problems(steps: Mapping[str, Step]) -> Iterator[FlowProblem]:
    for name, step in islice(steps.items(), MAX_STEPS):
        for each in step.expressions():
            try:
                parse(each.text)
            except ExpressionError as error:
                what = f"`{each.text[:60]}` cannot be evaluated"
                yield FlowProblem(what, error.why, error.todo, ("steps", name, *each.path))


def _step_problems(flow: AnyFlow) -> Iterator[FlowProblem]:
    if not flow.steps:
        yield FlowProblem("the flow has no steps", "there is nothing to say", "add a step to `steps`", ("steps",))
    if len(flow.steps) > MAX_STEPS:
        what = f"the flow has {len(flow.steps)} steps"
        yield FlowProblem(what, f"at most {MAX_STEPS} are run", "split it into several flows", ("steps",))
        return
    yield from _language_problems(flow.language, ("language",))
    yield from _voice_problems(flow.voice, ("voice",))
    yield from _name_problems(flow)
    languages = _languages_of(flow)
    for key, step in flow.steps.items():
        at: Path = ("steps", key)
        if step.name != key:
            yield FlowProblem(f"step `{key}` has the name `{step.name}`", "the two must agree", f"name it `{key}`", at)
        yield from _language_problems(step.language, (*at, "language"))
        yield from _voice_problems(step.voice, (*at, "voice"))
        for path, text in step.texts():
            sounds = None if path[0] in step.plain_texts else flow.sounds
            for language, each in flow.catalogue.variants(text):
                yield from text_problems(each, (*at, *path, *language), sounds)
        for path, sound in step.sounds():
            if sound not in flow.sounds:
                why = "no recording of that name has been loaded"
                yield FlowProblem(f"there is no recording `{sound[:60]}`", why, "name a WAV file", (*at, *path))
        wrong = tuple(step.problems(at, {} if step.scope else flow.constants))
        yield from wrong or _translation_problems(flow, step, languages, at)
        if step.visits is not None:
            yield from out_of_range(step.visits.most, 1, MAX_VISITS, (*at, "visits", "most"))


def _name_problems(flow: AnyFlow) -> Iterator[FlowProblem]:
    ways = [(step, way) for step in flow.steps.values() for way in step.ways()]
    stored = {(step.scope if way.scope is None else way.scope, name) for step, way in ways for name in way.stores}
    if len(stored) > MAX_VARIABLES:
        what, why = f"the flow stores {len(stored)} variables", f"at most {MAX_VARIABLES} are kept"
        yield FlowProblem(what, why, "use some of them again", ("steps",))
    for name, text in flow.constants.items():
        if not is_variable_name(name):
            yield FlowProblem(f"`{name}` is not a valid variable name", NAME_RULE, "rename it", ("variables", name))
        elif name in RESERVED:
            what = f"`{name}` cannot be a variable of the flow"
            yield FlowProblem(what, RESERVED[name], "choose another name", ("variables", name))
        yield from word_problems(name, ("variables", name))
        yield from fixed_text_problems(text, ("variables", name))
    for name, hours in flow.hours.items():
        if not is_variable_name(name):
            yield FlowProblem(f"`{name}` is not a valid name", NAME_RULE, "rename it", ("hours", name))
        yield from word_problems(name, ("hours", name))
        yield from _closed_by_problems(name, hours.closed_by, flow.switches)
    yield from switch_problems(flow.switches)


def _closed_by_problems(name: str, by: str | None, switches: Mapping[str, Switch]) -> Iterator[FlowProblem]:
    at: Path = ("hours", name, "closed_by")
    if by is None or (by in switches and switches[by].is_truth):
        return
    truths = [each for each, switch in switches.items() if switch.is_truth]
    todo = near(by, truths) if truths else f"add it: `switches: {{{by}: {{means: We are closed at once.}}}}`"
    why = "`closed_by` names a switch of the flow that is on or off"
    yield FlowProblem(f"`{by}` closes nothing", why, todo, at)


def _languages_of(flow: AnyFlow) -> tuple[str, ...]:
    """All that its steps without a language may be spoken in."""
    chosen = (language for each in flow.steps.values() for language in each.chosen_languages())
    own = (flow.language,) if flow.language is not None else ()
    return tuple(dict.fromkeys((*own, *chosen, *flow.catalogue.languages)))


def _translation_problems(flow: AnyFlow, step: Step, wanted: Sequence[str], at: Path) -> Iterator[FlowProblem]:
    """What a step lacks in one of the languages that it may be spoken in."""
    if step.language is not None:
        if isinstance(step, ListeningStep) and step.languages:
            heard = tuple(dict.fromkeys((step.language, *step.languages)))
            yield from phrase_problems(step.full_question(), flow.catalogue, heard, at, step.languages)
        return
    if len(wanted) < 2:
        return
    for path, text in step.texts():
        missing = missing_languages(flow.catalogue.texts.get(text, {}), wanted)
        if missing and path != ("agent",):  # which are for a model, and not spoken
            what = f"`{text[:40]}` is not given in `{missing[0]}`"
            why = "the flow speaks " + ", ".join(f"`{each}`" for each in wanted)
            each = ", ".join(f"{language}: …" for language in wanted)
            todo = f"type `{{{each}}}`, or give the step a `language`"
            yield FlowProblem(what, why, todo, (*at, *path))
    if isinstance(step, ListeningStep):
        yield from phrase_problems(step.full_question(), flow.catalogue, wanted, at, step.languages)


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
    named = {
        "option": ("choice", "key"),
        "confirm": ("answer",),
        "either": ("one", "other"),
        "read_back": ("answer",),
    }
    for field, names in named.items():
        text, at = getattr(flow.wording, field), ("wording", field)
        wrong = list(text_problems(text, at))
        yield from wrong
        for name in () if wrong else expressions_in(text):
            if name not in names:
                why = f"only {' and '.join(f'{{{each}}}' for each in names)} have values in this text"
                yield FlowProblem(f"there is no variable `{name}` here", why, near(name, names), at)
