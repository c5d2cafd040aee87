"""Reads call scripts (YAML): all problems at once, each with its line, before any call is placed. docs/qa.md has the
format."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from yaml.nodes import Node, SequenceNode

from offhook.qa.script.expect import CODECS
from offhook.qa.script.reading_expect import ExpectReader
from offhook.qa.script.reading_persona import PersonaReader
from offhook.qa.script.reading_steps import StepReader
from offhook.qa.script.script import (
    DTMF,
    TRANSPORTS,
    CallSettings,
    HttpAnswer,
    HttpDouble,
    LineProfile,
    Script,
    is_stream,
)
from offhook.qa.script.steps import Speech, Step, WaitFor
from offhook.settings.yaml_file import MAX_FILE_BYTES, compose, decoded, position, read_limited
from offhook.testing.impair import Impairment

GUIDE = "docs/qa.md"
MAX_STEPS = 500
RECORDING_SUFFIX = ".persona.yaml"
"""How the name of a persona's recording ends."""

_SCRIPT = ("name", "call", "line", "prompts", "steps", "persona", "expect", "adviser", "http", "seed")
_CALL = (
    "target",
    "transport",
    "codec",
    "srtp",
    "dtmf",
    "from",
    "headers",
    "voice",
    "language",
    "ring_s",
    "max_s",
    "pause_ms",
)
_LINE = ("up", "down", "level_db", "echo_db", "echo_ms", "noise_dbfs")
_IMPAIRMENTS = tuple(field.name for field in fields(Impairment) if field.name not in ("blackholes", "jitter_shape"))


def load_script(path: Path) -> Script:
    """The script of a file. Raises UserError with all problems."""
    return parse_script(read_limited(path, MAX_FILE_BYTES, "script"), str(path))


def parse_script(data: bytes, name: str) -> Script:
    """The script in `data` (YAML in UTF-8); `name` is the file's name, for errors and for the WAV files beside it.

    Raises UserError with all problems.
    """
    text = decoded(data, name, "script")
    return _ScriptReader(name, compose(text, name, GUIDE)).read()


