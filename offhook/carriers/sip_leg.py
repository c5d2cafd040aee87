"""The leg of an agent: a call of the bot's own, to the person that a caller is transferred to.

It is a call out like any other, with its record and its recording; only its dialog is the transfer's. Until it can be
placed, it is a wish: which server it goes to, and by which trunk, is decided beside the user agent (`CallsOut`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

import structlog

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.calls.conversation import Conversation
from offhook.calls.outcome import SipOutcome
from offhook.calls.services import Services
from offhook.carriers.call_watcher import CallWatcher, PlacedCall
from offhook.carriers.place_call import LegRefused, LegWanted, PlaceCall
from offhook.records import EndedBy
from offhook.transfer.request import Brief


class LegOwner(Protocol):
    """The transfer. After `agent_failed` or `agent_gone` nothing more is reported."""

    def agent_rings(self) -> None:
        """Their phone rings; of several, each."""

    def agent_has_early_media(self) -> None:
        """The leg's line is open before they answer."""

    def agent_forwarded(self) -> None:
        """Their phone rings somewhere else: what was heard before may have ended."""

    def agent_answered(self) -> None:
        """They have answered, and the leg has its line."""

    def agent_failed(self, status: int, why: str) -> None:
        """They were not reached; `status` 0: there was no response."""

    def agent_gone(self) -> None:
        """The leg is over."""

    def agent_decided(self, agrees: bool, why: str) -> None:
        """How a briefing ended."""


class AgentLeg:
    """`want` has the call placed: `on_event` gets the answer, and `place` begins it then. `on_over(self)` is called for
    a leg that ends before that. `part_of` is the record of the caller's call."""

    def __init__(
        self,
        services: Services,
        want: Callable[[LegWanted], None],
        place: Callable[[PlaceCall, Services, CallWatcher], PlacedCall],
        owner: LegOwner,
        on_over: Callable[["AgentLeg"], None],
        part_of: str | None = None,
    ) -> None:
        self.handle = uuid4().hex
        self._services = services
        self._want = want
        self._place = place
        self._owner: LegOwner | None = owner
        self._on_over = on_over
        self._part_of = part_of
        self._call: PlacedCall | None = None
        self._is_over = False
        self._released = asyncio.Event()
        self._briefing: asyncio.Future[Brief] = asyncio.get_running_loop().create_future()
        self._target = ""
        self.log = structlog.get_logger("offhook.call").bind(leg=self.handle)

    # --- for the transfer

    @property
    def conversation(self) -> Conversation | None:
        """What is said in it, once it is placed."""
        return None if self._call is None else self._call.conversation

    def invite(self, wanted: LegWanted) -> None:
        """Call them. What fails is reported, later."""
        self._target = wanted.to
        self.log.info("calling the agent", target=wanted.to, trunk=wanted.trunk)
        self._want(replace(wanted, call=self.handle))

    def brief(self, brief: Brief) -> None:
        """Have the agent asked; `LegOwner.agent_decided` has what they say."""
        if not self._briefing.done():
            self._briefing.set_result(brief)

    def release(self, *, unanswered: bool = False) -> None:
        """End it, whatever it is doing; nothing is reported any more. `unanswered`: it rang for too long."""
        self._owner = None
        if unanswered and self._call is not None:
            self._call.rang_out()
        else:
            self.hang_up(EndedBy.BOT, "the transfer is over")

    # --- as a call of the process, until it is placed

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""
        if self._call is not None:
            self._call.hang_up(by, reason)
        else:
            self._not_placed(reason)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {"handle": self.handle, "called": self._target, "state": "calling"}

    def on_event(self, event: object) -> None:
        """Whether it can be placed."""
        if self._is_over:
            return
        match event:
            case PlaceCall():
                place = replace(event, part_of=self._part_of)
                self._call = self._place(place, replace(self._services, dialog=self._talk), self)
            case LegRefused(why=why):
                self._not_placed(why)

    # --- from the call (see CallWatcher)

    def call_rings(self) -> None:
        """See CallWatcher."""
        if self._owner is not None:
            self._owner.agent_rings()

    def call_has_early_media(self) -> None:
        """See CallWatcher."""
        if self._owner is not None:
            self._owner.agent_has_early_media()

    def call_forwarded(self) -> None:
        """See CallWatcher."""
        if self._owner is not None:
            self._owner.agent_forwarded()

    def call_answered(self) -> None:
        """See CallWatcher."""
        if self._owner is not None:
            self._owner.agent_answered()

    def call_over(self, outcome: SipOutcome, *, answered: bool) -> None:
        """See CallWatcher."""
        self._released.set()
        self._call = None  # whose dialog is ours
        owner, self._owner = self._owner, None
        if owner is None:
            return
        if answered:
            owner.agent_gone()
        else:
            # An answer that could not be used has a status, too.
            status = outcome.status if outcome.status is not None and outcome.status >= 300 else 0
            self._report_failure(owner, status, outcome.text)

    # --- inside

    async def _talk(self, call: Call) -> None:
        """The leg's dialog: the briefing, if there is one; then it waits for its end."""
        brief = await self._briefing
        agrees, why = False, "they declined"
        try:
            agrees = await brief(call)
        except CallEnded:
            raise
        except Exception as error:
            # It is user code.
            self.log.exception("the briefing failed")
            why = f"the briefing failed: {type(error).__name__}"
        if self._owner is not None:
            self._owner.agent_decided(agrees, why)
        await self._released.wait()

    def _not_placed(self, why: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        owner, self._owner = self._owner, None
        self._on_over(self)
        if owner is not None:
            self._report_failure(owner, 0, why)

    def _report_failure(self, owner: LegOwner, status: int, why: str) -> None:
        self.log.info("the agent was not reached", status=status, why=why)
        owner.agent_failed(status, why)
