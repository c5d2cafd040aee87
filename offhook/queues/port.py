"""A call's place in a queue, as the dialog and the carrier see it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import AgentKept, CallBackKept, CallBackWish, PlaceInQueue
from offhook.queues.orders import EndWait, QueueEnd

Whisper = Callable[[Any], Awaitable[bool]]
"""Talks to the agent, whose Call it gets, before the caller is joined; whether they take the call."""


@dataclass(frozen=True, slots=True)
class Key:
    """The caller has pressed it."""

    key: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The caller talks to an agent."""

    agent: str


@dataclass(frozen=True, slots=True)
class TalkOver:
    """The agent has hung up."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The agent is not to have the call after all: the caller waits on. Or the caller is gone, and the agent does."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """What the caller hears while they wait has had them leave."""


@dataclass(frozen=True, slots=True)
class Offer:
    """For an agent who has called in: it is the turn of the caller whose record is `caller`, and who has waited for
    `waited_s`. `summary` is said first, in `language`."""

    caller: str
    waited_s: float
    summary: str = ""
    language: str = "en"


News = PlaceInQueue | EndWait | CallBackKept | AgentKept | Offer | Key | Joined | TalkOver | Parted | Leaves


class WaitPort(Protocol):
    """What waiting for somebody is for a call."""

    async def next(self, timeout_s: float | None) -> News | None:
        """What happens next; None: nothing in that time."""

    def play(self, music: Recording) -> None:
        """Have who is in the call hear it, over and over, and the dialog listen to nothing."""

    def quiet(self) -> None:
        """Stop it. Idempotent."""


class TakePort(WaitPort, Protocol):
    """The wait of an agent who has called in."""

    def take(self, queue: str, return_key: str | None) -> None:
        """Wait for the next caller of a queue, and have Offer as news. `return_key` ends the talk."""

    def accept(self, offer: Offer) -> None:
        """The agent takes the caller; have Joined as news, or Parted if the caller is gone."""

    def decline(self, offer: Offer) -> None:
        """The agent does not take the caller, who keeps the place."""

    def close(self) -> None:
        """The agent waits no longer, and talks to nobody. Idempotent."""


class QueuePort(WaitPort, Protocol):
    """One call's wait."""

    def join(  # each is one property of a wait
        self,
        queue: str,
        *,
        priority: int,
        ticket: str,
        whisper: Whisper | None,
        summary: str = "",
        language: str = "en",
    ) -> None:
        """Wait in a queue; `ticket`: this call is a call-back. An agent who answers gets `whisper` first, and one who
        has called in hears `summary`, which is in `language`."""

    def ask_place(self) -> None:
        """Have PlaceInQueue as news."""

    def want_call_back(self, wish: CallBackWish) -> None:
        """Have CallBackKept as news."""

    def tell(self, news: News) -> None:
        """Have it as news; keys beyond a limit are dropped."""

    def close(self, end: QueueEnd | None = None) -> None:
        """The caller waits no longer, whatever was before; `end` is why they did not wait for an agent, None where they
        have had one, or their call is over, or ends with it. Idempotent."""
