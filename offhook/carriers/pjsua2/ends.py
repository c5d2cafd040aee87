"""How calls over PJSIP end: once each, by whatever means it comes to light."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pjsua2 as pj

from offhook.carriers.pjsua2.commands import options_of
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.objects import PjCall
from offhook.carriers.pjsua2.requests import Requests
from offhook.sip.events import CallEnded, EndCause, Event

ACK_S = 33.0
"""After an answer. PJSIP waits for 32 s (RFC 3261 §13.3.1.4), and then as long again for an answer to its BYE."""
REQUEST_TIMEOUT = 408


class Ends:
    """Those of `calls`. What waits here knows a call by its handle: the object must not outlive PJSIP's library."""

    def __init__(self, calls: LiveCalls, requests: Requests, on_event: Callable[[Event], None]) -> None:
        self._calls = calls
        self._requests = requests
        self._on_event = on_event

    def over(self, call: PjCall, event: Event) -> None:
        """The one place where a call ends. `event` is reported, unless the call was released before."""
        self._requests.over(call)
        self._calls.over(call)
        if not call.released:
            call.released = True
            self._on_event(event)

    def execute(self, call: PjCall, step: Callable[[], None]) -> None:
        """Have PJSIP do something with a call, which may end it. Raises PJSIP's error."""
        try:
            step()
        except pj.Error:
            if not call.isActive():  # PJSIP has ended it without a word
                self.over(call, CallEnded(call.handle, EndCause.TRANSPORT))
            raise

    def hang_up(self, handle: str, status: int) -> None:
        """End it, if it is there."""
        if (call := self._calls.get(handle)) is not None:
            with suppress(pj.Error):  # it is over
                self.execute(call, partial(call.hangup, options_of(status)))

    def turn_away(self, call: PjCall, status: int) -> None:
        """Refuse a call that has just come in, of which nobody has heard."""
        call.released = True
        # Not now: PJSIP ends its process where a call is refused from within its report of it.
        asyncio.get_running_loop().call_soon(self.hang_up, call.handle, status)

    def expect_ack(self, call: PjCall) -> None:
        """It was answered: end it if that is never acknowledged."""
        asyncio.get_running_loop().call_later(ACK_S, self._check_ack, call.handle)

    def _check_ack(self, handle: str) -> None:
        call = self._calls.get(handle)
        if call is not None and not call.confirmed:
            self.hang_up(handle, REQUEST_TIMEOUT)
