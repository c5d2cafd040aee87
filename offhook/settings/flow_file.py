"""Loads a flow from YAML; all problems are reported at once, each with its line.

`docs/flows.md` has the format.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import structlog
from yaml.nodes import Node

from offhook.pipeline.dialog.check import find_warnings, unknown_steps
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.pipeline.understanding.phones import COUNTRIES
from offhook.settings.flow_calls import SubFlows
from offhook.settings.flow_hours import read_hours, read_timezone
from offhook.settings.flow_part import COMMON, PartReader
from offhook.settings.flow_position import Source, place
from offhook.settings.flow_sounds import load_sounds
from offhook.settings.flow_steps.listening import read_silent
from offhook.settings.flow_steps.reader import FlowDefaults
from offhook.settings.flow_switches import read_switches
from offhook.settings.yaml_file import MAX_FILE_BYTES, MAX_PROBLEMS, compose, decoded, read_limited
from offhook.usererror import Problem

SAMPLE_FLOW = "bank.yaml"

_FLOW = ("name", *COMMON[:-1], "silent", "variables", "wording", "timezone", "country", "hours", "switches", "steps")


Warn = Callable[[Flow], Iterable[FlowProblem]]
"""What is allowed in a flow, but probably not intended."""


def load_flow(
    path: Path | None = None, defaults: FlowDefaults | None = None, environ: Mapping[str, str] | None = None
) -> Flow:
    """The flow of a file, or the sample flow. Raises UserError with all problems; logs what is probably not meant."""
    if path is None:
        sample = files("offhook").joinpath("assets", "flows", SAMPLE_FLOW)
        return parse_flow(sample.read_bytes(), SAMPLE_FLOW, defaults)
    return parse_flow(read_limited(path, MAX_FILE_BYTES, "flow"), str(path), defaults, _log, environ=environ)


def parse_flow(
    data: bytes,
    name: str,
    defaults: FlowDefaults | None = None,
    on_doubt: Callable[[Problem], None] = lambda doubt: None,
    warn: Warn = find_warnings,
    environ: Mapping[str, str] | None = None,
) -> Flow:
    """The flow in `data` (YAML in UTF-8); `name` is the file's name for errors, `environ` has what `${NAME}` stands
    for (None: the process's).

    `on_doubt` gets what is allowed, but probably not meant, as `warn` finds it. Raises UserError with all problems.
    """
    text = decoded(data, name, "flow")
    source = Source(name, compose(text, name), text.splitlines())
    reader = _FlowReader(source, defaults or FlowDefaults(), warn, os.environ if environ is None else environ)
    flow = reader.read()
    for doubt in dict.fromkeys(reader.doubts):
        on_doubt(doubt)
    return flow


def _log(doubt: Problem) -> None:
    log = structlog.get_logger("offhook.flow")
    log.warning("the flow may not mean this", where=doubt.where, what=doubt.what, why=doubt.why, todo=doubt.todo)


class _FlowReader(PartReader):
    def __init__(self, source: Source, defaults: FlowDefaults, warn: Warn, environ: Mapping[str, str]) -> None:
        super().__init__(source, defaults, environ)
        self._warn = warn

    def read(self) -> Flow:
        example = "begin with `name:`, `start:` and `steps:`, see docs/flows.md"
        top = self.fields(self.source.root, "a flow", _FLOW, ("name", "start", "steps"), example) or {}
        name = self.text(top["name"], "`name`") if "name" in top else None
        start = self.text(top["start"], "`start`") if "start" in top else None
        if "silent" in top:
            self.silent = read_silent(self, top["silent"], "`silent` of the flow")
        self.read_common(top, "the flow")
        self.country = self._country(top["country"]) if "country" in top else None
        constants = self._constants(top["variables"]) if "variables" in top else {}
        language = self.language = self.optional(self.text, top, "language", "the flow", None)
        voice = self.optional(self.text, top, "voice", "the flow", None)
        wording = self._wording(top["wording"], language) if "wording" in top else None
        timezone = read_timezone(self, top["timezone"]) if "timezone" in top else None
        hours = read_hours(self, top["hours"]) if "hours" in top else {}
        switches = read_switches(self, top["switches"]) if "switches" in top else {}
        steps, names = self.steps(top["steps"]) if "steps" in top else ([], [])
        called = SubFlows(self)
        steps, names = called.with_called(steps, names)
        if name is None or start is None or self.problems:
            if names:
                self._note(unknown_steps(names[0] if start is None else start, steps, names), called.sources)
            raise self.error()
        catalogue = Catalogue(self.texts_by_language, self.phrases_by_language)
        folder = Path(self.source.file).parent
        sounds = load_sounds(steps, catalogue, folder, lambda problem: self._note([problem], called.sources))
        if self.problems:
            raise self.error()
        try:
            by_name = {step.name: step for step in steps}
            flow = Flow(
                name, start, by_name, constants, wording, language, voice, hours, timezone, sounds, catalogue, switches
            )
        except FlowError as error:
            self._note(error.problems, called.sources)
            raise self.error() from None
        for doubt in self._warn(flow):
            self.doubts.append(Problem(doubt.what, doubt.why, doubt.todo, place(called.sources, doubt.path)))
        return flow

    def _constants(self, node: Node) -> dict[str, str]:
        found = {}
        for name, _, value in self.entries(node, "`variables`") or []:
            text = self.text(value, f"variable `{name}`")
            if text is not None:
                found[name] = text
        return found

    def _country(self, node: Node) -> str | None:
        code = self.text(node, "`country`")
        if code is not None and code.upper() not in COUNTRIES:
            why = "it is an ISO 3166-1 code, by which phone numbers are understood"
            self.problem(node, f"the numbers of `{code[:40]}` are not known", why, f"one of: {', '.join(COUNTRIES)}")
        return code and code.upper()

    def _wording(self, node: Node, language: str | None) -> Wording:
        allowed = [field.name for field in fields(Wording)]
        found = self.fields(node, "`wording`", allowed) or {}
        said = {key: self.text(value, f"`{key}`") for key, value in found.items()}
        return replace(wording_in(language), **{key: text for key, text in said.items() if text is not None})

    def _note(self, problems: Iterable[FlowProblem], sources: Mapping[str, Source]) -> None:
        seen = {(problem.what, problem.where) for problem in self.problems}
        for problem in islice(problems, MAX_PROBLEMS):
            mark = (problem.what, place(sources, problem.path))
            # A problem in the flow's own retry rule is reported once, however many steps use it.
            if mark not in seen:
                seen.add(mark)
                self.note(Problem(problem.what, problem.why, problem.todo, mark[1]))
