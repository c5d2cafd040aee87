"""The calls that the bot places over SIP: who may be called, by which server, and what comes next when that fails.

Theory of operation. There is one for a bot, beside its user agent, and every call out goes by it. `place` decides
whether a call may be placed, and gives it to a worker (`PlaceCall`). A worker that wants to call another party for one
of its calls, to transfer it, sends `LegWanted`, and gets the same (`leg`). The worker makes the offer and sends an
`Invite`, which is completed here. Responses that speak for a server only are not passed on: the next attempt
(`CallAttempts`) has the same handle, so that the worker's call has one outcome. A worker's `Cancel` between two
attempts ends the call here.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import uuid4

import structlog

from offhook.carriers.call_attempts import MAX_RETRY_AFTER_S, SERVICE_UNAVAILABLE, Attempt, CallAttempts
from offhook.carriers.call_out import CallOut, NotNowError
from offhook.carriers.call_target import redirected
from offhook.carriers.checked_call import checked_call
from offhook.carriers.end_reasons import end_reasons
from offhook.carriers.leg_target import leg_redirected, leg_target
from offhook.carriers.outbound_call import FORWARDED
from offhook.carriers.place_call import HangUp, LegRefused, LegWanted, PlaceCall
from offhook.observe.refusals import Refusal
from offhook.process.out_invites import OutInvites, shown
from offhook.process.trunks import Trunks
from offhook.records import EndedBy
from offhook.settings.config import Config
from offhook.sip.commands import Cancel, Command, Invite
from offhook.sip.events import CallAnswered, CallEnded, CallEvent, CallProgress, CallRejected
from offhook.sip.net.endpoint import Endpoint
from offhook.usererror import Problem, UserError

MAX_PAUSE_S = 60
"""A trunk that asks with 503 to be left alone is left alone for as long as it wants, and for no longer than this."""


class OutState(StrEnum):
    """Where a call that the bot places stands."""

    CALLING = "calling"
    RINGING = "ringing"
    EARLY_MEDIA = "early_media"
    WAITING = "waiting"  # the server asked for a pause
    ANSWERED = "answered"
    ENDING = "ending"  # over, and its record is being written


@dataclass(slots=True)
class _Out:
    place: PlaceCall
    attempts: CallAttempts
    state: OutState = OutState.CALLING
    invite: Invite | None = None
    """With the worker's SDP."""
    is_open: bool = False
    """Whether the user agent has an INVITE of it."""
    cancelled: bool = False
    waiting: asyncio.Task[None] | None = None


