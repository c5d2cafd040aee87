"""Refreshes of a session that are refused: PJSIP sends each once, and then lets the session come to its end (RFC 4028).

Theory of operation. PJSIP reports our INVITEs and UPDATEs as they go out, with the session interval that they ask for,
and their answers. Where one that was to refresh the session is refused, a re-INVITE of what is valid anyway follows
(`send`, which is `_frames.refresh`), until one is answered by 2xx: that has PJSIP's timers begin anew. Before that they
end the call when the session is over, so nothing is counted here. What waits knows a call by its handle and dialog: the
object must not outlive PJSIP's library.
"""

import asyncio
from collections.abc import Callable
from random import random
from typing import Any

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.messages import last_message, message_of
from offhook.carriers.pjsua2.objects import PjCall
from offhook.sip.dialog.model import DialogId
from offhook.sip.dialog.overlap import pause_s
from offhook.sip.dialog.session_tables import SessionTimerName, session_durations
from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.message.session_expires import Refresher
from offhook.sip.settings import UaSettings

BUSY_S = 1.0
"""Between two looks at whether another offer is still in progress."""
AT_MOST = UaSettings().reinvite_attempts
"""So often one that has met another offer is sent again soon."""
ENDS_CALL = (408, 481)
"""PJSIP sends a BYE by itself (RFC 3261 §12.2.1.2)."""
log = structlog.get_logger("offhook.pjsip")


def interval_s(text: str) -> int:
    """The session interval that our request would begin anew; 0: it is no refresh, or the far end is to refresh."""
    try:
        request = message_of(text)
        asked = typed.session_expires(request) if isinstance(request, Request) else None
    except ParseError:
        return 0
    return asked.interval_s if asked is not None and asked.refresher is Refresher.UAC else 0


def again_s(
    response: Response | None, interval: int, refused: int, *, owns_call_id: bool, chance: Callable[[], float] = random
) -> float:
    """How long to wait after a refresh was refused by that response (None: it could not be sent), `refused` times in a
    row. For the others see `sip.dialog.overlap`."""
    soon = None
    if response is not None and refused <= AT_MOST:
        soon = pause_s(response, owns_call_id=owns_call_id, chance=chance)
    return soon if soon is not None else float(session_durations(interval)[SessionTimerName.AGAIN] or BUSY_S)


class Refreshes:
    """Those of `calls`. `send` sends one in that dialog, or returns False: not now."""

    def __init__(self, calls: LiveCalls, send: Callable[[DialogId], bool]) -> None:
        self._calls = calls
        self._send = send

    def on_offer(self, call: PjCall, what: Any) -> None:
        """Our INVITE or UPDATE was sent, or has its answer."""
        event = what.e.body.tsxState
        status = int(event.tsx.statusCode)
        if not call.confirmed or call.released:
            return
        if event.tsx.state == pj.PJSIP_TSX_STATE_CALLING:
            call.refreshed_s = interval_s(event.tsx.lastTx.wholeMsg)
        elif event.tsx.state >= pj.PJSIP_TSX_STATE_COMPLETED > event.prevState:
            if status >= 300:
                self._refused(call, status, last_message(pj, what.e))
            elif status >= 200:
                self._stop(call)
                call.refused = 0

    def _refused(self, call: PjCall, status: int, message: Request | Response | None) -> None:
        self._stop(call)
        if not call.refreshed_s or status in ENDS_CALL:
            return
        call.refused += 1
        response = message if isinstance(message, Response) else None
        wait_s = again_s(response, call.refreshed_s, call.refused, owns_call_id=not call.is_inbound)
        log.info("a refresh of the session was refused", call=call.handle, status=status, again_s=round(wait_s, 2))
        self._wait(call, wait_s)

    def _wait(self, call: PjCall, seconds: float) -> None:
        call.again = asyncio.get_running_loop().call_later(seconds, self._again, call.handle, call.dialog_id)

    def _again(self, handle: str, dialog_id: DialogId) -> None:
        call = self._calls.get(handle)
        if call is None or call.released or call.dialog_id != dialog_id:
            return
        call.again = None
        if not self._send(dialog_id) and call.again is None:  # else what could not be sent was reported meanwhile
            self._wait(call, BUSY_S)

    @staticmethod
    def _stop(call: PjCall) -> None:
        if call.again is not None:
            call.again.cancel()
            call.again = None