class _ScriptReader(StepReader, ExpectReader, PersonaReader):
    def __init__(self, name: str, root: Node) -> None:
        super().__init__(name)
        self._root = root

    def read(self) -> Script:
        top = self._top()
        name = self.value(top, "name", self.text, Path(self.name).stem)
        prompts = self._prompts(top["prompts"]) if "prompts" in top else {}
        steps, nodes = self._steps(top["steps"]) if "steps" in top else ((), ())
        expect = self.expectations(top.get("expect"), prompts)
        for step, node in zip(steps, nodes, strict=True):
            if isinstance(step, WaitFor) and step.awaited == "prompt" and step.what not in prompts:
                self.unknown_prompt(node, step.what, prompts)
        self._check_early(steps, nodes)
        script = Script(
            name,
            steps,
            expect,
            self._call(top["call"]) if "call" in top else CallSettings(),
            self._line(top["line"]) if "line" in top else LineProfile(),
            prompts,
            self._http(top["http"]) if "http" in top else None,
            self.value(top, "seed", self.whole, 1),
            self.name,
            tuple(int(position(node, "").split(":")[1]) for node in nodes),
            self.persona(top["persona"]) if "persona" in top else None,
            self.question(top["adviser"], "persona" in top) if "adviser" in top else "",
        )
        if self.problems:
            raise self.error()
        return script

    def _check_early(self, steps: Sequence[Step], nodes: Sequence[Node]) -> None:
        """What is heard before the answer is waited for before everything else, but for tones."""
        first = next((at for at, step in enumerate(steps) if not _is_early(step)), len(steps))
        for step, node in list(zip(steps, nodes, strict=True))[first:]:
            if isinstance(step, WaitFor) and step.early:
                why = "steps before it are done after the answer"
                self.problem(node, "an `early` wait comes too late", why, "put it first, or leave `early` out")

    def _top(self) -> dict[str, Node]:
        example = f"begin with `steps:`, see {GUIDE}"
        found = self.fields(self._root, "a script", _SCRIPT, (), example) or {}
        if not self.problems and not found.keys() & {"steps", "persona"}:
            why = "it is required, or a `persona` in its place"
            self.problem(self._root, "a script has no `steps`", why, "add a line `steps: …`")
        if "steps" in found and "persona" in found:
            why = "a persona decides itself what it does, and the script has `steps`"
            self.problem(found["persona"], "`persona` and `steps` exclude each other", why, "leave one of them out")
        return found

    def _steps(self, node: Node) -> tuple[tuple[Step, ...], tuple[Node, ...]]:
        if not isinstance(node, SequenceNode) or not node.value:
            why = self.got(node) if not isinstance(node, SequenceNode) else "it is empty"
            self.problem(node, "`steps` is not a list", why, "type `- wait_for: speech` below `steps:`")
            return (), ()
        if len(node.value) > MAX_STEPS:
            self.problem(node, "the script is too long", f"it has more than {MAX_STEPS} steps", "divide it")
            return (), ()
        found = [(self.step(item), item) for item in node.value]
        known = [(step, item) for step, item in found if step is not None]
        return tuple(step for step, _ in known), tuple(item for _, item in known)

    def _prompts(self, node: Node) -> dict[str, Speech]:
        found = {}
        for name, _, value in self.entries(node, "`prompts`", "type `greeting: greeting.wav` below it") or ():
            speech = self.speech(value, f"the prompt `{name}`")
            if speech is not None:
                found[name] = speech
        return found

    def _call(self, node: Node) -> CallSettings:
        found = self.fields(node, "`call`", _CALL) or {}
        usual = CallSettings()
        call = CallSettings(
            target=self.value(found, "target", self.text, ""),
            transport=self.one_of(found, "transport", TRANSPORTS, usual.transport),
            codec=self.one_of(found, "codec", CODECS, usual.codec),
            srtp=self.value(found, "srtp", self.truth, False),
            dtmf=self.one_of(found, "dtmf", DTMF, usual.dtmf),
            caller=self.value(found, "from", self.text, usual.caller),
            headers=tuple(self._headers(found["headers"])) if "headers" in found else (),
            voice=self.value(found, "voice", self.text, ""),
            language=self.value(found, "language", self.text, ""),
            ring_s=self.within(found, "ring_s", 1, 180, usual.ring_s),
            max_s=self.within(found, "max_s", 1, 3_600, usual.max_s),
            pause_ms=int(self.within(found, "pause_ms", 200, 5_000, usual.pause_ms, whole=True)),
        )
        if is_stream(call.target):
            for name in call.only_over_sip:
                todo = f"leave `{name}` out, or type `target: sip:bot@HOST:PORT`"
                self.problem(found[name], f"`{name}` has no effect", f"{call.target} is a stream (WebSocket)", todo)
        return call

    def _headers(self, node: Node) -> list[tuple[str, str]]:
        found = []
        for name, _, value in self.entries(node, "`headers`", "type `X-Ticket: 17` below it") or ():
            text = self.text(value, f"the header `{name}`")
            if text is not None:
                found.append((name, text))
        return found

    def _line(self, node: Node) -> LineProfile:
        found = self.fields(node, "`line`", _LINE) or {}
        return LineProfile(
            up=self._impairment(found, "up"),
            down=self._impairment(found, "down"),
            level_db=self.within(found, "level_db", -40, 20, 0.0),
            echo_db=self.within(found, "echo_db", 0, 60, None),
            echo_ms=int(self.within(found, "echo_ms", 0, 500, LineProfile().echo_ms, whole=True)),
            noise_dbfs=self.within(found, "noise_dbfs", -90, -10, None),
        )

    def _http(self, node: Node) -> HttpDouble | None:
        found = self.fields(node, "`http`", ("port", "answers"), ("port",), "type `port: 8099` below it") or {}
        port = int(self.within(found, "port", 1, 65_535, 0, whole=True))
        answers = found.get("answers")
        if answers is not None and not isinstance(answers, SequenceNode):
            todo = "type `- {path: /orders, body: ok}` below it"
            self.problem(answers, "`answers` is not a list", self.got(answers), todo)
            return None
        return HttpDouble(port, tuple(self._answer(each) for each in (answers.value if answers is not None else ())))

    def _answer(self, node: Node) -> HttpAnswer:
        found = self.fields(node, "an answer", ("path", "method", "status", "body"), ("path",)) or {}
        return HttpAnswer(
            self.value(found, "path", self.text, "/"),
            self.value(found, "method", self.text, "").upper(),
            int(self.within(found, "status", 200, 599, 200, whole=True)),
            self.value(found, "body", self.text, ""),
        )

    def _impairment(self, found: dict[str, Node], key: str) -> Impairment:
        if key not in found:
            return Impairment()
        node = found[key]
        given = self.fields(node, f"`{key}`", _IMPAIRMENTS) or {}
        values = {name: self.number(value, f"`{name}`") for name, value in given.items()}
        known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        try:
            return Impairment(**known)
        except ValueError as error:
            self.problem(node, f"`{key}` is no line that can be", str(error), "type `loss_percent: 3` below it")
            return Impairment()


def _is_early(step: Step) -> bool:
    return isinstance(step, WaitFor) and (step.early or step.awaited == "tone")


def is_script(path: Path) -> bool:
    """Whether a file is a call script, by its name; a persona's recording beside it is none."""
    return path.suffix in (".yaml", ".yml") and not path.name.endswith(RECORDING_SUFFIX)