class CallsOut:
    """All of a bot. `do` executes a command, `send` passes an event to the call's worker, `give` gives a call to the
    worker that wants it, or a new one to any, and returns why that is not possible."""

    def __init__(
        self,
        config: Config,
        trunks: Trunks,
        *,
        do: Callable[[Command], None],
        send: Callable[[str, object], None],
        give: Callable[[PlaceCall], Refusal | None],
    ) -> None:
        self._config = config
        self._trunks = trunks
        self._do = do
        self._send = send
        self._give = give
        self._invites = OutInvites(config, trunks)
        self._calls: dict[str, _Out] = {}
        self._looked_up: dict[str, asyncio.Task[None]] = {}  # those that are being looked up
        self._paused_until: dict[str, float] = {}
        self._log = structlog.get_logger("offhook.calls_out")

    def start(self, endpoint: Endpoint) -> None:
        """The user agent is there."""
        self._invites.endpoint = endpoint

    def __contains__(self, call: object) -> bool:
        return call in self._calls

    async def place(self, wanted: CallOut) -> str:
        """Begin a call; returns its id, which is also its record's. Raises UserError (`ForbiddenError` for numbers that
        may not be called), NotNowError."""
        config = self._config
        target, headers, route = checked_call(wanted, config)
        found = await self._invites.reach(target)
        # From here on nothing waits: what is counted is counted at once.
        self._check_trunk(target.counted_by)
        caller = self._invites.caller(target, wanted.caller, found[0].address)
        place = PlaceCall(
            self._invites.invite(uuid4().hex, target, caller, found[0], headers),
            caller=shown(caller),
            called=target.name if target.trunk else target.uri,
            trunk=target.trunk,
            ring_s=wanted.ring_s or config.outbound.ring_s,
            route=route,
            variables=dict(wanted.variables),
            call_back=wanted.call_back,
        )
        attempts = CallAttempts(target, found, lambda contact, before: redirected(contact, before, config))
        if (refusal := self._begin(place, attempts)) is not None:
            problem = Problem("the call cannot be placed now", refusal.why, "try again in a few seconds")
            raise NotNowError(503, problem, 5)
        return place.call

    def leg(self, wanted: LegWanted) -> None:
        """A worker wants to call another party; it gets `PlaceCall` or `LegRefused`, unless it gives up first."""
        refused = LegRefused(wanted.call, "an error of the bot")
        task = self._looked_up[wanted.call] = self._task(self._place_leg(wanted), refused)
        task.add_done_callback(lambda task: self._looked_up.pop(wanted.call, None))

    async def _place_leg(self, wanted: LegWanted) -> None:
        config = self._config
        try:
            target = leg_target(wanted.to, wanted.trunk, wanted.host, config)
            found = await self._invites.reach(target)
            self._check_trunk(target.counted_by)
            caller = self._invites.caller(target, None, found[0].address)
        except (UserError, NotNowError) as error:
            problem = error.problem if isinstance(error, NotNowError) else error.problems[0]
            self._send(wanted.call, LegRefused(wanted.call, f"{problem.what}: {problem.why}"))
            return
        place = PlaceCall(
            replace(
                self._invites.invite(wanted.call, target, caller, found[0], wanted.headers), part_of=wanted.part_of
            ),
            caller=shown(caller) or wanted.caller,
            called=target.name if target.trunk else target.uri,
            trunk=target.trunk,
            ring_s=wanted.ring_s,
            is_leg=True,
        )
        attempts = CallAttempts(target, found, lambda contact, before: leg_redirected(contact, before, config))
        if (refusal := self._begin(place, attempts)) is not None:
            self._send(wanted.call, LegRefused(wanted.call, f"the call cannot be placed now: {refusal.why}"))

    def hang_up(self, call: str, why: str = "hung up by a program over HTTP") -> bool:
        """End a call; False if there is none."""
        if call not in self._calls:
            return False
        self._send(call, HangUp(call, why))
        return True

    def view(self, call: str) -> dict[str, object] | None:
        """A call in progress as plain values; None if there is none."""
        out = self._calls.get(call)
        if out is None:
            return None
        place = out.place
        return {
            "id": call,
            "state": str(out.state),
            "to": place.called,
            "from": place.caller,
            "trunk": place.trunk or None,
            "outcome": None,
        }

    def released(self, call: str) -> None:
        """The worker has released the call, or is gone: nothing of it goes on."""
        if (leg := self._looked_up.pop(call, None)) is not None:
            leg.cancel()
        out = self._calls.pop(call, None)
        if out is not None and out.waiting is not None:
            out.waiting.cancel()

    def lost(self, call: str) -> bool:
        """The worker is gone: end the call at the far end, unless it was answered. False if that is not done here."""
        out = self._calls.get(call)
        if out is None or out.state is OutState.ANSWERED:
            return False
        if out.is_open:
            self._do(Cancel(call, end_reasons(EndedBy.CRASH, "")))
        return True

    # --- from the worker

    def invite(self, invite: Invite) -> None:
        """The worker's offer: the first attempt begins."""
        out = self._calls.get(invite.call)
        if out is None:
            return
        out.invite = invite
        self._try(out, out.attempts.current)

    def cancel(self, command: Cancel) -> None:
        """The worker gives up."""
        out = self._calls.get(command.call)
        if out is None:
            return
        out.cancelled = True
        if out.waiting is not None:
            out.waiting.cancel()
        if out.is_open:
            self._do(command)

    # --- from the user agent

    def on_event(self, event: CallEvent) -> bool:
        """An event of a call; False if another attempt follows, and the worker need not know of it."""
        out = self._calls.get(event.call)
        if out is None:
            return True
        match event:
            case CallProgress():
                out.attempts.rang()
                out.state = OutState.EARLY_MEDIA if event.sdp else OutState.RINGING
            case CallAnswered():
                out.state = OutState.ANSWERED
            case CallRejected():
                out.is_open = False
                self._note_pause(out, event)
                return not self._tries_again(out, out.attempts.rejected(event), f"{event.status} {event.reason}")
            case CallEnded() if out.state is not OutState.ANSWERED:
                out.is_open = False
                return not self._tries_again(out, out.attempts.failed(), str(event.cause))
            case CallEnded():
                out.state = OutState.ENDING
        return True

    # --- inside

    def _tries_again(self, out: _Out, attempt: Attempt | None, why: str) -> bool:
        if attempt is None or out.cancelled:
            out.state = OutState.ENDING
            return False
        self._log.info(
            "trying again",
            call=out.place.call,
            why=why,
            target=attempt.target.uri,
            address=str(attempt.at[0]) if attempt.at else "",
            after_s=attempt.after_s,
        )
        self._send(out.place.call, CallProgress(out.place.call, FORWARDED, "Call Is Being Forwarded", None))
        if attempt.after_s or not attempt.at:
            out.state = OutState.WAITING
            call = out.place.call
            out.waiting = self._task(self._try_later(out, attempt), CallRejected(call, 500, "an error of the bot"))
        else:
            self._try(out, attempt)
        return True

    async def _try_later(self, out: _Out, attempt: Attempt) -> None:
        await asyncio.sleep(attempt.after_s)
        at = attempt.at
        if not at:
            try:
                at = await self._invites.find(attempt.target)
            except UserError as error:
                problem = error.problems[0]
                self._log.warning("a call is redirected to where it cannot go", call=out.place.call, why=str(error))
                self._send(out.place.call, CallRejected(out.place.call, 302, f"{problem.what}: {problem.why}"))
                return
        out.waiting = None
        self._try(out, replace(attempt, at=at))

    def _task(self, work: Coroutine[object, object, None], failure: LegRefused | CallRejected) -> asyncio.Task[None]:
        """What goes on while others do; should it fail, the worker that waits for it gets `failure`."""

        def over(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._log.error("a call could not go on", call=failure.call, exc_info=error)
                self._send(failure.call, failure)

        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(over)
        return task

    def _try(self, out: _Out, attempt: Attempt) -> None:
        if out.invite is None or not attempt.at:
            return
        out.state = OutState.CALLING
        out.is_open = True
        first, *others = attempt.at
        if self._invites.is_ours(attempt.target):
            # The user agent finds them, and goes through their contacts.
            self._do(replace(out.invite, target=attempt.target.uri, destination=None, transport=first.transport))
            return
        self._do(
            replace(
                out.invite,
                target=attempt.target.uri,
                destination=first,
                others=tuple(others),
                transport=first.transport,
            )
        )

    def _note_pause(self, out: _Out, event: CallRejected) -> None:
        """RFC 3261 §21.5.4: no other request goes to a server before its Retry-After is over."""
        if event.status == SERVICE_UNAVAILABLE and out.place.trunk and (event.retry_after_s or 0) > MAX_RETRY_AFTER_S:
            pause_s = min(event.retry_after_s or 0, MAX_PAUSE_S)
            self._paused_until[out.place.trunk] = self._now() + pause_s
            self._log.warning("the trunk asks for a pause", trunk=out.place.trunk, seconds=pause_s)

    def _check_trunk(self, name: str) -> None:
        if not name:
            return
        left_s = self._paused_until.get(name, 0.0) - self._now()
        if left_s > 0:
            why = "it answered 503, with the time after which it may be called again"
            problem = Problem(f"the trunk {name} asks for a pause", why, f"try again in {round(left_s) + 1} s")
            raise NotNowError(503, problem, round(left_s) + 1)
        if (refusal := self._trunks.sources.refusal(name, self._now())) is not None:
            todo = f"try again later, or `calls_at_once` and `calls_per_second` below `[trunks.{name}]`"
            raise NotNowError(429, Problem(f"the trunk {name} takes no more calls now", refusal.why, todo), 1)

    def _begin(self, place: PlaceCall, attempts: CallAttempts) -> Refusal | None:
        self._calls[place.call] = _Out(place, attempts)
        if (refusal := self._give(place)) is not None:
            self._calls.pop(place.call, None)  # it may have been released meanwhile
        elif trunk := attempts.current.target.counted_by:
            self._trunks.sources.taken(place.call, trunk, self._now())
        return refusal

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
