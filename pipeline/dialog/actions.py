"""What a flow wants done, and what may come of it: the words between a flow and the call. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.events import Answer, Prompt, Question
from offhook.pipeline.secret.entry import SecretOutcome, SecretRule


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
    def keeps_answer(self) -> bool:
        """Whether anything of the answer is kept; if not, it need not be JSON."""

    @property
    def timeout_s(self) -> float:
        """Of one try."""

    @property
    def retries(self) -> int:
        """How many more tries there are."""

    @property
    def retry_always(self) -> bool:
        """Whether it is tried again where the server may do twice what it is asked for."""


class FunctionOf(Named, Protocol):
    """See PythonStep."""

    @property
    def function(self) -> object:
        """The application's."""

    @property
    def gives(self) -> Type:
        """The type of what it returns."""

    @property
    def results(self) -> Mapping[str, Type]:
        """What it returns, with the types, where it returns several values."""

    @property
    def timeout_s(self) -> float:
        """How long it may take."""


class Playing(Named, Protocol):
    """See PlayStep."""

    @property
    def loop(self) -> bool:
        """Whether it begins again at its end."""

    @property
    def for_s(self) -> float | None:
        """For how long at most; None: to its end."""

    @property
    def until(self) -> str:
        """What ends it sooner: "end" (nothing), "key" or "speech"."""

    @property
    def volume_db(self) -> float:
        """How much louder it is."""


class MessageOf(Named, Protocol):
    """See RecordStep."""

    @property
    def beep(self) -> bool:
        """Whether a tone says when the recording begins."""

    @property
    def most_s(self) -> float:
        """How long a message may be."""

    @property
    def least_s(self) -> float:
        """What is shorter is none."""

    @property
    def silence_s(self) -> float:
        """Of the caller, that ends it."""

    @property
    def end_keys(self) -> str:
        """The keys that end it."""

    @property
    def mailbox(self) -> str:
        """Of the settings, that it is for; empty: none."""

    @property
    def review(self) -> bool:
        """Whether the caller may hear it, and decide."""

    @property
    def keep_on_hang_up(self) -> bool:
        """Whether it is kept where the caller hangs up in it."""


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
    """End the call, after `prompt` if there is one; `reason` is for its record. Nothing follows."""

    prompt: Prompt | None = None
    reason: str = ""


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
    """Say `prompt`, if there is one, and connect the caller to the first of `targets` who answers, as `step` says. Its
    result is CameBack, if they do."""

    step: TransferTo
    targets: tuple[str, ...]
    prompt: Prompt | None
    summary: str


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Say `prompt`, if there is one, and have the caller wait in `queue` for an agent, who hears `summary`. Its result
    is CameBack, if they do."""

    queue: str
    prompt: Prompt | None
    summary: str
    priority: int


@dataclass(frozen=True, slots=True)
class Take:
    """Say `prompt`, if there is one, and connect an agent, who is in the call, to the next caller of `queue`; they wait
    for `wait_s`, and `end_key` ends the wait, and the talk. Its result is CameBack."""

    queue: str
    prompt: Prompt | None
    wait_s: float | None
    end_key: str | None


@dataclass(frozen=True, slots=True)
class CameBack:
    """Who is in the call is with the bot again: since a transfer or a wait failed, by its reason, or ("") after it."""

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
class TakeSecret:
    """Say `prompt` and keep what the caller keys, by `rule`, as the secret `secret`, where nothing else has it. Its
    result is SecretTaken."""

    step: Named
    secret: str
    rule: SecretRule
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class SecretTaken:
    """What came of the entry of a secret. `refused`: nobody could promise that it stays one, and it was not asked
    for."""

    outcome: SecretOutcome | None = None

    @property
    def refused(self) -> bool:
        """Whether there was no entry."""
        return self.outcome is None


@dataclass(frozen=True, slots=True)
class Fetch:
    """Send the request of `step` with `values` and `headers`, and say `meanwhile` if it takes longer; `secrets` are
    sent, too, by their names in it, and are gone then. `body` is an object or a list (of JSON), or a form's fields, and
    the request's own in place of the values that are no part of its address. Its result is Fetched."""

    step: RequestOf
    values: Mapping[str, object]
    meanwhile: Prompt | None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict)
    body: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server has answered: a value of JSON with Decimal for numbers with a fraction. Not `answered`: nothing
    came of it, and `status` is the HTTP status that said so, if one did."""

    answered: bool
    value: object = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call the function of `step` with `values`, and say `meanwhile` if it takes longer. Its result is Returned."""

    step: FunctionOf
    values: Mapping[str, object]
    meanwhile: Prompt | None


@dataclass(frozen=True, slots=True)
class Returned:
    """What a function has given, of the type that it should. Not `returned`: nothing came of it."""

    returned: bool
    value: object = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Say nothing for so long, or, with `until_key`, until the caller presses a key. Its result is an Answer."""

    seconds: float
    until_key: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """Play `sound`, a recording or a stream of the application's, as `step` says. Its result is Done."""

    step: Playing
    sound: object


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Say `prompt` and record a message as `step` says; `language` is that of its caller. Its result is Recorded."""

    step: MessageOf
    prompt: Prompt
    language: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a message that is kept: "seconds", "file" and "ended_by"; None: there is none."""

    message: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """Press these keys for the far end, a "w" being a pause. Its result is Done."""

    keys: str


@dataclass(frozen=True, slots=True)
class Note:
    """Put a line on the call's record. Its result is Done."""

    text: str


@dataclass(frozen=True, slots=True)
class RecordCall:
    """Record the call from here on, or no more, or leave out a part, as `does` says: "on", "off", "pause", "resume";
    and note the caller's `consent`, if there is anything to note. Its result is Done."""

    does: str
    consent: str | None = None


Instant = Note | RecordCall
"""Actions that take no time."""


@dataclass(frozen=True, slots=True)
class Done:
    """It has been done; `failed`: it could not be."""

    failed: bool = False


Action = (
    Speak
    | AskFor
    | HangUp
    | Delegate
    | Connect
    | Enqueue
    | Take
    | FindOut
    | TakeSecret
    | Fetch
    | Invoke
    | Wait
    | Play
    | RecordMessage
    | Press
    | Note
    | RecordCall
)
Result = Answer | HandedBack | CameBack | FoundOut | SecretTaken | Fetched | Returned | Recorded | Done
