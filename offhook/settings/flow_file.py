"""Loads a flow from YAML; all problems are reported at once, each with its line.

`docs/flows.md` has the format.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import structlog
from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.dialog.check import find_warnings, unknown_steps
from offhook.pipeline.dialog.flow import (
    AgentOutcome,
    AgentStep,
    Ask,
    Collect,
    End,
    Flow,
    FlowError,
    FlowProblem,
    Option,
    Say,
    Step,
    TransferStep,
    WhoAnsweredStep,
)
from offhook.pipeline.dialog.steps import MAX_STEPS
from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.pipeline.events import Choice, DigitRule
from offhook.settings.flow_hints import instead, other_word
from offhook.settings.flow_position import locate
from offhook.settings.flow_questions import LISTENING, FlowDefaults, StepReader
from offhook.settings.flow_values import LIMITS, value_kind
from offhook.settings.parameters import read_parameters
from offhook.settings.yaml_file import (
    MAX_FILE_BYTES,
    MAX_PROBLEMS,
    compose,
    decoded,
    is_null,
    position,
    read_limited,
)
from offhook.transfer.outcome import MODES, TransferFailure
from offhook.usererror import Problem, closest, did_you_mean

SAMPLE_FLOW = "bank.yaml"

_FLOW = (
    "name",
    "start",
    "language",
    "voice",
    "variables",
    "no_input",
    "no_match",
    "confirm_below",
    "wording",
    "steps",
)
_STEPS: dict[str, tuple[str, ...]] = {
    "say": ("say", "barge_in", "language", "voice", "early_media", "next"),
    "ask": ("ask", "choices", "early_media", *LISTENING),
    "collect": (
        "collect",
        "into",
        "digits",
        "terminator",
        "inter_digit_ms",
        "spoken",
        "as",
        *LIMITS,
        "next",
        "early_media",
        *LISTENING,
    ),
    "agent": ("agent", "with", "outcomes", "otherwise", "greeting", "language", "voice", "early_media"),
    "transfer": (
        "transfer",
        "announce",
        "summary",
        "mode",
        "ring_s",
        "on_failure",
        "otherwise",
        "next",
        "language",
        "voice",
        "early_media",
    ),
    "who_answered": ("who_answered", "otherwise", "within_s"),
    "hang_up": ("hang_up", "language", "voice", "early_media"),
}
_CHOICE = ("phrases", "key", "next")


def load_flow(path: Path | None = None, defaults: FlowDefaults | None = None) -> Flow:
    """The flow of a file, or the sample flow. Raises UserError with all problems; logs what is probably not meant."""
    if path is None:
        sample = files("offhook").joinpath("assets", "flows", SAMPLE_FLOW)
        return parse_flow(sample.read_bytes(), SAMPLE_FLOW, defaults)
    return parse_flow(read_limited(path, MAX_FILE_BYTES, "flow"), str(path), defaults, _log)


def parse_flow(
    data: bytes,
    name: str,
    defaults: FlowDefaults | None = None,
    on_doubt: Callable[[Problem], None] = lambda doubt: None,
) -> Flow:
    """The flow in `data` (YAML in UTF-8); `name` is the file's name for errors.

    `on_doubt` gets what is allowed, but probably not meant. Raises UserError with all problems.
    """
    text = decoded(data, name, "flow")
    reader = _FlowReader(name, compose(text, name), defaults or FlowDefaults(), text.splitlines())
    flow = reader.read()
    for doubt in reader.doubts:
        on_doubt(doubt)
    return flow


def _log(doubt: Problem) -> None:
    log = structlog.get_logger("offhook.flow")
    log.warning("the flow may not mean this", where=doubt.where, what=doubt.what, why=doubt.why, todo=doubt.todo)


class _FlowReader(StepReader):
    def __init__(self, name: str, root: Node, defaults: FlowDefaults, lines: list[str]) -> None:
        super().__init__(name, defaults, lines)
        self._root = root

    def read(self) -> Flow:
        example = "begin with `name:`, `start:` and `steps:`, see docs/flows.md"
        top = self.fields(self._root, "a flow", _FLOW, ("name", "start", "steps"), example) or {}
        name = self.text(top["name"], "`name`") if "name" in top else None
        start = self.text(top["start"], "`start`") if "start" in top else None
        for key in ("no_input", "no_match"):
            if key in top:
                self._retries[key] = self._retry(top[key], f"`{key}` of the flow")
        self._confirm_below = self._optional(self.number, top, "confirm_below", "the flow", None)
        constants = self._constants(top["variables"]) if "variables" in top else {}
        language = self._optional(self.text, top, "language", "the flow", None)
        voice = self._optional(self.text, top, "voice", "the flow", None)
        wording = self._wording(top["wording"], language) if "wording" in top else None
        steps, names = self._steps(top["steps"]) if "steps" in top else ([], [])
        if name is None or start is None or self.problems:
            if names:
                self._note(unknown_steps(names[0] if start is None else start, steps, names))
            raise self.error()
        try:
            flow = Flow(name, start, {step.name: step for step in steps}, constants, wording, language, voice)
        except FlowError as error:
            self._note(error.problems)
            raise self.error() from None
        for doubt in find_warnings(flow):
            where = position(locate(self._root, doubt.path), self.name)
            self.doubts.append(Problem(doubt.what, doubt.why, doubt.todo, where))
        return flow

    def _constants(self, node: Node) -> dict[str, str]:
        found = {}
        for name, _, value in self.entries(node, "`variables`") or []:
            text = self.text(value, f"variable `{name}`")
            if text is not None:
                found[name] = text
        return found

    def _wording(self, node: Node, language: str | None) -> Wording:
        allowed = [field.name for field in fields(Wording)]
        found = self.fields(node, "`wording`", allowed) or {}
        said = {key: self.text(value, f"`{key}`") for key, value in found.items()}
        return replace(wording_in(language), **{key: text for key, text in said.items() if text is not None})

    def unknown_key(self, name: str, what: str, allowed: Sequence[str]) -> tuple[str, str]:
        """Unknown keys, with hints for other systems' names and for what flows cannot do."""
        why, todo = super().unknown_key(name, what, allowed)
        meant = other_word(name, allowed)
        return (why, f"did you mean `{meant}`?") if meant is not None else instead(name, allowed) or (why, todo)

    # Steps.

    def _steps(self, node: Node) -> tuple[list[Step], list[str]]:
        """The readable steps, and the names of all."""
        entries = self.entries(node, "`steps`", "write each below its name: `hello: {say: Hello., next: …}`")
        if entries is None:
            return [], []
        if len(entries) > MAX_STEPS:
            why = f"at most {MAX_STEPS} are run"
            self.problem(node, f"the flow has {len(entries)} steps", why, "split it into several flows")
            return [], []
        if not entries:
            self.problem(node, "the flow has no steps", "there is nothing to say", "add a step below `steps`")
        read = [self._step(name, value) for name, _, value in entries]
        return [step for step in read if step is not None], [name for name, _, _ in entries]

    def _step(self, name: str, node: Node) -> Step | None:
        what = f"step `{name}`"
        entries = self.entries(node, what, "indent its `key: value` lines below it, such as `say: Hello.`")
        if entries is None:
            return None
        keys = [key for key, _, _ in entries]
        kinds = [kind for kind in _STEPS if kind in keys]
        if len(kinds) != 1:
            self._wrong_kind_of_step(node, what, keys, kinds)
            return None
        read: dict[str, Callable[[str, str, dict[str, Node]], Step | None]] = {
            "say": self._say,
            "ask": self._ask,
            "collect": self._collect,
            "agent": self._agent,
            "transfer": self._transfer,
            "who_answered": self._who_answered,
            "hang_up": self._hang_up,
        }
        required = {
            "say": ("next",),
            "ask": ("choices",),
            "collect": ("into", "next") if "as" in keys else ("into", "digits", "next"),
            "agent": ("with", "outcomes", "otherwise"),
            "transfer": ("otherwise",),
            "who_answered": ("otherwise",),
            "hang_up": (),
        }
        kind = kinds[0]
        found = self.fields(node, f"`{kind}` {what}", _STEPS[kind], required[kind]) or {}
        early_media = self._optional(self.truth, found, "early_media", what, False)
        step = read[kind](name, what, found) if all(key in found for key in required[kind]) else None
        return None if step is None else replace(step, early_media=early_media)

    def _wrong_kind_of_step(self, node: Node, what: str, keys: list[str], kinds: list[str]) -> None:
        if kinds:
            both = " and ".join(f"`{kind}`" for kind in kinds)
            self.problem(node, f"{what} has {both}", "a step does one thing", "make two steps, joined by `next`")
            return
        why, todo = (
            "it has none of `say`, `ask`, `collect`, `agent`, `transfer`, `who_answered` and `hang_up`",
            "add one of them, such as `say: Hello.`",
        )
        for key in keys:
            meant = other_word(key, tuple(_STEPS)) or closest(key, _STEPS)
            if meant is not None:
                todo = f"did you mean `{meant}`?"
                break
            beyond = instead(key, ())
            if beyond is not None:
                self.problem(node, f"{what} has `{key}`, which flows do not know", *beyond)
                return
        self.problem(node, f"{what} does nothing", why, todo)

    def _say(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        text = self._spoken(found["say"], f"the text of {what}")
        follows = self._step_name(found["next"], f"`next` of {what}")
        barge_in = self._optional(self.truth, found, "barge_in", what, True)
        language, voice = self._spoken_by(found, what)
        return None if text is None or follows is None else Say(name, text, follows, barge_in, language, voice)

    def _hang_up(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        if is_null(found["hang_up"]):
            return End(name)
        text = self._spoken(found["hang_up"], f"the text of {what}")
        return None if text is None else End(name, text, *self._spoken_by(found, what))

    def _ask(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        prompt = self._spoken(found["ask"], f"the text of {what}")
        example = "write each below its name: `yes: {phrases: [yes], key: 1, next: …}`"
        entries = self.entries(found["choices"], f"`choices` of {what}", example) or []
        options = [self._option(choice, value, what) for choice, _, value in entries]
        no_input, no_match, rules = self._listening(found, what)
        if prompt is None or no_input is None or no_match is None:
            return None
        read = tuple(option for option in options if option is not None)
        return Ask(name, prompt, read, no_input, no_match, **rules)

    def _option(self, name: str, node: Node, step: str) -> Option | None:
        what = f"choice `{name}` of {step}"
        example = f"type `{name}: {{phrases: [{name.replace('_', ' ')}], next: …}}`"
        found = self.fields(node, what, _CHOICE, ("next",), example)
        if not found or "next" not in found:
            return None
        phrases = self.texts(found["phrases"], f"`phrases` of {what}") if "phrases" in found else []
        key = self._key(found["key"], what) if "key" in found else None
        follows = self._step_name(found["next"], f"`next` of {what}")
        return None if follows is None else Option(Choice(name, tuple(phrases), key), follows)

    def _key(self, node: Node, what: str) -> str | None:
        if not isinstance(node, SequenceNode):
            return self.text(node, f"`key` of {what}")
        keys = [item.value for item in node.value if isinstance(item, ScalarNode)]
        others = " and ".join(f"`{key}`" for key in keys[1:]) or "each of the others"
        todo = f"keep one, and add a choice for {others} that leads to the same step"
        self.problem(node, f"{what} has several keys", "a choice has one", todo)
        return None

    def _collect(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        prompt = self._spoken(found["collect"], f"the text of {what}")
        into = self.text(found["into"], f"`into` of {what}")
        follows = self._step_name(found["next"], f"`next` of {what}")
        value = value_kind(self, found, what)
        rule = self._rule(found, what) if "digits" in found else DigitRule()
        spoken = self._optional(self.truth, found, "spoken", what, False)
        no_input, no_match, rules = self._listening(found, what)
        if prompt is None or into is None or follows is None or no_input is None or no_match is None:
            return None
        return Collect(name, prompt, into, rule, follows, no_input, no_match, spoken, value=value, **rules)

    def _agent(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        instructions = self.text(found["agent"], f"the instructions of {what}")
        file = self.text(found["with"], f"`with` of {what}")
        otherwise = self._step_name(found["otherwise"], f"`otherwise` of {what}")
        greeting = self._spoken(found["greeting"], f"`greeting` of {what}") if "greeting" in found else None
        outcomes = []
        for outcome, _, value in (
            self.entries(found["outcomes"], f"`outcomes` of {what}", "type `done: {next: …}`") or []
        ):
            of = f"outcome `{outcome}` of {what}"
            fields = self.fields(value, of, ("next", "values"), ("next",), "type `{next: …}`") or {}
            follows = self._step_name(fields["next"], f"`next` of {of}") if "next" in fields else None
            values = read_parameters(self, fields["values"], f"`values` of {of}") if "values" in fields else {}
            if follows is not None:
                outcomes.append(AgentOutcome(outcome, follows, values))
        language, voice = self._spoken_by(found, what)
        if instructions is None or file is None or otherwise is None:
            return None
        beside = str(Path(self.name).parent / file)
        return AgentStep(name, instructions, beside, tuple(outcomes), otherwise, greeting, language, voice)

    def _transfer(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        target = self.text(found["transfer"], f"`transfer` of {what}")
        otherwise = self._step_name(found["otherwise"], f"`otherwise` of {what}")
        announce, summary = (
            self._spoken(found[key], f"`{key}` of {what}") if key in found else None for key in ("announce", "summary")
        )
        failures = self._failures(found["on_failure"], what) if "on_failure" in found else []
        mode = self._optional(self.text, found, "mode", what, None)
        if mode is not None and mode not in MODES:
            why = "it is one of " + ", ".join(f"`{each}`" for each in MODES)
            self.problem(found["mode"], f"`mode` of {what} is `{mode[:40]}`", why, did_you_mean(mode, MODES))
        ring_s = self._optional(self.number, found, "ring_s", what, None)
        follows = self._step_name(found["next"], f"`next` of {what}") if "next" in found else None
        language, voice = self._spoken_by(found, what)
        if target is None or otherwise is None:
            return None
        return TransferStep(
            name, target, otherwise, tuple(failures), follows, announce, summary, mode, ring_s, language, voice
        )

    def _failures(self, node: Node, what: str) -> list[tuple[str, str]]:
        """The steps that follow a transfer that failed, by its reason."""
        known = list(TransferFailure)
        why = "a transfer fails as " + ", ".join(known)
        return self._by_word(node, f"`on_failure` of {what}", f"a reason of {what}", known, why)

    def _who_answered(self, name: str, what: str, found: dict[str, Node]) -> Step | None:
        known = list(AnsweredBy)
        why = "a call is answered by " + ", ".join(known)
        answers = self._by_word(found["who_answered"], f"`who_answered` of {what}", f"an answer of {what}", known, why)
        otherwise = self._step_name(found["otherwise"], f"`otherwise` of {what}")
        within_s = self._optional(self.number, found, "within_s", what, 5.0)
        return None if otherwise is None else WhoAnsweredStep(name, tuple(answers), otherwise, within_s)

    def _by_word(self, node: Node, field: str, kind: str, known: Sequence[str], why: str) -> list[tuple[str, str]]:
        """The steps that follow each of the known words."""
        read = []
        for word, key, value in self.entries(node, field, f"type `{{{known[0]}: …}}`") or []:
            if word not in known:
                self.problem(key, f"`{word[:40]}` is not {kind}", why, did_you_mean(word, known))
            elif (follows := self._step_name(value, f"`{word}` of {field}")) is not None:
                read.append((word, follows))
        return read

    # Positions.

    def _note(self, problems: Iterable[FlowProblem]) -> None:
        seen = {(problem.what, problem.where) for problem in self.problems}
        for problem in islice(problems, MAX_PROBLEMS):
            node = locate(self._root, problem.path)
            mark = (problem.what, position(node, self.name))
            # A problem in the flow's own retry rule is reported once, however many steps use it.
            if mark not in seen:
                seen.add(mark)
                self.problem(node, problem.what, problem.why, problem.todo)
