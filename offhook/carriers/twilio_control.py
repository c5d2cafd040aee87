"""Ends and transfers calls in progress over Twilio."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from offhook.carriers.phone_numbers import require_allowed
from offhook.settings.config import TwilioConfig
from offhook.usererror import UserError

if TYPE_CHECKING:
    from offhook.carriers.twilio_rest import TwilioRest


def open_rest(config: TwilioConfig) -> "TwilioRest":
    """The account's REST API. UserError if the settings name no account, or Twilio's package is missing."""
    try:
        module = import_module("offhook.carriers.twilio_rest")
    except ImportError as error:
        raise UserError(
            "Twilio's REST API cannot be used", f"its package is missing: {error}", "pip install 'offhook[twilio]'"
        ) from error
    rest: TwilioRest = module.TwilioRest(config)
    return rest


class TwilioControl:
    """The calls of one account. Loads Twilio's package on first use."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config
        self._rest: TwilioRest | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def transfer(self, call_sid: str, number: str) -> Callable[[], Awaitable[None]]:
        """A coroutine function that connects the call to `number`, and raises UserError if Twilio refuses. UserError
        for a number that is not allowed."""
        require_allowed(number, self._config.transfer_allow)
        rest = self._open()
        return lambda: asyncio.to_thread(rest.transfer, call_sid, number)

    def hang_up(self, call_sid: str) -> None:
        """End the call in the background; a failure is logged."""
        task = asyncio.get_running_loop().create_task(self._hang_up(call_sid))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hang_up(self, call_sid: str) -> None:
        try:
            await asyncio.to_thread(self._open().hang_up, call_sid)
        except UserError as error:
            structlog.get_logger("offhook.call").error("the call could not be ended", call_sid=call_sid, why=str(error))

    def _open(self) -> "TwilioRest":
        if self._rest is None:
            self._rest = open_rest(self._config)
        return self._rest
