"""An incoming call: RFC 3261 §13.3, the callee's side."""

from collections.abc import Mapping
from typing import ClassVar

from offhook.sip.dialog.context import Action, Context
from offhook.sip.dialog.core import ALLOW
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.model import from_invite
from offhook.sip.dialog.reinvite import refuse_overlap
from offhook.sip.dialog.tables import INCOMING_CALL, CallAction, CallInput, CallState, CallTimer
from offhook.sip.events import CallCancelled, CallConfirmed, IncomingCall
from offhook.sip.message import typed
from offhook.sip.message.body import sdp_of
from offhook.sip.message.identities import identities, printable
from offhook.sip.message.message import Request
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.server import ServerTransaction


class UasInviteUsage(InviteUsage):
    """An incoming call. Its tag is chosen on the INVITE, so that every response has the same one (§9.2)."""

    def __init__(self, core: Core, server: ServerTransaction, source: Flow, now: float) -> None:
        request = server.request
        expires = typed.expires_s(request)
        # §13.3.1: Expires says how long the far end waits; most send none.
        durations = core.durations if expires is None else {**core.durations, CallTimer.EXPIRES: expires}
        super().__init__(core, core.entropy(), INCOMING_CALL, now, durations)
        self._server = server
        self.dialog = from_invite(request, core.entropy(), source)
        self._invite_cseq = typed.cseq(request).number
        self._waiting = True
        server.user = self
        core.dialogs[self.dialog.id] = self
        core.pending_invites += 1
        core.respond(server, 100, now, to_tag="")
        self.begin(now)
        core.events.append(self._announcement(request, source))

    @property
    def owns_call_id(self) -> bool:
        """The caller does."""
        return False

    @property
    def invite_cseq(self) -> int | None:
        """The CSeq number of the INVITE."""
        return self._invite_cseq

    def on_cancel(self, server: ServerTransaction, now: float) -> None:
        """The caller cancels; no effect once there is a final response (§9.2)."""
        self.handle(CallInput.GOT_CANCEL, now)

    def reschedule(self, now: float) -> None:
        """As for every call; no longer pending once the INVITE has its final response."""
        if self._waiting and self.machine.state is not CallState.INCOMING:
            self._waiting = False
            self.core.pending_invites -= 1
        super().reschedule(now)

    def _announcement(self, request: Request, source: Flow) -> IncomingCall:
        return IncomingCall(
            call=self.call,
            from_uri=printable(str(typed.from_(request).uri)),
            request_uri=printable(request.uri),
            call_id=printable(typed.call_id(request)),
            sdp=sdp_of(request),
            source=source.remote,
            headers=request.headers.copy(),
            identities=identities(request),
            transport=source.transport,
        )

    def _send_180(self, what: Context, now: float) -> None:
        self.core.respond(self._server, 180, now, to_tag=self.local_tag, headers=(self._contact,))

    def _send_2xx(self, what: Context, now: float) -> None:
        headers = (self._contact, ("Allow", ALLOW), self.core.supported)
        self.core.respond(self._server, 200, now, to_tag=self.local_tag, headers=headers, sdp=what.sdp)

    @property
    def _contact(self) -> tuple[str, str]:
        secure = self.dialog is not None and self.dialog.secure
        return "Contact", self.core.contact(self._server.reply_to, secure=secure)

    def _repeat(self, what: Context, now: float) -> None:
        self.core.layer.repeat(self._server)

    def _refuse(
        self, status: int, now: float, headers: tuple[tuple[str, str], ...] = (), reason: str | None = None
    ) -> None:
        self.core.respond(self._server, status, now, to_tag=self.local_tag, reason=reason, headers=headers)

    def _report_confirmed(self, what: Context, now: float) -> None:
        answer = None
        if what.request is not None and sdp_of(self._server.request) is None:
            answer = sdp_of(what.request)
        self.core.events.append(CallConfirmed(self.call, answer))

    def _report_cancelled(self, what: Context, now: float) -> None:
        self.core.events.append(CallCancelled(self.call))

    actions: ClassVar[Mapping[CallAction, Action]] = {
        **InviteUsage.actions,
        CallAction.SEND_180: _send_180,
        CallAction.REPEAT_180: _repeat,
        CallAction.SEND_2XX: _send_2xx,
        CallAction.REPEAT_2XX: _repeat,
        CallAction.SEND_FAILURE: lambda self, what, now: self._refuse(what.status, now, what.headers, what.reason),
        CallAction.SEND_480: lambda self, what, now: self._refuse(480, now),
        CallAction.SEND_487: lambda self, what, now: self._refuse(487, now),
        CallAction.SEND_491: lambda self, what, now: refuse_overlap(self, what, 491, now),
        CallAction.SEND_RETRY_LATER: lambda self, what, now: refuse_overlap(self, what, 500, now),
        CallAction.REPORT_CANCELLED: _report_cancelled,
        CallAction.REPORT_CONFIRMED: _report_confirmed,
    }
