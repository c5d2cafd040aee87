"""Runs a Dial: its numbers ring, and the caller comes back when the call with the one that answered is over. Or the
caller is an agent, who takes the next caller of a queue."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from offhook.api.call_ended import CallEnded
from offhook.api.taken import TakeEnd
from offhook.transfer.outcome import OnlyReferError, TransferError, TransferFailure, TransferMode, Transferred
from offhook.twiml.dial import Dial, Noun
from offhook.twiml.errors import INTERNAL
from offhook.twiml.parameters import call_sid, sid
from offhook.twiml.running import End, Next, Result, RunningCall
from offhook.usererror import UserError

_STATUS = {
    TransferFailure.BUSY: "busy",
    TransferFailure.DECLINED: "busy",
    TransferFailure.NO_ANSWER: "no-answer",
}
"""DialCallStatus, and CallStatus; of all else it is failed."""

COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class _Dialled:
    """What became of calls: `who` has answered, or was called last, by the call `sid`."""

    status: str
    who: str = ""
    sid: str = ""
    talked_s: float = 0.0
    over: bool = False  # the caller has left the bot

    @property
    def parameters(self) -> dict[str, str]:
        """Of the action's request."""
        found = {"DialCallStatus": self.status, **({"DialCallSid": self.sid} if self.sid else {})}
        if self.status == COMPLETED:
            found |= {"DialCallDuration": str(round(self.talked_s)), "DialBridged": "true"}
        return found


async def dial(running: RunningCall, verb: Dial) -> Result:
    """Connect the caller. Raises CallEnded, of which the action is told."""
    call = running.call
    if verb.queue:
        dialled = await _taken(running, verb)
        return None if verb.action is None else Next(verb.action, verb.method, dialled.parameters)
    dialled = _Dialled("failed")
    for nouns in [(each,) for each in verb.nouns] if verb.sequential else [verb.nouns]:
        if not nouns:
            continue
        dialled = await _dialled(running, verb, nouns)
        if dialled.over:
            return End(f"transferred to {dialled.who}")
        if dialled.status == COMPLETED:
            break
    if not call.answered:
        await call.answer()
    return None if verb.action is None else Next(verb.action, verb.method, dialled.parameters)


async def _dialled(running: RunningCall, verb: Dial, nouns: tuple[Noun, ...]) -> _Dialled:
    progress = _Progress(running, nouns)
    try:
        try:
            transferred = await _transfer(running, verb, nouns, "bridge", progress)
        except OnlyReferError:
            # Twilio connects the callers of its streams itself, to one number, and the bot is out.
            transferred = await _transfer(running, verb, nouns[:1], None, progress)
    except CallEnded:
        dialled = progress.caller_gone()
        if dialled is not None and verb.action is not None:
            running.tell(verb.action, verb.method, dialled.parameters, over=True)
        raise
    except UserError as error:
        reason = error.reason if isinstance(error, TransferError) else TransferFailure.NOT_POSSIBLE
        to = ", ".join(each.address for each in nouns)
        running.log.warning("not connected", to=to, why=error.problems[0].why, todo=error.problems[0].todo)
        status = _STATUS.get(reason, "failed")
        progress.not_taken(status)
        return _Dialled(status, nouns[-1].address, progress.sid(nouns[-1].address))
    progress.over(transferred.talked_s)
    target, talked_s = transferred.target, transferred.talked_s
    return _Dialled(COMPLETED, target, progress.sid(target), talked_s, over=not transferred.returned)


async def _taken(running: RunningCall, verb: Dial) -> _Dialled:
    """Connect an agent, who is in this call, to the next caller of a queue. Raises CallEnded, of which the action is
    told."""
    call, now = running.call, asyncio.get_running_loop().time
    talks = list[tuple[str, float]]()
    if not call.answered:
        await call.answer()
    try:
        taken = await call.take(
            verb.queue,
            wait_s=verb.timeout_s,
            limit_s=verb.limit_s,
            return_key="*" if verb.hang_up_on_star else None,
            on_caller=lambda caller: talks.append((caller, now())),
        )
    except CallEnded:
        if verb.action is not None:
            dialled = _Dialled("no-answer")
            for caller, began in talks:
                dialled = _Dialled(COMPLETED, caller, call_sid(caller), now() - began)
            running.tell(verb.action, verb.method, dialled.parameters, over=True)
        raise
    except UserError as error:
        running.report(f"error {INTERNAL}", f"nobody is taken from the queue {verb.queue}: {error.problems[0].why}")
        return _Dialled("failed")
    if taken.end is not None:
        return _Dialled("failed" if taken.end is TakeEnd.NOT_POSSIBLE else "no-answer")
    return _Dialled(COMPLETED, taken.caller, call_sid(taken.caller), taken.talked_s)


