"""The call-backs of a bot's queues: who is to be called back, and the calls to them.

Theory of operation. A caller who wants one leaves the line and keeps the place by a ticket, under which the distributor
has them from then on. When it is their turn it has the call placed, which is known by its handle and the ticket, until
an agent takes it. A ticket ends once: with the talk, given up by the distributor, or dropped by people.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

import structlog

from offhook.carriers.call_out import CallOut, NotNowError
from offhook.carriers.call_target import keyed_number
from offhook.carriers.checked_call import checked_call
from offhook.process.queue_file import KeptCallBack
from offhook.process.queue_reports import CallBackRefused, CallBackStep, QueueReports
from offhook.queues.asked import AskedNumbers
from offhook.queues.distributor import Distributor
from offhook.queues.members import LEAVES_S
from offhook.queues.messages import CallBack, WantCallBack
from offhook.queues.orders import QueueEnd
from offhook.settings.config import Config
from offhook.settings.queues import NotInQueuesError
from offhook.settings.routes import dialled_number
from offhook.usererror import UserError

_NO_LONGER = "the queue calls back no longer"


class Placer(Protocol):
    """Places calls."""

    async def place(self, wanted: CallOut) -> str:
        """Begin a call; returns its id. Raises UserError, NotNowError."""

    def hang_up(self, call: str, why: str = "") -> bool:
        """End a call; False if there is none."""


class CallBacks:
    """All of a bot. What the distributor wants then, and the file, are its owner's."""

    def __init__(self, config: Config, calls_out: Placer, distributor: Distributor, reports: QueueReports) -> None:
        self._config = config
        self._calls_out = calls_out
        self._distributor = distributor
        self._reports = reports
        self._loop = asyncio.get_running_loop()
        self._kept: dict[str, KeptCallBack] = {}
        self._calls: dict[str, str] = {}
        """The ticket of each call-back that is being made, or that waits."""
        self._placing: dict[str, object] = {}  # the attempt at each ticket
        self._asking: dict[str, str] = {}  # the ticket of each call that has asked for one, until it is over
        self._gone: dict[str, asyncio.Event] = {}  # by these tickets
        self._asked = AskedNumbers()
        self._log = structlog.get_logger("offhook.queues")

    @property
    def kept(self) -> tuple[KeptCallBack, ...]:
        """Who is to be called back, in their order, as it may be written: where no words are kept, without those for
        the agent."""
        kept = self._kept.values()
        if self._config.records.transcripts:
            return tuple(kept)
        return tuple(replace(each, wish=replace(each.wish, summary="")) for each in kept)

    def restore(self, left: Iterable[KeptCallBack], now: float) -> None:
        """Go on with what an earlier process has left."""
        for kept in left:
            age_s = time.time() - kept.at_s
            if self._distributor.restore_call_back(kept.ticket, kept.queue, now, age_s=age_s, tries=kept.tries):
                self._kept[kept.ticket] = kept
                self._asked.has(kept.name, now)
            else:
                self._log.info("called back no more", ticket=kept.ticket)
                self._reports.call_back(kept, CallBackStep.GIVEN_UP)

    # --- of calls

    def want(self, message: WantCallBack, now: float) -> bool:
        """Whether a caller leaves the line for one."""
        call, trunk = message.call, self._config.trunks.get(message.trunk)
        wish = message.wish if trunk is None else replace(message.wish, number=keyed_number(message.wish.number, trunk))
        queue, about = self._distributor.queue_of(call), self._reports.about(call)
        kept = KeptCallBack(uuid4().hex, queue, message.trunk, "", wish, time.time(), about=about)
        try:
            target, *_ = checked_call(_call_out(kept, 30.0), self._config)
        except UserError as error:
            self._refuse(kept, call, CallBackRefused.NOT_LISTED, str(error))
            return False
        return self._keeps(call, replace(kept, name=target.name), now)

    def answered(self, ticket: str, call: str, now: float) -> bool:
        """They are in the queue with the call to them. False: they are not to be called back any more."""
        kept = self._kept.get(ticket)
        is_there = self._distributor.call_back_answered(ticket, call, now)
        if is_there and kept is not None:
            self._reports.call_back(kept, CallBackStep.REACHED, call)
        return is_there

    def moved(self, call: str, to: str) -> None:
        """A call has another handle now."""
        for tickets in (self._calls, self._asking):
            if (ticket := tickets.pop(call, None)) is not None:
                tickets[to] = ticket

    def left(self, call: str) -> None:
        """The wait of a call is over, or an agent has it; of one that is none nothing is known."""
        self._done(self._calls.get(call, ""))

    def hung_up(self, call: str) -> None:
        """Who asked in this call is on the line no longer."""
        if (ticket := self._asking.pop(call, None)) is not None:
            self._gone.pop(ticket).set()

    def failed(self, call: str, now: float) -> None:
        """This call to somebody is over; once they are in the queue that says nothing."""
        self._distributor.call_back_failed(self._calls.pop(call, ""), now)

    # --- for the distributor

    async def place(self, ticket: str, ring_s: float) -> None:
        """Call them, once they are on the line no longer."""
        kept = self._kept.get(ticket)
        if kept is None:
            return
        attempt = self._placing[ticket] = object()
        if (gone := self._gone.get(ticket)) is not None:  # their line would be busy
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVES_S):
                    await gone.wait()
        if self._placing.get(ticket) is not attempt:
            return
        try:
            call = await self._calls_out.place(_call_out(kept, ring_s))
        except (UserError, NotNowError) as error:
            self._log.warning("the call-back cannot be placed", ticket=ticket, why=str(error))
            if self._placing.get(ticket) is attempt:
                tried = not isinstance(error, NotNowError)
                self._distributor.call_back_failed(ticket, self._loop.time(), tried=tried)
        else:
            self._placed(ticket, call, is_wanted=self._placing.get(ticket) is attempt)

    def hang_up(self, ticket: str) -> None:
        """End the call to them."""
        self._placing.pop(ticket, None)
        for call in [call for call, its in self._calls.items() if its == ticket]:
            self._calls.pop(call)
            self._calls_out.hang_up(call, _NO_LONGER)

    def give_up(self, ticket: str) -> None:
        """They are called no more."""
        self._log.info("called back no more", ticket=ticket)
        if (kept := self._kept.get(ticket)) is not None:
            self._reports.call_back(kept, CallBackStep.GIVEN_UP)
        self._done(ticket)

    # --- for people

    def drop(self, number: str) -> int:
        """Call nobody back at a number, as `dump` has it, and nobody who has asked for it from there; how many there
        were. Raises NotInQueuesError, also for who is on the line already."""
        wanted, asker = number.removeprefix("tel:").replace(" ", ""), _bare(number)
        asked = [
            each
            for each in self._kept.values()
            if wanted in (each.name, each.name.removeprefix("+")) or (asker and asker == _bare(caller_of(each.about)))
        ]
        found = [each for each in asked if self._distributor.state_of(each.ticket) is not None]
        if not found:
            what, why = f"nobody is to be called back at `{number[:80]}`", "no queue has this number"
            raise NotInQueuesError(what, "they are on the line" if asked else why, "offhook queue")
        for each in found:
            self._distributor.leave(each.ticket, self._loop.time())
            self._done(each.ticket)
            self._reports.call_back(each, CallBackStep.DROPPED)
        self._log.info("called back no more", dropped=len(found))
        return len(found)

    def name_of(self, ticket: str) -> str | None:
        """The number at which somebody is to be called back; None: nobody is by this ticket."""
        kept = self._kept.get(ticket)
        return None if kept is None else kept.name

    def dump(self) -> list[dict[str, object]]:
        """As plain values."""
        return [
            {"queue": each.queue, "number": each.name, "trunk": each.trunk, "tries": each.tries}
            for each in self._kept.values()
        ]

    # --- inside

    def _keeps(self, call: str, kept: KeptCallBack, now: float) -> bool:
        """There is one for each number: the oldest."""
        if self._distributor.place_of(call) is None:
            return False
        if any(each.queue == kept.queue and each.name == kept.name for each in self._kept.values()):
            self._distributor.leave(call, now, QueueEnd.CALL_BACK, rings=True)
            return True
        if not self._asked.may_have(kept.name, now):
            self._refuse(kept, call, CallBackRefused.TOO_OFTEN, "it was done too often today")
            return False
        if not self._distributor.want_call_back(call, kept.ticket, now):
            self._refuse(kept, call, CallBackRefused.FULL, "`max_call_backs` are to be called back")
            return False
        self._asked.has(kept.name, now)
        self._kept[kept.ticket] = kept
        self._asking[call], self._gone[kept.ticket] = kept.ticket, asyncio.Event()
        self._log.info("to be called back", call=call, queue=kept.queue, ticket=kept.ticket)
        self._reports.pass_on(self._distributor)  # that the caller has left comes first
        self._reports.call_back(kept, CallBackStep.WANTED)
        return True

    def _refuse(self, kept: KeptCallBack, call: str, reason: CallBackRefused, why: str) -> None:
        self._log.warning("nobody can be called back there", call=call, why=why)
        self._reports.call_back_refused(kept.queue, reason)

    def _placed(self, ticket: str, call: str, *, is_wanted: bool) -> None:
        kept = self._kept.get(ticket)
        if kept is None or not is_wanted:
            self._calls_out.hang_up(call, _NO_LONGER)
            return
        self._log.info("calling back", ticket=ticket, call=call)
        self._calls[call] = ticket
        kept = self._kept[ticket] = replace(kept, tries=kept.tries + 1)
        self._reports.call_back(kept, CallBackStep.PLACED, call)

    def _done(self, ticket: str) -> None:
        """The call-back is no longer wanted."""
        self._kept.pop(ticket, None)
        self._placing.pop(ticket, None)


def caller_of(about: Mapping[str, object]) -> str:
    """Who talks with the bot, of what every event of a call has; empty: that is not known."""
    return str(about.get("dst" if about.get("direction") == "outbound" else "src", ""))


def _bare(address: str) -> str:
    """Its number, without the plus sign that some trunks leave out."""
    return dialled_number(address).removeprefix("+")


def _call_out(kept: KeptCallBack, ring_s: float) -> CallOut:
    # A caller has entered the number: only listed ones are called.
    back = CallBack(kept.ticket, kept.queue, kept.wish)
    return CallOut(kept.wish.number, trunk=kept.trunk or None, ring_s=ring_s, by_others=True, call_back=back)
