"""One outbound call over SIP, from the request to its outcome, by a bot that is there for this call only."""

import asyncio
from contextlib import suppress

from offhook.api.call import Dialog
from offhook.calls.outcome import OutcomeReason
from offhook.carriers.call_out import CallOut, NotNowError
from offhook.carriers.checked_call import checked_call
from offhook.carriers.placed_call import CallOutcome
from offhook.engines.engine_set import EngineSet
from offhook.process.lifespan import Lifespan
from offhook.process.local_bot import LocalBot
from offhook.process.messages import MakeEngines
from offhook.settings.config import Config
from offhook.usererror import UserError

LAST_S = 5.0
"""For the end of a call that is given up."""


async def place_sip_call(
    config: Config,
    dialog: Dialog,
    wanted: CallOut,
    *,
    own_port: bool = False,
    lifespan: Lifespan | None = None,
    engines: MakeEngines = EngineSet,
) -> CallOutcome:
    """Place the call, talk, and wait for its end. `own_port`: with the SIP port of the settings, else with any free
    one, since a bot that serves may have that. Raises UserError, EngineError."""
    checked_call(wanted, config)  # before anything is started
    bot = LocalBot(for_one_call(config, own_port=own_port), dialog, lifespan=lifespan, engines=engines)
    try:
        await bot.start()
        try:
            call = await bot.calls_out.place(wanted)
        except NotNowError as error:
            raise UserError.of([error.problem]) from error
        try:
            await bot.idle()
        except asyncio.CancelledError:
            # It must not go on ringing for a bot that is gone.
            bot.calls_out.hang_up(call)
            with suppress(TimeoutError):
                await asyncio.wait_for(bot.idle(), LAST_S)
            raise
        await asyncio.to_thread(bot.store.flush)
        record = await asyncio.to_thread(bot.store.call, call)
    finally:
        await bot.stop()
    if record is None:
        raise UserError("the call left no record", "the disk or the database refuses it", "see the log for why")
    reason = OutcomeReason(record.outcome or OutcomeReason.FAILED)
    status = record.end_reason if reason is not OutcomeReason.ANSWERED else "200 OK"
    return CallOutcome(record.call_id, reason, status or "", record)


def for_one_call(config: Config, *, own_port: bool) -> Config:
    """The settings of a bot that only places a call: it registers nowhere, which would take the calls of the bot that
    serves; and it takes no ports that are that bot's."""
    update: dict[str, object] = {
        "http": config.http.model_copy(update={"enabled": False}),
        "trunks": {name: trunk.model_copy(update={"registration": False}) for name, trunk in config.trunks.items()},
    }
    if not own_port:
        update["sip"] = config.sip.model_copy(update={"port": 0, "advertised_port": None, "tls_port": 0})
    return config.model_copy(update=update)
