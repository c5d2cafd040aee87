"""What an agent's model may do to the call: only what the configuration names. Pure.

The model is never trusted: it names a destination, an outcome, and nothing else; numbers come from the configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import to_json

from offhook.agents.tools import ToolError, arguments_model, read_arguments, schema_of
from offhook.llm.model import ToolCall, ToolSpec

BUILT_IN = ("transfer", "hang_up", "send_dtmf", "hand_back")

Outcomes = Mapping[str, type[BaseModel]]
"""The values of each outcome, by its name."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to the destination of this name."""

    name: str
    number: str


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What happens when no reply comes: the caller is transferred, or the bot hangs up, or it apologises."""

    transfer: Transfer | None = None
    hangs_up: bool = False


def on_failure_of(text: str, transfer_to: Mapping[str, str]) -> OnFailure:
    """`apologise`, `hang_up` or `transfer NAME`, a name of `transfer_to`. Raises ValueError."""
    action, _, name = text.partition(" ")
    if action == "transfer" and name in transfer_to:
        return OnFailure(Transfer(name, transfer_to[name]))
    if text not in ("apologise", "hang_up"):
        allowed = "`apologise`, `hang_up`, or `transfer` and a name of `transfer_to`"
        raise ValueError(f"on_failure is {allowed}, not {text!r}")
    return OnFailure(hangs_up=text == "hang_up")


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""

    reason: str


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Press keys."""

    digits: str


@dataclass(frozen=True, slots=True)
class HandBack:
    """The task is done."""

    outcome: str
    values: Mapping[str, str] = field(default_factory=dict)


CallAction = Transfer | HangUp | SendDtmf | HandBack

ENDS_AGENT = (Transfer, HangUp, HandBack)


def outcome_values(name: str, values: Mapping[str, Any]) -> type[BaseModel]:
    """The model of an outcome's values: types by name. TypeError for what has no schema."""
    return arguments_model(name, {key: (kind, ...) for key, kind in values.items()})


class _HangUp(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=200, description="in a few words, for the record")] = ""


class _SendDtmf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    digits: Annotated[str, Field(pattern=r"^[0-9*#]{1,32}$")]


class Policy:
    """The built-in tools of one agent. `transfer_to` has numbers by name."""

    def __init__(self, transfer_to: Mapping[str, str], outcomes: Outcomes, *, dtmf: bool) -> None:
        self._transfer_to = dict(transfer_to)
        self._outcomes = dict(outcomes)
        self._models: dict[str, tuple[str, type[BaseModel]]] = {
            "hang_up": ("End the call, once everything said has been heard.", _HangUp)
        }
        if transfer_to:
            to = Literal[tuple(transfer_to)]  # type: ignore[valid-type]  # the names are known at run time
            why = "Connect the caller to somebody else, and leave the call."
            self._models["transfer"] = why, arguments_model("transfer", {"to": (to, ...)})
        if dtmf:
            self._models["send_dtmf"] = "Press keys of the phone, such as in a menu.", _SendDtmf
        if outcomes:
            why = "The task is done, with this outcome: the conversation goes on elsewhere."
            self._models["hand_back"] = why, self._hand_back_model()

    @property
    def outcomes(self) -> frozenset[str]:
        """Names of the outcomes that the call may be handed back with."""
        return frozenset(self._outcomes)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """As the model sees them."""
        specs = [ToolSpec(name, why, schema_of(model)) for name, (why, model) in self._models.items()]
        return tuple(self._with_values(spec) if spec.name == "hand_back" else spec for spec in specs)

    def read(self, call: ToolCall) -> CallAction | None:
        """What a call asks for; None if it is not for a built-in tool. Raises ToolError for what is not allowed."""
        if call.name not in BUILT_IN:
            return None
        if call.name not in self._models:
            raise ToolError(f"{call.name} is not allowed here")
        given = read_arguments(self._models[call.name][1], call.arguments).model_dump()
        if call.name == "transfer":
            return Transfer(given["to"], self._transfer_to[given["to"]])
        if call.name == "hang_up":
            return HangUp(given["reason"])
        if call.name == "send_dtmf":
            return SendDtmf(given["digits"])
        return self._hand_back(given["outcome"], given["values"])

    def _hand_back_model(self) -> type[BaseModel]:
        names: Any = Literal[tuple(self._outcomes)]  # the names are known at run time
        values = Annotated[dict[str, Any], Field(max_length=32)]
        made: type[BaseModel] = create_model(
            "hand_back", __config__=ConfigDict(extra="forbid"), outcome=(names, ...), values=(values, {})
        )
        return made

    def _with_values(self, spec: ToolSpec) -> ToolSpec:
        """The properties of all outcomes' values: which are wanted is checked when one is handed back."""
        properties: dict[str, Any] = {}
        for name, model in self._outcomes.items():
            for key, schema in _properties(model).items():
                properties[key] = {**schema, "description": f"{schema.get('description', key)} (with {name})"}
        given: Any = spec.parameters["properties"]
        values = {"type": "object", "properties": properties}
        return ToolSpec(spec.name, spec.description, {**spec.parameters, "properties": {**given, "values": values}})

    def _hand_back(self, outcome: str, values: dict[str, Any]) -> HandBack:
        model = self._outcomes[outcome]
        # Once more through JSON: dates and the like are read as in arguments.
        read = read_arguments(model, to_json(values).decode()).model_dump(mode="json")
        return HandBack(outcome, {name: _as_text(value) for name, value in read.items()})


def _properties(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    found: Any = schema_of(model).get("properties", {})
    return dict(found)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
