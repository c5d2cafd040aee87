"""Values of a conversation as JSON and back. Keyed digits become the letter d."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Any

from offhook.pipeline.asr.engine import RecognisedWord, Thresholds, Transcript
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Expectation, Interruption, Question
from offhook.pipeline.turn.keypad import is_keys
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.gate import GateSettings

TYPE = "~"
"""The key that names an object's type."""

MASK = "d"

_READ = {
    each.__name__: each
    for each in (
        AnswerPolicy,
        Choice,
        DigitRule,
        Expectation,
        GateSettings,
        Interruption,
        Question,
        RecognisedWord,
        SilencePolicy,
        Thresholds,
        Transcript,
        TurnSettings,
    )
}


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that is only known by its JSON."""

    json: Any


def to_json(value: Any) -> Any:
    """Plain values for `json.dumps`. A dataclass becomes an object without the fields that have their default; what
    JSON does not know becomes its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple | frozenset | set):
        return [to_json(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, Opaque):
        return value.json
    if isinstance(value, Answer):
        value = masked_answer(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {TYPE: type(value).__name__} | {
            each.name: to_json(getattr(value, each.name))
            for each in fields(value)
            if not _is_default(each, getattr(value, each.name))
        }
    return str(value)


def from_json(plain: Any) -> Any:
    """The inverse of `to_json`, with tuples for lists. An object of a type that is never an input of the core becomes
    Opaque. TypeError, ValueError for what no such value can be."""
    if isinstance(plain, list):
        return tuple(from_json(each) for each in plain)
    if not isinstance(plain, dict):
        return plain
    if plain.get(TYPE) == "Answer":
        return _answer(plain)
    made = _READ.get(plain.get(TYPE, ""))
    if made is None:
        return Opaque(plain)
    return made(**{name: from_json(each) for name, each in plain.items() if name != TYPE})


def masked_answer(answer: Answer) -> Answer:
    """The answer without the digits that were keyed, and what they mean; a choice from a menu stays."""
    if answer.digits:
        return replace(answer, digits=MASK * len(answer.digits), value=None)
    if answer.typed and answer.text and is_keys(answer.text):
        return replace(answer, text=MASK * len(answer.text))
    return answer


def _answer(plain: Mapping[str, Any]) -> Answer:
    values = {name: from_json(each) for name, each in plain.items() if name not in (TYPE, "prompt")}
    return Answer(**values | {"kind": AnswerKind(values["kind"])})


def _is_default(each: "Field[Any]", value: Any) -> bool:
    if each.default is not MISSING:
        return bool(value == each.default)
    return each.default_factory is not MISSING and bool(value == each.default_factory())
