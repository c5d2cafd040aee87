"""One outbound call over Twilio, from the request to its outcome."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from offhook.api.call import Dialog
from offhook.calls.outcome import OutcomeReason
from offhook.carriers.phone_numbers import require_number
from offhook.carriers.placed_call import CallOutcome
from offhook.carriers.twilio_control import open_rest
from offhook.engines.engine_set import EngineSet
from offhook.process.lifespan import Lifespan
from offhook.process.local_bot import LocalBot
from offhook.process.messages import MakeEngines
from offhook.records import CallClock, CallRecord, Disposition, EndedBy
from offhook.settings.config import Config
from offhook.telephony.media_streams.call_status import COMPLETED, is_final
from offhook.usererror import UserError

if TYPE_CHECKING:
    from offhook.carriers.twilio_rest import TwilioRest

RING_S = 60
"""How long Twilio lets the call ring."""
ASK_AFTER_S = 15.0
"""How long after that to poll Twilio, in case its callbacks do not reach us."""
ASK_TIMES = 4
"""Failed polls in a row before giving up."""
SCHEME = "twilio:"
TRANSPORT = "ws"

_REASONS = {
    COMPLETED: OutcomeReason.ANSWERED,
    "busy": OutcomeReason.BUSY,
    "no-answer": OutcomeReason.NO_ANSWER,
    "canceled": OutcomeReason.CANCELLED,
}
_DISPOSITIONS = {"busy": Disposition.BUSY, "no-answer": Disposition.NO_ANSWER, "canceled": Disposition.NO_ANSWER}


def number_of(address: str) -> str | None:
    """The number of `twilio:+15551234567`; None for what is not called over Twilio. UserError."""
    if not address.startswith(SCHEME):
        return None
    require_number(address.removeprefix(SCHEME))
    return address.removeprefix(SCHEME)


async def place_call(
    config: Config,
    dialog: Dialog,
    number: str,
    *,
    detect_machine: bool = False,
    ring_s: int = RING_S,
    lifespan: Lifespan | None = None,
    engines: MakeEngines = EngineSet,
) -> CallOutcome:
    """Serve, have Twilio call `number` and connect it to us, and wait for the end. Raises UserError, EngineError."""
    rest = open_rest(config.twilio)
    bot = LocalBot(config, dialog, lifespan=lifespan, engines=engines)
    statuses = CallStatus()
    bot.on_call_status = statuses.on_status
    try:
        await bot.start()
        clock = CallClock.started(monotonic())
        sid = await _dial(rest, number, ring_s, detect_machine)
        log = structlog.get_logger("offhook.outbound").bind(call_sid=sid)
        log.info("calling")
        status = None
        try:
            status = await _final_status(rest, statuses, bot, sid, ring_s)
        finally:
            if status is None:
                # Cancelled: it must not go on ringing for a bot that is gone.
                await _cancel(rest, sid)
        await bot.idle()
        record = _record_of(bot, sid)
        if record is None:
            record = _unanswered_record(config, clock, number, sid, status)
            await asyncio.wrap_future(bot.store.finish(record))
        log.info("the call is over", status=status)
        return CallOutcome(sid, _REASONS.get(status, OutcomeReason.FAILED), status, record)
    finally:
        await bot.stop()


async def _dial(rest: "TwilioRest", number: str, ring_s: int, detect_machine: bool) -> str:
    dialing = asyncio.ensure_future(asyncio.to_thread(rest.dial, number, ring_s=ring_s, detect_machine=detect_machine))
    try:
        return await asyncio.shield(dialing)
    except asyncio.CancelledError:
        # Twilio may have placed the call before we know its SID, and would let it ring for a bot that is gone.
        with suppress(UserError):
            await _cancel(rest, await dialing)
        raise


def _record_of(bot: LocalBot, sid: str) -> CallRecord | None:
    return next((each for each in bot.store.calls() if each.call_id == sid), None)


async def _final_status(rest: "TwilioRest", statuses: "CallStatus", bot: LocalBot, sid: str, ring_s: int) -> str:
    status = await statuses.final(sid, ring_s + ASK_AFTER_S)
    failures = 0
    while status is None:
        # Our address may be wrong: then no callback arrives, and the call may still be up.
        try:
            asked = await asyncio.to_thread(rest.status, sid)
            failures = 0
        except UserError as error:
            failures += 1
            log = structlog.get_logger("offhook.outbound")
            log.warning("Twilio does not report the call's status", call_sid=sid, why=str(error))
            if failures == ASK_TIMES:
                await bot.idle()  # let a call in progress finish
                if _record_of(bot, sid) is None:
                    raise
                return COMPLETED
            asked = ""
        status = asked if is_final(asked) else await statuses.final(sid, ASK_AFTER_S)
    return status


async def _cancel(rest: "TwilioRest", sid: str) -> None:
    try:
        await asyncio.to_thread(rest.hang_up, sid)
    except UserError as error:
        structlog.get_logger("offhook.outbound").error("the call could not be ended", call_sid=sid, why=str(error))


class CallStatus:
    """The final statuses of calls, as Twilio reports them."""

    def __init__(self) -> None:
        self._final: dict[str, str] = {}
        self._changed = asyncio.Event()

    def on_status(self, call_sid: str, status: str) -> None:
        """Called by the webhook."""
        if is_final(status):
            self._final.setdefault(call_sid, status)
            self._changed.set()

    async def final(self, call_sid: str, within_s: float) -> str | None:
        """The final status; None if there is none within the time."""
        try:
            async with asyncio.timeout(within_s):
                while call_sid not in self._final:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None
        return self._final[call_sid]


def _unanswered_record(config: Config, clock: CallClock, number: str, sid: str, status: str) -> CallRecord:
    """The record of a call that was never answered."""
    record = CallRecord.begun(
        clock, src=config.twilio.number or "", dst=number, call_id=sid, direction="outbound", transport=TRANSPORT
    )
    return record.ended(
        clock,
        monotonic(),
        answered_now=None,
        ended_by=EndedBy.NETWORK,
        end_reason=f"the call was not answered: {status}",
        disposition=_DISPOSITIONS.get(status, Disposition.FAILED),
    )
