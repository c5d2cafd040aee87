"""Runs a Dial: the numbers are tried one after the other, and the caller comes back when that call is over."""

from dataclasses import dataclass

from offhook.transfer.outcome import TransferError, TransferFailure, TransferMode, Transferred
from offhook.twiml.dial import Dial
from offhook.twiml.parameters import sid
from offhook.twiml.running import End, Next, Result, RunningCall
from offhook.usererror import UserError

_STATUS = {
    TransferFailure.BUSY: "busy",
    TransferFailure.DECLINED: "busy",
    TransferFailure.NO_ANSWER: "no-answer",
}
"""DialCallStatus; of all else it is failed."""


@dataclass(frozen=True, slots=True)
class _Dialled:
    status: str
    talked_s: float = 0.0
    over: bool = False  # the caller has left the bot


async def dial(running: RunningCall, verb: Dial) -> Result:
    """Connect the caller. Raises CallEnded."""
    call = running.call
    dialled = _Dialled("failed")
    for target in verb.targets:
        dialled = await _dialled(running, verb, target)
        if dialled.over:
            return End(f"transferred to {target}")
        if dialled.status == "completed":
            break
    if not call.answered:
        await call.answer()
    if verb.action is None:
        return None
    found = {"DialCallStatus": dialled.status, "DialCallSid": sid("CA", f"{call.id} {' '.join(verb.targets)}")}
    if dialled.status == "completed":
        found |= {"DialCallDuration": str(round(dialled.talked_s)), "DialBridged": "true"}
    return Next(verb.action, verb.method, found)


async def _dialled(running: RunningCall, verb: Dial, target: str) -> _Dialled:
    try:
        try:
            transferred = await _transfer(running, verb, target, "bridge")
        except TransferError as error:
            if error.reason is not TransferFailure.NOT_POSSIBLE:
                raise
            # Twilio connects the callers of its streams itself, and the bot is out.
            transferred = await _transfer(running, verb, target, None)
    except UserError as error:
        reason = error.reason if isinstance(error, TransferError) else TransferFailure.NOT_POSSIBLE
        running.log.warning("not connected", to=target, why=error.problems[0].why, todo=error.problems[0].todo)
        return _Dialled(_STATUS.get(reason, "failed"))
    return _Dialled("completed", transferred.talked_s, over=not transferred.returned)


async def _transfer(running: RunningCall, verb: Dial, target: str, mode: TransferMode | None) -> Transferred:
    key = "*" if verb.hang_up_on_star else None
    return await running.call.transfer(target, mode=mode, ring_s=verb.timeout_s, return_key=key, limit_s=verb.limit_s)
