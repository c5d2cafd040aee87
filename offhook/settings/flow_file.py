"""Loads a flow from YAML; all problems are reported at once, each with its line.

`docs/flows.md` has the format.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import structlog
from yaml.nodes import Node

from offhook.pipeline.dialog.check import find_warnings, unknown_steps
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.limits import MAX_STEPS
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.settings.flow_hints import instead, other_word
from offhook.settings.flow_hours import read_hours, read_timezone
from offhook.settings.flow_position import locate
from offhook.settings.flow_sounds import load_sounds
from offhook.settings.flow_steps.kind import StepKind
from offhook.settings.flow_steps.kinds import KINDS
from offhook.settings.flow_steps.listening import read_retry
from offhook.settings.flow_steps.reader import FlowDefaults, StepReader
from offhook.settings.yaml_file import MAX_FILE_BYTES, MAX_PROBLEMS, compose, decoded, position, read_limited
from offhook.usererror import Problem, closest

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
    "timezone",
    "hours",
    "steps",
)


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
        super().__init__(name, defaults, lines, os.environ)
        self._root = root

    def read(self) -> Flow:
        example = "begin with `name:`, `start:` and `steps:`, see docs/flows.md"
        top = self.fields(self._root, "a flow", _FLOW, ("name", "start", "steps"), example) or {}
        name = self.text(top["name"], "`name`") if "name" in top else None
        start = self.text(top["start"], "`start`") if "start" in top else None
        for key in ("no_input", "no_match"):
            if key in top:
                self.retries[key] = read_retry(self, top[key], f"`{key}` of the flow")
        self.confirm_below = self.optional(self.number, top, "confirm_below", "the flow", None)
        constants = self._constants(top["variables"]) if "variables" in top else {}
        language = self.optional(self.text, top, "language", "the flow", None)
        voice = self.optional(self.text, top, "voice", "the flow", None)
        wording = self._wording(top["wording"], language) if "wording" in top else None
        timezone = read_timezone(self, top["timezone"]) if "timezone" in top else None
        hours = read_hours(self, top["hours"]) if "hours" in top else {}
        steps, names = self._steps(top["steps"]) if "steps" in top else ([], [])
        if name is None or start is None or self.problems:
            if names:
                self._note(unknown_steps(names[0] if start is None else start, steps, names))
            raise self.error()
        sounds = load_sounds(steps, Path(self.name).parent, lambda problem: self._note([problem]))
        if self.problems:
            raise self.error()
        try:
            by_name = {step.name: step for step in steps}
            flow = Flow(name, start, by_name, constants, wording, language, voice, hours, timezone, sounds)
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
        kinds = [kind for word, kind in KINDS.items() if word in keys]
        if len(kinds) != 1:
            self._wrong_kind_of_step(node, what, keys, kinds)
            return None
        kind = kinds[0]
        allowed = (kind.word, *kind.keys, "early_media")
        required = kind.needs(keys)
        found = self.fields(node, f"`{kind.word}` {what}", allowed, required) or {}
        early_media = self.optional(self.truth, found, "early_media", what, False)
        step = kind.read(self, name, what, found) if all(key in found for key in required) else None
        return None if step is None else replace(step, early_media=early_media)

    def _wrong_kind_of_step(self, node: Node, what: str, keys: list[str], kinds: list[StepKind]) -> None:
        if kinds:
            both = " and ".join(f"`{kind.word}`" for kind in kinds)
            self.problem(node, f"{what} has {both}", "a step does one thing", "make two steps, joined by `next`")
            return
        *words, last = KINDS
        why, todo = (
            f"it has none of {', '.join(f'`{word}`' for word in words)} and `{last}`",
            "add one of them, such as `say: Hello.`",
        )
        for key in keys:
            if (meant := other_word(key, tuple(KINDS))) is not None:
                todo = f"did you mean `{meant}`?"
                break
            if (beyond := instead(key, ())) is not None:
                self.problem(node, f"{what} has `{key}`, which flows do not know", *beyond)
                return
            if (meant := closest(key, KINDS)) is not None:
                todo = f"did you mean `{meant}`?"
                break
        self.problem(node, f"{what} does nothing", why, todo)

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
