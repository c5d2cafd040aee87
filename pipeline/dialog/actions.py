"""What a flow wants done, and what may come of it: the words between a flow and the call. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from offhook.pipeline.events import Answer, Prompt, Question

if TYPE_CHECKING:
    from offhook.pipeline.dialog.steps.agent import AgentStep
    from offhook.pipeline.dialog.steps.request import RequestStep
    from offhook.pipeline.dialog.steps.transfer import TransferStep
    from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `prompt`. Its result is an Answer, whose kind is ignored."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class AskFor:
    """Say `prompt` and listen for `question`. Its result is the Answer."""

    prompt: Prompt
    question: Question


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call, after `prompt` if there is one. Nothing follows."""

    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Delegate:
    """Give the call to the agent of `step`, with these instructions. Its result is HandedBack."""

    step: "AgentStep"
    instructions: str
    greeting: str | None
    language: str | None
    voice: str | None


@dataclass(frozen=True, slots=True)
class HandedBack:
    """An agent is done, with an outcome ("": none) and its values."""

    outcome: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connect:
    """Say `prompt`, if there is one, and connect the caller as `step` says. Its result is CameBack, if they do."""

    step: "TransferStep"
    prompt: Prompt | None
    summary: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """The caller is with the bot again: since the transfer failed, by its reason, or ("") after it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class FindOut:
    """Find out who answered, as `step` says. Its result is FoundOut."""

    step: "WhoAnsweredStep"


@dataclass(frozen=True, slots=True)
class FoundOut:
    """Who answered; empty where that is not known."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Send the request of `step` with `values`, and say `meanwhile` if it takes longer. Its result is Fetched."""

    step: "RequestStep"
    values: Mapping[str, object]
    meanwhile: Prompt | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server has answered: a value of JSON with Decimal for numbers with a fraction. Not `answered`: nothing
    came of it."""

    answered: bool
    value: object = None


Action = Speak | AskFor | HangUp | Delegate | Connect | FindOut | Fetch
Result = Answer | HandedBack | CameBack | FoundOut | Fetched
