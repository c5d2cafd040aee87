"""What PJSIP reports of its calls and accounts: where it goes to, and the events of `sip` that come of it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2.accounts import Accounts
from offhook.carriers.pjsua2.call_lines import CallLines
from offhook.carriers.pjsua2.commands import SERVER_ERROR
from offhook.carriers.pjsua2.ends import Ends
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.messages import allowed, end_of, from_info, incoming_of, last_message, refused
from offhook.carriers.pjsua2.objects import PjAccount, PjCall
from offhook.carriers.pjsua2.refreshes import Refreshes
from offhook.carriers.pjsua2.requests import Requests
from offhook.carriers.pjsua2.transferor import progress
from offhook.sip.errors import ParseError
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    EarlyMediaConfirmed,
    EndCause,
    Event,
)
from offhook.sip.message.message import Response

FORBIDDEN = 403
log = structlog.get_logger("offhook.pjsip")


class Reports:
    """An `Owner` of PJSIP's objects. For `on_event` and `count_refused` see `PjsuaUserAgent`."""

    def __init__(
        self,
        calls: LiveCalls,
        accounts: Accounts,
        requests: Requests,
        lines: CallLines,
        ends: Ends,
        refreshes: Refreshes,
        on_event: Callable[[Event], None],
        count_refused: Callable[[int], None],
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._requests = requests
        self._lines = lines
        self._ends = ends
        self._refreshes = refreshes
        self._on_event = on_event
        self._count_refused = count_refused

    def on_incoming(self, account: PjAccount, what: Any) -> None:
        """An INVITE has come."""
        handle = uuid4().hex
        call = PjCall(self, account, handle, what.callId)
        self._calls.add(call)
        try:
            event = incoming_of(handle, what.rdata.wholeMsg, what.rdata.srcAddress, self._requests.replaced)
            call.meant, call.may_send = frozenset((event.source.host,)), event.proven
            self._on_event(event)
        except ParseError as error:
            log.info("an INVITE cannot be read", why=str(error))
            self._count_refused(error.status)
            self._ends.turn_away(call, error.status)
        except Exception:
            self._count_refused(SERVER_ERROR)
            self._ends.turn_away(call, SERVER_ERROR)  # PJSIP would wait for ever for somebody to answer it
            raise

    def account_of(self, source: str) -> int:
        """PJSIP's number for the account of a call that comes from there."""
        return self._accounts.of(source)

    def on_refused(self, what: Any) -> None:
        """PJSIP has refused an INVITE itself, perhaps one that it has reported as a call before."""
        if (call := self._calls.numbered(int(what.callId))) is not None:
            self._ends.over(call, CallCancelled(call.handle))
        status, reason = int(what.statusCode), str(what.reason)
        try:
            event = incoming_of("", what.rdata.wholeMsg, what.rdata.srcAddress)
        except ParseError as error:
            log.info("PJSIP has refused an INVITE that cannot be read", status=status, why=str(error))
            self._count_refused(status)
            return
        self._on_event(refused(event, status, reason))

    def on_registration(self, account: PjAccount, what: Any) -> None:
        """A REGISTER has got its answer, or none."""
        self._accounts.registered(account, what)

    def on_state(self, call: PjCall, what: Any) -> None:
        """A call's dialog has changed."""
        info = call.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            event: Event = CallEnded(call.handle, EndCause.TRANSPORT)
            try:
                event = end_of(pj, call, info, what.e)
            finally:  # PJSIP does not say so twice
                self._ends.over(call, event)
            return
        message = last_message(pj, what.e)
        status, reason = from_info(info)
        if call.released:
            return
        if info.state == pj.PJSIP_INV_STATE_EARLY and not call.is_inbound:
            body = message.body if isinstance(message, Response) and message.body else None
            self._on_event(CallProgress(call.handle, status, reason, body))
        elif info.state == pj.PJSIP_INV_STATE_CONNECTING and isinstance(message, Response):
            self._requests.confirmed(call, message)
            call.allow = allowed(message)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not call.confirmed:
            call.confirmed = True
            self._lines.on_confirmed(call)
            if call.is_inbound:
                self._requests.confirmed(call, message)
                self._on_event(CallConfirmed(call.handle, None))
            else:
                self._on_event(CallAnswered(call.handle, None, call.allow))

    def on_media(self, call: PjCall) -> None:
        """A call's media has begun, changed or stopped."""
        self._lines.on_media(call)

    def on_stream(self, call: PjCall, stream: int) -> None:
        """A call's media is about to begin."""
        self._lines.on_stream(call, stream)

    def on_stream_over(self, call: PjCall) -> None:
        """A call's media is about to stop: its figures go with it."""
        self._lines.on_media_over(call)

    def on_acknowledged(self, call: PjCall) -> None:
        """The far end has our answer, by its PRACK (RFC 3262)."""
        if call.is_inbound and not call.confirmed and not call.released:
            self._lines.on_confirmed(call)
            self._on_event(EarlyMediaConfirmed(call.handle))

    def on_offer(self, call: PjCall, what: Any) -> None:
        """Our INVITE or UPDATE was sent, or has its answer."""
        self._refreshes.on_offer(call, what)

    def on_key(self, call: PjCall, what: Any) -> None:
        """A key has come."""
        self._lines.on_key(call, what)

    def on_refer_progress(self, call: PjCall, what: Any) -> None:
        """What became of our REFER: its answer, and then that of the INVITE which it asked for."""
        if not call.released:
            for event in progress(call, what):
                self._on_event(event)

    def on_referred(self, call: PjCall, what: Any) -> None:
        """The far end asks us to call somebody else before the call is confirmed: later it does by `requests`."""
        log.warning("refused a transfer by the far end", to=what.dstUri, why="the call is not confirmed")
        what.statusCode = FORBIDDEN
