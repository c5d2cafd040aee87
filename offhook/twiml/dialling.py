"""Runs a Dial: its numbers ring, and the caller comes back when the call with the one that answered is over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from offhook.transfer.outcome import TransferError, TransferFailure, TransferMode, Transferred
from offhook.twiml.dial import Dial, Noun
from offhook.twiml.parameters import sid
from offhook.twiml.running import End, Next, Result, RunningCall
from offhook.usererror import UserError

_STATUS = {
    TransferFailure.BUSY: "busy",
    TransferFailure.DECLINED: "busy",
    TransferFailure.NO_ANSWER: "no-answer",
}
"""DialCallStatus; of all else it is failed."""

COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class _Dialled:
    """`who` has answered, or was called last."""

    status: str
    who: str
    talked_s: float = 0.0
    over: bool = False  # the caller has left the bot


async def dial(running: RunningCall, verb: Dial) -> Result:
    """Connect the caller. Raises CallEnded."""
    call = running.call
    dialled = _Dialled("failed", "")
    for nouns in [(each,) for each in verb.nouns] if verb.sequential else [verb.nouns]:
        dialled = await _dialled(running, verb, nouns)
        if dialled.over:
            return End(f"transferred to {dialled.who}")
        if dialled.status == COMPLETED:
            break
    if not call.answered:
        await call.answer()
    if verb.action is None:
        return None
    found = {"DialCallStatus": dialled.status, "DialCallSid": _leg_sid(running, dialled.who)}
    if dialled.status == COMPLETED:
        found |= {"DialCallDuration": str(round(dialled.talked_s)), "DialBridged": "true"}
    return Next(verb.action, verb.method, found)


async def _dialled(running: RunningCall, verb: Dial, nouns: tuple[Noun, ...]) -> _Dialled:
    if not nouns:
        return _Dialled("failed", "")
    progress = _Progress(running, nouns)
    try:
        try:
            transferred = await _transfer(running, verb, nouns, "bridge", progress.answered)
        except TransferError as error:
            if error.reason is not TransferFailure.NOT_POSSIBLE:
                raise
            # Twilio connects the callers of its streams itself, to one number, and the bot is out.
            transferred = await _transfer(running, verb, nouns[:1], None, progress.answered)
    except UserError as error:
        reason = error.reason if isinstance(error, TransferError) else TransferFailure.NOT_POSSIBLE
        to = ", ".join(each.address for each in nouns)
        running.log.warning("not connected", to=to, why=error.problems[0].why, todo=error.problems[0].todo)
        status = _STATUS.get(reason, "failed")
        progress.over(status)
        return _Dialled(status, nouns[-1].address)
    progress.over(COMPLETED, transferred)
    return _Dialled(COMPLETED, transferred.target, transferred.talked_s, over=not transferred.returned)


async def _transfer(
    running: RunningCall,
    verb: Dial,
    nouns: tuple[Noun, ...],
    mode: TransferMode | None,
    on_answer: Callable[[str], None],
) -> Transferred:
    return await running.call.transfer(
        [each.address for each in nouns],
        mode=mode,
        ring_s=verb.timeout_s,
        return_key="*" if verb.hang_up_on_star else None,
        limit_s=verb.limit_s,
        on_answer=on_answer,
    )


class _Progress:
    """Tells the status URLs of numbers how their calls go on."""

    def __init__(self, running: RunningCall, nouns: tuple[Noun, ...]) -> None:
        self._running = running
        self._nouns = nouns
        self._told = 0
        for noun in nouns:
            self._tell(noun, "initiated", "initiated")

    def answered(self, who: str) -> None:
        """One of them has answered."""
        for noun in self._nouns:
            if noun.address == who:
                self._tell(noun, "answered", "in-progress")

    def over(self, status: str, transferred: Transferred | None = None) -> None:
        """All calls are: with that status, but those that rang on while another one answered."""
        for noun in self._nouns:
            if transferred is None:
                self._tell(noun, COMPLETED, status)
            elif noun.address == transferred.target:
                self._tell(noun, COMPLETED, status, {"CallDuration": str(round(transferred.talked_s))})
            else:
                self._tell(noun, COMPLETED, "canceled")

    def _tell(self, noun: Noun, event: str, status: str, more: dict[str, str] | None = None) -> None:
        if not noun.status_url or event not in noun.status_events:
            return
        running = self._running
        about = {
            "CallSid": _leg_sid(running, noun.address),
            "ParentCallSid": running.client.call_sid,
            "CallStatus": status,
            "To": noun.address,
            "Called": noun.address,
            "Direction": "outbound-dial",
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._told),
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        self._told += 1
        running.tell(noun.status_url, noun.status_method, {**about, **(more or {})})


def _leg_sid(running: RunningCall, address: str) -> str:
    """The CallSid of the call to an address."""
    return sid("CA", f"{running.call.id} {address}")
