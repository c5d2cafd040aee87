"""`[queues.NAME]`: callers who wait for a person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from offhook.pipeline.dialog.switches import MAX_SWITCHES
from offhook.pipeline.language import is_language_tag
from offhook.queues.policy import QueuePolicy, Strategy, WhenEmpty
from offhook.settings.section import Section
from offhook.settings.transfer import TARGET
from offhook.settings.values import Line, matching
from offhook.usererror import UserError, did_you_mean

MAX_QUEUES = 100
MAX_AGENTS = 500
"""Of a queue."""

QueueName = Annotated[
    str,
    # So that its variables can be written: OFFHOOK_QUEUES__NAME__RING_S.
    AfterValidator(
        matching(r"(?=.{1,40}$)[a-z0-9]+(?:_[a-z0-9]+)*", "its name has small letters, digits and single underscores")
    ),
]

QueueAgent = Annotated[
    str,
    AfterValidator(
        matching(
            rf"[A-Za-z][A-Za-z0-9_]{{0,39}}|{TARGET.pattern}",
            "an agent is a name of `[transfer.targets]`, or a number or a `sip:` address that `transfer.allow` lists",
        )
    ),
]


def _texts_by_language(texts: Mapping[str, str]) -> Mapping[str, str]:
    for tag, text in texts.items():
        if not is_language_tag(tag):
            raise ValueError(f"{tag[:40]!r} is no language: `en`, `de` or `en-GB`, for example")
        if not 1 <= len(text) <= 500:
            raise ValueError("each text has 1 to 500 characters")
    return texts


QueueTexts = Annotated[Mapping[str, str], AfterValidator(_texts_by_language)]

Key = Annotated[str, AfterValidator(matching(r"[0-9*#]", "it is one key: a digit, `*` or `#`"))]


class QueueConfig(Section):
    """Callers who wait for a person (docs/flow-queue.md). A flow's step `queue: NAME` has them wait; agents log in with
    `offhook queue login AGENT`."""

    agents: Annotated[
        tuple[QueueAgent, ...],
        Field(max_length=MAX_AGENTS, examples=[("reception", "+15551234567", "sip:200@192.0.2.7")]),
    ]
    """Who takes the calls: names of `[transfer.targets]`, and numbers and addresses that `transfer.allow` lists. An
    agent may be in several queues. `[]`: only those who call in."""

    logged_in: bool = False
    """Its agents take calls from the start. Otherwise each logs in first."""

    strategy: Strategy = "longest_idle"
    """Who rings for the next caller: all who are free (20 at most), one after the other, who has been free for the
    longest time, or who has taken the fewest calls."""

    ring_s: Annotated[float, Field(ge=3, le=300)] = 20.0
    """How long an agent's phone rings."""

    wrap_up_s: Annotated[float, Field(ge=0, le=3_600)] = 10.0
    """How long an agent is left alone after a call."""

    rest_s: Annotated[float, Field(ge=0, le=3_600)] = 30.0
    """How long an agent is left alone who has not answered."""

    max_missed: Annotated[int, Field(ge=1, le=100)] = 3
    """Calls in a row that an agent does not answer: then they are paused."""

    max_length: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many callers may wait, those who are to be called back among them."""

    max_wait_s: Annotated[float, Field(ge=10, le=14_400)] = 1_800.0
    """How long a caller waits at most."""

    service_level_s: Annotated[float, Field(ge=1, le=3_600)] = 20.0
    """Who is answered within this time is answered in time: for the metric `offhook_queue_answered_in_time_total`."""

    empty: WhenEmpty = "leave"
    """Callers while no agent is logged in: they do not wait, or they do."""

    closed_by: Annotated[tuple[Line, ...], Field(max_length=MAX_SWITCHES, examples=[("emergency",)])] = ()
    """Switches of the flows: while one of them is on the queue is closed, also for those who wait in it."""

    music: Annotated[Path | None, Field(examples=["music.wav"])] = None
    """What callers hear, a WAV file of a second or more; not set: quiet music that is built in."""

    announce_s: Annotated[float, Field(ge=10, le=3_600)] = 60.0
    """How often callers hear their place, and how long they will probably wait."""

    announce: bool = True
    """Whether they hear it at all."""

    comfort: Annotated[QueueTexts, Field(examples=[{"en": "Thank you for waiting."}])] = Field(default_factory=dict)
    """What is said halfway between these, by language."""

    leave_key: Annotated[Key | None, Field(examples=["0"])] = None
    """A key with which callers leave the queue: the flow goes on with `on_failure: {left: …}`."""

    call_back_key: Annotated[Key | None, Field(examples=["1"])] = None
    """A key with which callers have themselves called back when it is their turn. The bot calls them by the trunk by
    which they came, at numbers that its `allowed_numbers` lists."""

    max_call_backs: Annotated[int | None, Field(ge=1, le=10_000, examples=[25])] = None
    """How many callers may wait to be called back; not set: half of `max_length`, since they need no line."""

    call_back_tries: Annotated[int, Field(ge=1, le=10)] = 3
    """How often the bot calls somebody back who does not answer."""

    call_back_again_s: Annotated[float, Field(ge=10, le=86_400)] = 300.0
    """The time between two of these."""

    call_back_ring_s: Annotated[float, Field(ge=5, le=300)] = 45.0
    """How long their phone rings."""

    call_back_kept_s: Annotated[float, Field(ge=60, le=604_800)] = 14_400.0
    """How long somebody waits for the call at most, from the promise on; then they are called no more."""

    @field_validator("call_back_key")
    @classmethod
    def _is_not_the_leave_key(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is not None and key == info.data.get("leave_key"):
            raise PydanticCustomError("same_key", "it is `leave_key` already", {"example": "2" if key == "1" else "1"})
        return key

    @property
    def policy(self) -> QueuePolicy:
        """What the distribution of callers goes by."""
        return QueuePolicy(
            agents=self.agents,
            strategy=self.strategy,
            ring_s=self.ring_s,
            wrap_up_s=self.wrap_up_s,
            rest_s=self.rest_s,
            max_missed=self.max_missed,
            max_length=self.max_length,
            max_wait_s=self.max_wait_s,
            empty=self.empty,
            max_call_backs=self.max_call_backs or max(1, self.max_length // 2),
            call_back_tries=self.call_back_tries,
            call_back_again_s=self.call_back_again_s,
            call_back_ring_s=self.call_back_ring_s,
            call_back_kept_s=self.call_back_kept_s,
        )


class NotInQueuesError(UserError):
    """No queue has an agent of that name, or anybody who is to be called back at that number."""


def no_queue(name: str, known: Sequence[str], what: str = "callers cannot wait in") -> UserError:
    """There is no queue of that name; `what` cannot be done therefore."""
    why = f"there is no `[queues.{name[:40]}]` in the settings" if known else "the settings have no queues"
    todo = did_you_mean(name, known) if known else f'`[queues.{name[:40]}]`, and `agents = ["…"]` below'
    return UserError(f"{what} the queue `{name[:40]}`", why, todo)
