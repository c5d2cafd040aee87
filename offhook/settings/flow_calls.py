"""Reads the sub-flows that the steps of a flow call: their steps become steps of the flow, once for each call."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from yaml.nodes import MappingNode, Node

from offhook.pipeline.dialog.expression.types import TYPE_WORDS, Type
from offhook.pipeline.dialog.hints import end_hint, near
from offhook.pipeline.dialog.limits import MAX_DEPTH, MAX_STEPS
from offhook.pipeline.dialog.scopes import local
from offhook.pipeline.dialog.steps.call import CallStep, ReturnStep, SubFlow
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.variables import name_problems
from offhook.settings.flow_part import COMMON, PartReader
from offhook.settings.flow_position import Source, locate
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.yaml_file import MAX_FILE_BYTES, compose, decoded, read_limited
from offhook.usererror import UserError, did_you_mean

_SUB_FLOW = ("name", "parameters", "results", *COMMON)


@dataclass(frozen=True, slots=True)
class _Read:
    """A sub-flow as it is read for one call: its steps, and the whole names of all."""

    sub_flow: SubFlow
    steps: list[Step]
    names: list[str]


class SubFlows:
    """The sub-flows of `flow`. `sources` says where they are written, by the scopes of the steps that call them."""

    def __init__(self, flow: PartReader) -> None:
        self.sources = {"": flow.source}
        self._flow = flow
        self._files: dict[str, Source | None] = {}
        self._named: dict[int, tuple[str, Node]] = {}
        self._called: set[int] = set()
        self._count = 0
        self._is_full = False

    def with_called(self, steps: list[Step], names: list[str]) -> tuple[list[Step], list[str]]:
        """`steps` of the flow, which has `names`, with those of the sub-flows that they call. A call of what cannot be
        read is left out."""
        found = self._with_called(self._flow, steps, names, ())
        for at, (name, node) in self._named.items():
            if at not in self._called and not self._flow.problems:
                what, why = f"the sub-flow `{name}` is never called", "no step has its name"
                self._flow.problem(node, what, why, f"call it (`call: {name}`), or remove it")
        return found

    def _with_called(
        self, part: PartReader, steps: list[Step], names: list[str], chain: tuple[tuple[str, Node], ...]
    ) -> tuple[list[Step], list[str]]:
        """As `with_called`, of a part to which `chain` leads: sub-flows, by name."""
        self._count += len(names)
        self._named |= {id(node): (name, node) for name, (node, _) in part.flows.items() if not chain}
        found, all_names = list[Step](), list(names)
        for step in steps:
            if not isinstance(step, CallStep):
                found.append(step)
                continue
            if (read := self._read(part, step, chain)) is not None:
                all_names += read.names
                found += _connected(replace(step, sub_flow=read.sub_flow), read.steps)
        return found, all_names

    def _read(self, part: PartReader, call: CallStep, chain: tuple[tuple[str, Node], ...]) -> _Read | None:
        at = locate(part.source.root, ("steps", local(call.name), "call"))
        source = self._source(part, call, at)
        if source is None or self._is_full:
            return None
        names = [*(name for name, _ in chain), call.flow]
        if any(node is source.root for _, node in chain):
            way = " → ".join(names)
            what, why = f"the sub-flow `{call.flow}` calls itself", f"{way} would never end"
            part.problem(at, what, why, "lead back to a step of its own by `next`")
            return None
        if len(names) > MAX_DEPTH:
            what, why = f"sub-flows call each other {len(names)} deep", f"at most {MAX_DEPTH} are run"
            part.problem(at, what, why, "put some of them into one")
            return None
        reader = _SubFlowReader(source, part, call.name)
        self.sources[call.name] = source
        read = reader.read(call.flow)
        if read is None:
            return None
        if self._count + len(read.names) > MAX_STEPS:
            self._is_full = True
            what = f"the flow has more than {MAX_STEPS} steps"
            why = f"at most {MAX_STEPS} are run, and those of a sub-flow count for each step that calls it"
            part.problem(at, what, why, "call it in fewer places, or split the flow")
            return None
        steps, all_names = self._with_called(reader, read.steps, read.names, (*chain, (call.flow, source.root)))
        return _Read(read.sub_flow, steps, all_names)

    def _source(self, part: PartReader, call: CallStep, at: Node) -> Source | None:
        """Where a sub-flow is written; None with a problem."""
        if call.flow not in part.flows:
            why = "`flows` at the top has the sub-flows by their names"
            known = list(part.flows)
            todo = did_you_mean(call.flow, known) if known else f"add it: `flows: {{{call.flow}: {call.flow}.yaml}}`"
            part.problem(at, f"there is no sub-flow `{call.flow}`", why, todo)
            return None
        node, written_in = part.flows[call.flow]
        self._called.add(id(node))
        if isinstance(node, MappingNode):
            return Source(written_in.file, node, written_in.lines)
        name = part.text(node, f"the file of the sub-flow `{call.flow}`")
        if name is None:
            return None
        path = str(Path(written_in.file).parent / name)
        if path not in self._files:
            self._files[path] = _file(part, node, call.flow, path)
        return self._files[path]


def _file(part: PartReader, node: Node, flow: str, path: str) -> Source | None:
    try:
        data = read_limited(Path(path), MAX_FILE_BYTES, "sub-flow")
    except UserError as error:
        found = error.problems[0]
        part.problem(node, f"the file of the sub-flow `{flow}` cannot be read: {path}", found.why, found.todo)
        return None
    try:
        text = decoded(data, path, "sub-flow")
        return Source(path, compose(text, path, "docs/flow-structure.md"), text.splitlines())
    except UserError as error:
        for problem in error.problems:
            part.note(problem)
        return None


def _connected(call: CallStep, steps: list[Step]) -> list[Step]:
    """The call's step, and the sub-flow's, which return to where the call leads."""
    connected: list[Step] = [call]
    for step in steps:
        if isinstance(step, ReturnStep) and step.scope == call.name:
            own = step.outcome in call.outcomes
            follows = call.outcomes[step.outcome] if own else call.next
            named_at = ("outcomes", step.outcome) if own else ("next",)
            step = replace(step, next=follows, named_at=named_at, results=call.results)  # noqa: PLW2901
        connected.append(step)
    return connected


class _SubFlowReader(PartReader):
    """Reads a sub-flow for the step `scope` of `caller`."""

    def __init__(self, source: Source, caller: PartReader, scope: str) -> None:
        super().__init__(source, caller.defaults, caller.environ)
        self.scope = scope
        self.problems, self.doubts = caller.problems, caller.doubts
        self.commands, self.silent, self.confirm_below = caller.commands, caller.silent, caller.confirm_below
        self.country, self.language = caller.country, caller.language
        self.texts_by_language, self.phrases_by_language = caller.texts_by_language, caller.phrases_by_language
        self.named_texts.update(caller.named_texts)
        self.folder = caller.folder
        if source.file == caller.source.file:
            self.flows.update(caller.flows)

    def read(self, flow: str) -> _Read | None:
        what = f"the sub-flow `{flow}`"
        example = "it has `start:` and `steps:`, and perhaps `parameters:` and `results:`"
        top = self.fields(self.source.root, what, _SUB_FLOW, ("start", "steps"), example)
        if top is None:
            return None
        self.read_common(top, what)
        parameters, results = (
            _types(self, top[key], f"`{key}` of {what}") if key in top else {} for key in ("parameters", "results")
        )
        language, voice = (self.optional(self.text, top, key, what, None) for key in ("language", "voice"))
        self.language = language or self.language
        start = self.step_name(top["start"], f"`start` of {what}") if "start" in top else None
        steps, names = self.steps(top["steps"]) if "steps" in top else ([], [])
        if start is None:
            return None
        if names and start not in names:
            beside = [local(name) for name in names]
            todo = end_hint(local(start)) or near(local(start), beside)
            self.problem(top["start"], f"there is no step `{local(start)}`", "every branch must lead to a step", todo)
            return None
        outcomes = tuple(dict.fromkeys(step.outcome for step in steps if isinstance(step, ReturnStep)))
        spoken = [replace(step, language=step.language or language, voice=step.voice or voice) for step in steps]
        return _Read(SubFlow(start, parameters, results, outcomes, self.source.file), spoken, names)


def _types(reader: StepReader, node: Node, what: str) -> Mapping[str, Type]:
    """Names of variables, with the words for their types."""
    found = {}
    for name, key, value in reader.entries(node, what, "type `{tries: number}`") or []:
        for problem in name_problems(name, {}, "the caller", ("parameters", name)):
            reader.problem(key, problem.what, problem.why, problem.todo)
        word = reader.text(value, f"`{name}` of {what}")
        if word is not None and word not in TYPE_WORDS:
            why = "it is one of " + ", ".join(f"`{each}`" for each in TYPE_WORDS)
            reader.problem(value, f"`{word[:40]}` is not a type", why, did_you_mean(word, list(TYPE_WORDS)))
        found[name] = TYPE_WORDS.get(word or "", Type.ANY)
    return found
