"""What a flow wants done, and what may come of it: the words between a flow and the call. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from offhook.pipeline.events import Answer, Prompt, Question


class Named(Protocol):
    """A step of a flow."""

    @property
    def name(self) -> str:
        """Its name there."""


class TransferTo(Named, Protocol):
    """See TransferStep."""

    @property
    def mode(self) -> str | None:
        """One of the application's; None: its setting."""

    @property
    def ring_s(self) -> float | None:
        """How long it may ring; None: the application's setting."""


class SearchFor(Named, Protocol):
    """See WhoAnsweredStep."""

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """The answers that have a step of their own, with it."""

    @property
    def within_s(self) -> float:
        """How long it may take."""


class RequestOf(Named, Protocol):
    """See RequestStep."""

    @property
    def request(self) -> object:
        """The application's."""

    @property
    def into(self) -> str | None:
        """The variable that keeps the answer; None: nobody wants it."""

    @property
    def timeout_s(self) -> float:
        """Of one try."""

    @property
    def retries(self) -> int:
        """How many more tries there are."""

    @property
    def retry_always(self) -> bool:
        """Whether it is tried again where the server may do twice what it is asked for."""


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

    step: Named
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
    """Say `prompt`, if there is one, and connect the caller to `target` as `step` says. Its result is CameBack, if they
    do."""

    step: TransferTo
    target: str
    prompt: Prompt | None
    summary: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """The caller is with the bot again: since the transfer failed, by its reason, or ("") after it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class FindOut:
    """Find out who answered, as `step` says. Its result is FoundOut."""

    step: SearchFor


@dataclass(frozen=True, slots=True)
class FoundOut:
    """Who answered; empty where that is not known."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Send the request of `step` with `values`, and say `meanwhile` if it takes longer. Its result is Fetched."""

    step: RequestOf
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
