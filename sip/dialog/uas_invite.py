"""An incoming call: RFC 3261 §13.3, the callee's side."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from offhook.sip.dialog.authenticated import meant_by
from offhook.sip.dialog.context import EMPTY, Action, Context
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.model import from_invite
from offhook.sip.dialog.provisional_tables import ProvisionalState
from offhook.sip.dialog.reinvite import refuse_overlap
from offhook.sip.dialog.reliable import ReliableProvisionals
from offhook.sip.dialog.tables import INCOMING_CALL, CallAction, CallInput, CallState, CallTimer
from offhook.sip.errors import LocalError
from offhook.sip.events import CallCancelled, CallConfirmed, EarlyMediaConfirmed, IncomingCall
from offhook.sip.message import typed
from offhook.sip.message.body import sdp_of
from offhook.sip.message.identities import identities, printable
from offhook.sip.message.message import Request
from offhook.sip.message.reason import reasons
from offhook.sip.methods import ALLOW
from offhook.sip.net.flow import Flow
from offhook.sip.policy import Use
from offhook.sip.transaction.server import ServerTransaction


class UasInviteUsage(InviteUsage):
    """An incoming call. Its tag is chosen on the INVITE, so that every response has the same one (§9.2)."""

    def __init__(self, core: Core, server: ServerTransaction, source: Flow, now: float, replaces: str = "") -> None:
        request = server.request
        expires = typed.expires_s(request)
        # §13.3.1: Expires says how long the far end waits; most send none.
        durations = core.durations if expires is None else {**core.durations, CallTimer.EXPIRES: expires}
        policy = core.policy_of(request)
        super().__init__(core, core.entropy(), INCOMING_CALL, now, policy=policy, durations=durations)
        self._server = server
        self.dialog = from_invite(request, core.entropy(), source)
        self._caller_host = source.remote.host
        self.auth_user = policy.auth_user or None
        self.meant = meant_by((source,))
        self._invite_cseq = typed.cseq(request).number
        self._waiting = True
        self._extensions = typed.options(request)
        self._provisionals: ReliableProvisionals | None = None
        self._early_sdp = b""
        """Our answer, where it was sent reliably before the call is answered."""
        self._answer = self._ringing = EMPTY
        self._has_offer = sdp_of(request) is not None
        self.learn(request)
        server.user, server.local_tag = self, self.local_tag
        core.dialogs[self.dialog.id] = self
        core.pending_invites += 1
        core.respond(server, 100, now, to_tag="")
        self.begin(now)
        proven = source.transport.is_reliable or core.proven.recall(source.remote.host, now) is not None
        core.events.append(self._announcement(request, source, replaces, proven=proven))

    @property
    def owns_call_id(self) -> bool:
        """The caller does."""
        return False

    @property
    def auth_host(self) -> str:
        """The trunk's, or the one that the INVITE came from, wherever the dialog has moved to since."""
        return self.policy.auth_host or self._caller_host

    @property
    def may_renegotiate(self) -> bool:
        """As for every call; before it is answered once our answer was sent reliably, and has arrived (RFC 3311
        §5.2)."""
        early = self.machine.state is CallState.INCOMING and self._provisionals is not None
        return super().may_renegotiate or (early and bool(self.local_sdp) and not self._has_unacked_sdp)

    @property
    def invite_cseq(self) -> int | None:
        """The CSeq number of the INVITE."""
        return self._invite_cseq

    def command(self, given: CallInput, now: float, what: Context = EMPTY) -> None:
        """As for every call; an answer may have to wait for a PRACK (RFC 3262 §3)."""
        if given is CallInput.RING and what.sdp is not None and not self._has_offer:
            raise LocalError(f"call {self.call}: its INVITE has no offer that could be answered before the call is")
        if given is CallInput.ANSWER and self._has_unacked_sdp:
            given = CallInput.ANSWER_LATER
        super().command(given, now, what)

    def on_prack(self, server: ServerTransaction, now: float) -> None:
        """A PRACK; it may be for what we sent."""
        provisionals = self._provisionals
        if provisionals is None or not provisionals.waits_for(typed.rack(server.request)):
            super().on_prack(server, now)
            return
        # RFC 3262 §5 allows a new offer here. Nobody needs it, and what arrived has arrived all the same.
        status = 200 if sdp_of(server.request) is None else 488
        self.core.respond(server, status, now, to_tag=self.local_tag)
        if server.request.source is not None:
            self.core.proven.keep(server.request.source.remote.host, True, now)
        had_sdp = provisionals.unacked_sdp
        provisionals.acknowledged(now)
        if not provisionals.unacked_sdp:
            if had_sdp:
                self.core.events.append(EarlyMediaConfirmed(self.call))
            self.handle(CallInput.GOT_PRACKS, now)
        self.reschedule(now)

    def handle_timer(self, now: float) -> None:
        """As for every call, and those of what is sent reliably."""
        if self._provisionals is not None and self._provisionals.handle_timer(now):
            self.handle(CallInput.NO_PRACK, now)
        super().handle_timer(now)

    def on_cancel(self, server: ServerTransaction, cancel: Request, now: float) -> None:
        """The caller cancels; no effect once there is a final response (§9.2)."""
        self.handle(CallInput.GOT_CANCEL, now, Context(request=cancel))

    def reschedule(self, now: float) -> None:
        """As for every call; no longer pending once the INVITE has its final response."""
        if self._waiting and self.machine.state not in {CallState.INCOMING, CallState.ANSWER_HELD}:
            self._waiting = False
            self.core.pending_invites -= 1
            if self._provisionals is not None:
                self._provisionals.close(now)
        super().reschedule(now)

    def _timers(self) -> Iterator[float | None]:
        yield from super()._timers()
        if self._provisionals is not None:
            yield self._provisionals.machine.get_timer()

    @property
    def _has_unacked_sdp(self) -> bool:
        return self._provisionals is not None and self._provisionals.unacked_sdp

    def _announcement(self, request: Request, source: Flow, replaces: str, *, proven: bool) -> IncomingCall:
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
            replaces=replaces,
            proven=proven,
        )

    def _send_1xx(self, what: Context, now: float) -> None:
        self._ringing = what
        response = self.core.response(
            self._server.request,
            what.status,
            to_tag=self.local_tag,
            headers=(self._contact, ("Allow", ALLOW)),
            sdp=what.sdp,
        )
        if not self._is_reliable(what):
            self.core.layer.respond(self._server, response, now)
        elif what.sdp is not None or self._has_offer:
            self._provisionals = self._provisionals or ReliableProvisionals(self.core, self._server)
            self._provisionals.send(response, now)
            self._early_sdp = self.local_sdp = what.sdp or self.local_sdp
        # Else nothing: the first reliable response would have to carry our offer (RFC 3262 §5), and the 2xx does.

    def _is_reliable(self, what: Context) -> bool:
        use = self.policy.reliable_provisionals
        if use is Use.OFF or "100rel" not in self._extensions:
            return False
        return use is Use.REQUIRED or self._must_be_reliable or what.sdp is not None

    @property
    def _must_be_reliable(self) -> bool:
        return "100rel" in (option.lower() for option in typed.require(self._server.request))

    def _repeat_1xx(self, what: Context, now: float) -> None:
        if self._provisionals is None:
            self.core.layer.repeat(self._server)
        elif self._provisionals.machine.state is ProvisionalState.IDLE:
            # A new one, with a number of its own (RFC 3262 §3).
            self._send_1xx(self._ringing, now)

    def _keep_answer(self, what: Context, now: float) -> None:
        self._answer = what

    def _send_2xx(self, what: Context, now: float) -> None:
        agreed = self.answer_interval(self._server.request, now)
        headers = (self._contact, ("Allow", ALLOW), self.core.supported(self.policy), *agreed)
        sdp = what.sdp if what.sdp is not None else self._answer.sdp
        if self.local_sdp != self._early_sdp:
            sdp = None  # an UPDATE has changed since what the INVITE offered: its answer is no longer valid
        self.core.respond(self._server, 200, now, to_tag=self.local_tag, headers=headers, sdp=sdp)
        self.local_sdp = sdp or self.local_sdp

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
        if what.request is not None and not self._has_offer:
            answer = sdp_of(what.request)
        self.core.events.append(CallConfirmed(self.call, answer))

    def _report_cancelled(self, what: Context, now: float) -> None:
        given = () if what.request is None else reasons(what.request)
        self.core.events.append(CallCancelled(self.call, given))

    actions: ClassVar[Mapping[CallAction, Action]] = {
        **InviteUsage.actions,
        CallAction.SEND_1XX: _send_1xx,
        CallAction.REPEAT_1XX: _repeat_1xx,
        CallAction.KEEP_ANSWER: _keep_answer,
        CallAction.SEND_2XX: _send_2xx,
        CallAction.REPEAT_2XX: _repeat,
        CallAction.SEND_FAILURE: lambda self, what, now: self._refuse(what.status, now, what.headers, what.reason),
        CallAction.SEND_480: lambda self, what, now: self._refuse(480, now),
        CallAction.SEND_487: lambda self, what, now: self._refuse(487, now),
        CallAction.SEND_504: lambda self, what, now: self._refuse(504, now),
        CallAction.SEND_491: lambda self, what, now: refuse_overlap(self, what, 491, now),
        CallAction.SEND_RETRY_LATER: lambda self, what, now: refuse_overlap(self, what, 500, now),
        CallAction.REPORT_CANCELLED: _report_cancelled,
        CallAction.REPORT_CONFIRMED: _report_confirmed,
    }