async def _transfer(
    running: RunningCall, verb: Dial, nouns: tuple[Noun, ...], mode: TransferMode | None, progress: "_Progress"
) -> Transferred:
    return await running.call.transfer(
        [each.address for each in nouns],
        mode=mode,
        ring_s=verb.timeout_s,
        return_key="*" if verb.hang_up_on_star else None,
        limit_s=verb.limit_s,
        on_call=progress.called,
        on_ringing=progress.rings,
        on_answer=progress.answered,
        on_failure=progress.failed,
    )


class _Progress:
    """Tells the status URLs of numbers how their calls go on: what has begun has one end."""

    def __init__(self, running: RunningCall, nouns: tuple[Noun, ...]) -> None:
        self._running = running
        self._nouns = nouns
        self._dial = running.new_dial()
        self._now = asyncio.get_running_loop().time
        self._told = Counter[str]()
        self._called: list[str] = []
        self._ended: set[str] = set()
        self._taken_by = ""
        self._taken_at = 0.0

    def sid(self, address: str) -> str:
        """The CallSid of the call to an address."""
        return sid("CA", f"{self._running.call.id} {self._dial} {address}")

    def called(self, who: str) -> None:
        """The bot calls one of them."""
        self._called.append(who)
        self._tell(who, "initiated", "initiated")

    def rings(self, who: str) -> None:
        """The phone of one of them rings."""
        self._tell(who, "ringing", "ringing")

    def answered(self, who: str) -> None:
        """One of them has the caller."""
        self._taken_by, self._taken_at = who, self._now()
        self._tell(who, "answered", "in-progress")

    def failed(self, who: str, error: TransferError) -> None:
        """One of them could not be called, or did not take the call."""
        self._end(who, _STATUS.get(error.reason, "failed"))

    def not_taken(self, status: str) -> None:
        """Nobody has. It is the status of those of whom nothing else is known."""
        for noun in self._nouns:
            self._end(noun.address, status)

    def over(self, talked_s: float) -> None:
        """The talk is, and so is what rang until it began."""
        for who in self._called:
            if who == self._taken_by:
                self._end(who, COMPLETED, {"CallDuration": str(round(talked_s))})
            else:
                self._end(who, "canceled")

    def caller_gone(self) -> _Dialled | None:
        """The caller has hung up, and all is over. None: nobody was called before."""
        if not self._called:
            return None
        who, talked_s = self._taken_by or self._called[-1], self._now() - self._taken_at
        self.over(talked_s)
        if not self._taken_by:
            return _Dialled("no-answer", who, self.sid(who))
        return _Dialled(COMPLETED, who, self.sid(who), talked_s)

    def _end(self, who: str, status: str, more: dict[str, str] | None = None) -> None:
        if who not in self._ended:
            self._ended.add(who)
            self._tell(who, COMPLETED, status, more)

    def _tell(self, who: str, event: str, status: str, more: dict[str, str] | None = None) -> None:
        running = self._running
        for noun in self._nouns:
            if noun.address != who or not noun.status_url or event not in noun.status_events:
                continue
            about = {
                "CallSid": self.sid(who),
                "ParentCallSid": running.client.call_sid,
                "CallStatus": status,
                "To": who,
                "Called": who,
                "Direction": "outbound-dial",
                "CallbackSource": "call-progress-events",
                "SequenceNumber": str(self._told[who]),
                "Timestamp": format_datetime(datetime.now(UTC)),
            }
            self._told[who] += 1
            running.tell(noun.status_url, noun.status_method, {**about, **(more or {})})
