"""The recording of a persona: what it heard and did in one call, as YAML beside its script. Pure, but for the files.

What is replayed are `heard` and `do`, which are steps of a call script; `model`, `instructions` and `answers` say where
they are from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.qa.persona.wording import instructions
from offhook.qa.script.persona import Answer, Exchange, Heard, Persona
from offhook.qa.script.reading import RECORDING_SUFFIX
from offhook.qa.script.reading_persona import MAX_TURNS, PERSONA_KEYS, PersonaReader
from offhook.qa.script.reading_steps import StepReader
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, Step, Wait, speeches
from offhook.settings.yaml_file import compose, decoded, read_limited
from offhook.usererror import UserError

VERSION = 1
GUIDE = "docs/qa-personas.md"
MAX_BYTES = 2 * 1024 * 1024
MAX_ANSWER_CHARS = 1_000
"""Of what the model wrote, to be read by people."""

_RECORDING = ("version", "recogniser", "persona", "adviser", "model", "instructions", "exchanges")
_EXCHANGE = ("heard", "cut_off", "do", "answers")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an adviser was asked, and what it answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class PersonaRecording:
    """A persona in one call. `recogniser` is the engine that the persona heard by."""

    persona: Persona
    recogniser: str
    exchanges: tuple[Exchange, ...]
    model: str = ""
    opinion: Opinion | None = None

    @property
    def speeches(self) -> tuple[Speech, ...]:
        """What the persona says, each once."""
        return tuple(dict.fromkeys(one for each in self.exchanges for step in each.steps for one in speeches(step)))


def path_of(script: str) -> Path:
    """Where the recording of a script's persona is."""
    path = Path(script)
    return path.with_name(path.stem + RECORDING_SUFFIX)


def read_recording(path: Path) -> PersonaRecording:
    """The recording in a file. Raises UserError with all problems."""
    data = read_limited(path, MAX_BYTES, "persona's recording")
    text = decoded(data, str(path), "persona's recording")
    return _RecordingReader(str(path)).read(compose(text, str(path), GUIDE))


def write_recording(path: Path, recording: PersonaRecording) -> None:
    """Raises UserError."""
    try:
        path.write_text(as_yaml(recording), encoding="utf-8")
    except OSError as error:
        why, todo = error.strerror or str(error), f"ls -ld {path.parent}"
        raise UserError("the persona's recording cannot be written", why, todo, str(path)) from error


def as_yaml(recording: PersonaRecording) -> str:
    """The text of the file."""
    persona = recording.persona
    values: dict[str, Any] = {
        "version": VERSION,
        "recogniser": recording.recogniser,
        "persona": {"goal": persona.goal, "temperament": persona.temperament, "facts": dict(persona.facts)},
        "exchanges": [exchange_as_dict(each) | {"answers": _answers(each.answers)} for each in recording.exchanges],
    }
    if recording.opinion is not None:
        values["adviser"] = {"question": recording.opinion.question, "answer": recording.opinion.answer}
    values |= {"model": recording.model, "instructions": instructions(persona)}
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def exchange_as_dict(exchange: Exchange) -> dict[str, Any]:
    """What was heard and done, as plain values."""
    cut_off = {"cut_off": list(exchange.heard.cut_off)} if exchange.heard.cut_off else {}
    return {"heard": list(exchange.heard.said), **cut_off, "do": [_step(each) for each in exchange.steps]}


class _Dumper(yaml.SafeDumper):
    """Lines of a text stay lines."""

    def represent_text(self, text: str) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def _step(step: Step) -> Any:
    match step:
        case Say(speech):
            return {"say": _said(speech)}
        case Press(keys):
            return {"press": keys}
        case Wait(wait_ms):
            return {"wait": wait_ms}
        case Interrupt(after_ms, speech):
            how = {"press": step.keys} if speech is None else {"say": _said(speech)}
            return {"interrupt": {"after_ms": after_ms, **how}}
        case HangUp():
            return "hang_up"
        case _:
            raise ValueError(f"a persona does not do {step}")


def _said(speech: Speech) -> Any:
    """As a mapping where a text alone would be the name of a file."""
    return {"text": speech.text} if speech.text.lower().endswith(".wav") else speech.text


def _answers(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    found = []
    for each in answers:
        calls = [f"{call.name}({call.arguments})"[:MAX_ANSWER_CHARS] for call in each.calls]
        values = {"text": each.text[:MAX_ANSWER_CHARS], "calls": calls, "refused": each.refused}
        found.append({name: value for name, value in values.items() if value})
    return found


class _RecordingReader(StepReader, PersonaReader):
    def read(self, root: Node) -> PersonaRecording:
        required = ("version", "recogniser", "persona", "exchanges")
        found = self.fields(root, "a persona's recording", _RECORDING, required, f"see {GUIDE}") or {}
        if "version" in found and self.whole(found["version"], "`version`") != VERSION:
            why = f"this program reads version {VERSION}"
            self.problem(found["version"], "`version` is another", why, "record it anew: --record-personas")
        recording = PersonaRecording(
            self._persona(found["persona"]) if "persona" in found else Persona(""),
            (self.text(found["recogniser"], "`recogniser`") or "") if "recogniser" in found else "",
            self._exchanges(found["exchanges"]) if "exchanges" in found else (),
            (self.text(found["model"], "`model`") or "") if "model" in found else "",
            self._opinion(found["adviser"]) if "adviser" in found else None,
        )
        if self.problems:
            raise self.error()
        return recording

    def _persona(self, node: Node) -> Persona:
        found = self.fields(node, "`persona`", PERSONA_KEYS, ("goal",)) or {}
        goal, temperament = (
            (self.text(found[key], f"`{key}`") or "") if key in found else "" for key in PERSONA_KEYS[:2]
        )
        return Persona(goal, temperament, self.facts(found["facts"]) if "facts" in found else ())

    def _opinion(self, node: Node) -> Opinion:
        found = self.fields(node, "`adviser`", ("question", "answer"), ("question", "answer")) or {}
        question, answer = (
            self.text(found[key], f"`{key}`") or "" if key in found else "" for key in Opinion.__slots__
        )
        return Opinion(question, answer)

    def _exchanges(self, node: Node) -> tuple[Exchange, ...]:
        if not isinstance(node, SequenceNode) or len(node.value) > MAX_TURNS:
            why = self.got(node) if not isinstance(node, SequenceNode) else f"at most {MAX_TURNS} are read"
            self.problem(node, "`exchanges` is no list that can be read", why, "record it anew: --record-personas")
            return ()
        return tuple(self._exchange(each) for each in node.value)

    def _exchange(self, node: Node) -> Exchange:
        found = self.fields(node, "an exchange", _EXCHANGE, ("heard", "do")) or {}
        heard, cut_off = (
            tuple(self.texts(found[key], f"`{key}`")) if key in found else () for key in ("heard", "cut_off")
        )
        return Exchange(Heard(heard, cut_off), self._steps(found["do"]) if "do" in found else ())

    def _steps(self, node: Node) -> tuple[Step, ...]:
        if not isinstance(node, SequenceNode):
            self.problem(node, "`do` is not a list", self.got(node), "type `- say: good morning` below it")
            return ()
        found = []
        for item in node.value:
            step = self.step(item)
            if isinstance(step, Say | Press | Wait | Interrupt | HangUp):
                found.append(step)
            elif step is not None:
                why = "a persona says, presses, waits, interrupts and hangs up"
                self.problem(item, "a persona cannot do this step", why, "type `- say: good morning`")
        return tuple(found)
