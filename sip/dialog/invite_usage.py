"""One call: what its INVITE usage does in either direction. RFC 3261 §12.2, §13, §15."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import ClassVar, TypeAlias

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.context import EMPTY, Action, Context
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog
from offhook.sip.dialog.reinvite import Reinvite, refuse_overlap
from offhook.sip.dialog.requests import in_dialog, next_hop
from offhook.sip.dialog.session_interval import Interval, answer_interval, interval_of_2xx
from offhook.sip.dialog.session_timer import SessionTimer
from offhook.sip.dialog.tables import CallAction, CallInput, CallState, CallTimer, OfferState
from offhook.sip.errors import LocalError
from offhook.sip.events import CallEnded, EndCause, PeerMoved
from offhook.sip.message import typed
from offhook.sip.message.body import sdp_of
from offhook.sip.message.message import Request, Response
from offhook.sip.message.reason import EndReason, fields, reasons
from offhook.sip.methods import ALLOW
from offhook.sip.policy import DialogPolicy
from offhook.sip.refer.transferee import Transferee
from offhook.sip.refer.transferor import Transferor
from offhook.sip.transaction.client import ClientTransaction
from offhook.sip.transaction.machine import Machine, Table
from offhook.sip.transaction.server import ServerTransaction

Core: TypeAlias = "UserAgentCore[InviteUsage]"

_WHY: Mapping[StrEnum, tuple[EndReason, ...]] = {
    CallTimer.ACK: (EndReason("SIP", 408, "no ACK"),),
    CallInput.NO_ACK: (EndReason("SIP", 408, "no ACK"),),
    CallInput.LOST: (EndReason("SIP", 408, "no answer to a request"),),
    CallInput.NOT_REFRESHED: (EndReason("SIP", 408, "the session was not refreshed"),),
}
"""Why the user agent itself ends a call."""


UNANSWERED = frozenset({CallState.INCOMING, CallState.ANSWER_HELD, CallState.CALLING, CallState.PROCEEDING})


class InviteUsage:
    """A call from its INVITE to its end, run by a table. `UasInviteUsage` and `UacInviteUsage` begin it.

    It is in the core's `calls` while its owner may refer to it, and in `dialogs` while the far end may.
    """

    def __init__(
        self,
        core: "Core",
        call: str,
        table: Table[CallState, CallAction],
        now: float,
        *,
        policy: DialogPolicy,
        durations: Mapping[str, float | None] | None = None,
    ) -> None:
        self.core = core
        self.call = call
        self.policy = policy
        self.created = now
        self.dialog: Dialog | None = None
        self.auth_user: str | None = None
        """Whose password is proven when we are asked for one; None: that of any account there; empty: nobody's."""
        self.meant: frozenset[str] = frozenset()
        """Where it may be proven: see `Sender`."""
        self.contact_user: str | None = None
        """The user in our Contact; None: that of the settings."""
        self.machine: Machine[CallState, CallAction] = Machine(
            table, durations or core.durations, core.settings.timers.t2_s
        )
        self.takes_update = False
        """Whether the far end's latest Allow has UPDATE."""
        self.local_sdp = b""
        """What we last described to the far end."""
        self.leaving: tuple[EndReason, ...] = ()
        """Why we end the call, if we do: it is in our BYE or CANCEL (RFC 3326)."""
        self._renegotiation: Reinvite | None = None
        self._session_timer: SessionTimer | None = None
        self.transferor: Transferor | None = None
        self.transferee: Transferee | None = None
        core.calls[call] = self

    # --- what a role adds

    @property
    def owns_call_id(self) -> bool:
        """Whether we sent the first INVITE: it decides who waits longer after a glare (§14.1)."""
        raise NotImplementedError

    @property
    def auth_host(self) -> str:
        """The host that may ask for our credentials."""
        raise NotImplementedError

    @property
    def sender(self) -> Sender:
        """Who our requests in the call are from."""
        return Sender(self.auth_host, self.auth_user, self.contact_user, self.meant, self.policy.servers)

    # --- inputs

    def begin(self, now: float) -> None:
        """Carry out the table's first actions."""
        self._act(self.machine.start(now), EMPTY, now)

    def command(self, given: CallInput, now: float, what: Context = EMPTY) -> None:
        """A command of the owner. Raises LocalError when the present state does not allow it."""
        if not self.machine.accepts(given):
            raise LocalError(f"call {self.call} is {self.machine.state.value}: it cannot {given.value} now")
        self.handle(given, now, what)

    def leave(self, given: CallInput, why: tuple[EndReason, ...], now: float) -> None:
        """The owner hangs up or gives up. Raises LocalError as `command`."""
        self.leaving = why
        self.command(given, now)

    def handle(self, given: StrEnum, now: float, what: Context = EMPTY) -> bool:
        """Any other input; False when the present state ignores it."""
        actions = self.machine.handle(given, now)
        if actions is None:
            return False
        self.leaving = self.leaving or _WHY.get(given, ())
        self._act(actions, what, now)
        return True

    def admits(self, request: Request) -> bool:
        """Whether the far end's request is in order (§12.2.2); its source becomes the far end's address.

        Raises ParseError.
        """
        if self.dialog is None:
            return True
        if not self.dialog.admits(request):
            return False
        self._follow(request)
        return True

    def on_invite(self, server: ServerTransaction, now: float) -> None:
        """A re-INVITE from the far end."""
        request = server.request
        self.learn(request)
        what = Context(server=server, request=request)
        if self.machine.state is CallState.CONFIRMED:
            self.renegotiation.handle(CallInput.GOT_INVITE, now, what)
        else:
            self.handle(CallInput.GOT_INVITE, now, what)

    def on_update(self, server: ServerTransaction, now: float) -> None:
        """An UPDATE from the far end; without an offer it only refreshes (RFC 3311 §5.2)."""
        request = server.request
        self.learn(request)
        if sdp_of(request) is None:
            dialog = self.dialog_of(request)
            if dialog is not None:
                dialog.refresh_target(request)
            secure = dialog is not None and dialog.secure
            contact = ("Contact", self.core.contact(server.reply_to, secure=secure))
            # Before the answer there is no session that could be refreshed.
            talking = self.machine.state is CallState.CONFIRMED
            agreed = self.answer_interval(request, now) if talking else ()
            headers = (contact, ("Allow", ALLOW), self.core.supported(self.policy), *agreed)
            self.core.respond(server, 200, now, to_tag=self.local_tag, headers=headers)
            self.reschedule(now)
        elif (status := self.refuses_offer(request)) is None:
            self.renegotiation.handle(CallInput.GOT_UPDATE, now, Context(server=server, request=request))
        else:
            refuse_overlap(self, Context(server=server), status, now)

    @property
    def may_renegotiate(self) -> bool:
        """Whether offer and answer have been exchanged, so that another offer may follow."""
        return self.machine.state is CallState.CONFIRMED

    def refuses_offer(self, update: Request) -> int | None:
        """What an UPDATE with an offer is refused with; None: it is not."""
        # RFC 3311 §5.2: there is an offer whose answer has not been sent, or has not arrived.
        return None if self.may_renegotiate else 500

    @property
    def offer_dialog(self) -> Dialog | None:
        """The dialog that our offers are made in."""
        return self.dialog

    def dialog_of(self, request: Request) -> Dialog | None:
        """The dialog that the far end's request is in."""
        return self.dialog

    # --- the session timer

    @property
    def interval(self) -> Interval | None:
        """The session interval that was agreed on."""
        return self._session_timer.interval if self._session_timer is not None else None

    def answer_interval(self, request: Request, now: float) -> tuple[tuple[str, str], ...]:
        """Agree on a session interval in our 2xx; returns the fields that say so: none before the call is answered."""
        if self.machine.state in UNANSWERED:
            return ()
        interval, agreed = answer_interval(request, self.policy)
        self._agree(interval, now)
        return agreed

    def agreed_by(self, response: Response, now: float) -> None:
        """The far end's 2xx agrees on a session interval, or on none."""
        self._agree(interval_of_2xx(response, self.policy), now)

    def refresh_refused(self, now: float) -> None:
        """A re-INVITE that was to refresh the session was refused."""
        if self._session_timer is not None:
            self._session_timer.refused(now)

    def reinvite_unchanged(self, now: float) -> bool:
        """Refresh the session by a re-INVITE; False: it cannot be sent now."""
        return bool(self.local_sdp) and self.renegotiation.refresh(self.local_sdp, now)

    def _agree(self, interval: Interval | None, now: float) -> None:
        if self.machine.state in UNANSWERED:
            return  # an UPDATE in early media: there is no session yet
        if self._session_timer is None and interval is not None:
            self._session_timer = SessionTimer(self)
        if self._session_timer is not None:
            self._session_timer.agree(interval, now)

    def learn(self, message: Request | Response) -> None:
        """What the far end's latest message says that it can."""
        if (allowed := typed.allow(message)) is not None:
            self.takes_update = "UPDATE" in allowed

    def on_bye(self, server: ServerTransaction, now: float) -> None:
        """A BYE from the far end."""
        self.core.respond(server, 200, now, to_tag=self.local_tag)
        self.handle(CallInput.GOT_BYE, now, Context(request=server.request))

    def on_prack(self, server: ServerTransaction, now: float) -> None:
        """A PRACK from the far end, for none of our responses (RFC 3262 §3)."""
        self.core.respond(server, 481, now, to_tag=self.local_tag)

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK, for the INVITE with its CSeq number. Raises ParseError."""
        number = typed.cseq(request).number
        if self.dialog is not None and number == self.dialog.remote_cseq:
            self._follow(request)
        what = Context(request=request)
        if self._renegotiation is not None and number == self._renegotiation.remote_cseq:
            self._renegotiation.handle(CallInput.GOT_ACK, now, what)
        elif number == self.invite_cseq:
            self.handle(CallInput.GOT_ACK, now, what)

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due, the call's and its re-INVITE's."""
        while (timer := self.machine.pop_due(now)) is not None:
            self.handle(timer, now)
        if self._renegotiation is not None:
            self._renegotiation.handle_timer(now)
        if self._session_timer is not None:
            self._session_timer.handle_timer(now)
        self.reschedule(now)

    @property
    def renegotiation(self) -> Reinvite:
        """The re-INVITE side, made on first use: most calls have none."""
        if self._renegotiation is None:
            self._renegotiation = Reinvite(self)
        return self._renegotiation

    def end_renegotiation(self, now: float) -> None:
        """Offers that are on their way, either way, come to nothing."""
        renegotiation, self._renegotiation = self._renegotiation, None  # it holds a reference to the call
        if renegotiation is not None:
            renegotiation.handle(CallInput.CLOSE, now)

    # --- for the renegotiation

    @property
    def local_tag(self) -> str:
        """Our tag; empty before there is a dialog."""
        return self.dialog.local_tag if self.dialog is not None else ""

    @property
    def invite_cseq(self) -> int | None:
        """The CSeq number of the incoming INVITE, None for an outgoing call."""
        return None

    def reschedule(self, now: float) -> None:
        """After any change: update the agenda, and leave the tables once the call is over."""
        state = self.machine.state
        if state in {CallState.ENDED, CallState.CLOSING}:
            self.core.calls.pop(self.call, None)
        if state is CallState.ENDED:
            self.end_renegotiation(now)  # it may outlive the call
            self._session_timer = None  # likewise
            if self.transferee is not None:
                self.transferee.close(now)
            if self.transferor is not None:
                self.transferor.busy = False  # the handle is dead: nothing more is reported
            if self.dialog is not None and self.core.dialogs.get(self.dialog.id) is self:
                del self.core.dialogs[self.dialog.id]
            self.core.agenda.schedule(self, None)
            return
        self.core.agenda.schedule(self, min((at for at in self._timers() if at is not None), default=None))

    def _timers(self) -> Iterator[float | None]:
        yield self.machine.get_timer()
        if self._renegotiation is not None:
            yield self._renegotiation.machine.get_timer()
        if self._session_timer is not None:
            yield self._session_timer.machine.get_timer()

    def dump(self, now: float) -> dict[str, object]:
        """The call as plain values."""
        at = self.machine.get_timer()
        reinvite = self._renegotiation.machine.state if self._renegotiation is not None else OfferState.IDLE
        return {
            "call": self.call,
            "call_id": self.dialog.call_id if self.dialog is not None else None,
            "peer": str(self.dialog.peer) if self.dialog is not None else None,
            "state": self.machine.state.value,
            "reinvite": reinvite.value,
            "session": self._session_timer.dump(now) if self._session_timer is not None else None,
            "age_s": round(now - self.created, 3),
            "timer": self.machine.next_timer(),
            "timer_in_s": None if at is None else round(at - now, 3),
        }

    def _follow(self, request: Request) -> None:
        if self.dialog is not None and request.source is not None and self.dialog.moved(request.source):
            self.core.events.append(PeerMoved(self.call, request.source.remote))

    # --- actions

    def _act(self, actions: list[CallAction], what: Context, now: float) -> None:
        for action in actions:
            self.actions[action](self, what, now)
        self.reschedule(now)

    def _send_bye(self, what: Context, now: float) -> None:
        if self.dialog is not None:
            self.send_bye_in(self.dialog, now)

    def send_bye_in(self, dialog: Dialog, now: float) -> None:
        """Hang up a dialog. The response does not matter: the session ends with the request (§15.1.1)."""
        send_within(self.core, dialog, self.sender, "BYE", now, fields=fields(self.leaving))
        self.core.hung_up.keep(dialog.id, dialog.local_tag, now)

    def _send_bye_once(self, what: Context, now: float) -> None:
        dialog = self.dialog
        if dialog is not None:
            destination = next_hop(dialog, self.core.flow_to)
            bye = in_dialog(dialog, "BYE", dialog.take_cseq(), self.core.via(destination))
            for name, value in fields(self.leaving):
                bye.headers.add(name, value)
            self.core.send_once(bye, destination)
            self.core.hung_up.keep(dialog.id, dialog.local_tag, now)

    def send_ack_in(self, dialog: Dialog, client: ClientTransaction) -> None:
        """Acknowledge the 2xx of a dialog, now and on each retransmission (§13.2.2.4)."""
        destination = next_hop(dialog, self.core.flow_to)
        number = typed.cseq(client.request).number
        ack = bytes(in_dialog(dialog, "ACK", number, self.core.via(destination)))
        client.acks[dialog.remote_tag] = (ack, destination)
        self.core.layer.transmit(ack, destination)

    def _report_end(self, cause: EndCause, request: Request | None = None) -> None:
        self.core.events.append(CallEnded(self.call, cause, () if request is None else reasons(request)))

    actions: ClassVar[Mapping[CallAction, Action]] = {
        CallAction.SEND_BYE: _send_bye,
        CallAction.SEND_BYE_ONCE: _send_bye_once,
        CallAction.REPORT_REMOTE_BYE: lambda self, what, now: self._report_end(EndCause.REMOTE_BYE, what.request),
        CallAction.REPORT_LOCAL_BYE: lambda self, what, now: self._report_end(EndCause.LOCAL_BYE),
        CallAction.REPORT_ACK_TIMEOUT: lambda self, what, now: self._report_end(EndCause.ACK_TIMEOUT),
        CallAction.REPORT_TIMEOUT: lambda self, what, now: self._report_end(EndCause.TIMEOUT),
        CallAction.REPORT_TRANSPORT: lambda self, what, now: self._report_end(EndCause.TRANSPORT),
        CallAction.REPORT_NOT_REFRESHED: lambda self, what, now: self._report_end(EndCause.NOT_REFRESHED),
    }
    """The actions of every call; each role adds its own."""
