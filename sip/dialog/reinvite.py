"""Re-INVITEs and UPDATEs of a call, both ways, one at a time: RFC 3261 §14, with the glare of §14.1; RFC 3311."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.context import EMPTY, Action, Context
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog
from offhook.sip.dialog.overlap import pause_s
from offhook.sip.dialog.session_interval import Interval, add_request_fields
from offhook.sip.dialog.tables import OFFER, CallAction, CallInput, CallTimer, OfferState
from offhook.sip.errors import LocalError
from offhook.sip.events import ReinviteAnswered, ReinviteConfirmed, ReinviteReceived, ReinviteRejected
from offhook.sip.message import build, typed
from offhook.sip.message.body import SDP, sdp_of
from offhook.sip.message.message import Request, Response
from offhook.sip.methods import ALLOW
from offhook.sip.policy import DialogPolicy
from offhook.sip.transaction.client import ClientTransaction, Failure, TransactionUser
from offhook.sip.transaction.machine import Machine
from offhook.sip.transaction.server import ServerTransaction

_LATE: Mapping[StrEnum, Context] = {CallTimer.LIMIT: Context(status=480), CallTimer.UPDATE: Context(status=504)}
"""Our answer where the owner gave none."""


class Renegotiated(Protocol):
    """The call whose media a re-INVITE changes: the part of `InviteUsage` that is needed here."""

    core: UserAgentCore[Any]
    call: str
    policy: DialogPolicy

    @property
    def offer_dialog(self) -> Dialog | None:
        """The dialog that our offers are made in."""

    def dialog_of(self, request: Request) -> Dialog | None:
        """The dialog that the far end's request is in."""

    @property
    def local_tag(self) -> str:
        """Our tag in the call's dialog."""

    @property
    def owns_call_id(self) -> bool:
        """Whether we sent the first INVITE."""

    @property
    def sender(self) -> Sender:
        """Who our requests in the call are from."""

    @property
    def takes_update(self) -> bool:
        """Whether the far end takes UPDATE."""

    local_sdp: bytes
    """What we last described to the far end."""

    def learn(self, message: Request | Response) -> None:
        """What the far end's message says that it can."""

    @property
    def interval(self) -> Interval | None:
        """The session interval that was agreed on."""

    def answer_interval(self, request: Request, now: float) -> tuple[tuple[str, str], ...]:
        """Agree on a session interval in our 2xx; returns the fields that say so."""
        ...

    def agreed_by(self, response: Response, now: float) -> None:
        """The far end's 2xx agrees on a session interval, or on none."""

    def refresh_refused(self, now: float) -> None:
        """A re-INVITE that was to refresh the session was refused."""

    def handle(self, given: StrEnum, now: float) -> bool:
        """An input of the call's own table."""

    def reschedule(self, now: float) -> None:
        """A timer of the re-INVITE has changed."""

    def send_ack_in(self, dialog: Dialog, client: ClientTransaction) -> None:
        """Acknowledge a 2xx."""


class Reinvite:
    """New offers in a call: at most one in progress, in either direction, by re-INVITE or UPDATE."""

    def __init__(self, session: Renegotiated) -> None:
        self._session = session
        self._core = session.core
        self._durations: dict[str, float | None] = dict(session.core.durations)
        self.machine: Machine[OfferState, CallAction] = Machine(
            OFFER, self._durations, session.core.settings.timers.t2_s
        )
        self._server: ServerTransaction | None = None
        self._request: TransactionUser | None = None  # our latest, with its answers to challenges
        self._method = "INVITE"
        self._sdp = b""
        self._is_refresh = False
        self._attempts = 0

    @property
    def remote_cseq(self) -> int | None:
        """The CSeq number of the far end's latest re-INVITE."""
        return None if self._server is None else typed.cseq(self._server.request).number

    def offer(self, sdp: bytes, now: float, method: str = "INVITE") -> None:
        """Send a re-INVITE, or an UPDATE. It replaces one that waits after a glare. Raises LocalError when one is in
        progress, or the far end does not take UPDATE.
        """
        self._must_accept(CallInput.REINVITE)
        if method == "UPDATE" and not self._session.takes_update:
            raise LocalError(f"call {self._session.call}: the far end does not take UPDATE, send a Reinvite")
        self._begin(sdp, method, now, is_refresh=False)

    def refresh(self, sdp: bytes, now: float) -> bool:
        """Offer what is valid anyway (RFC 4028 §7.4). False while another offer is in progress, or waits."""
        if not self.machine.accepts(CallInput.REINVITE) or self.machine.get_timer() is not None:
            return False
        self._begin(sdp, "INVITE", now, is_refresh=True)
        return True

    def _begin(self, sdp: bytes, method: str, now: float, *, is_refresh: bool) -> None:
        self._method, self._sdp, self._is_refresh, self._attempts = method, sdp, is_refresh, 0
        self.handle(CallInput.REINVITE, now)

    def command(self, given: CallInput, now: float, what: Context) -> None:
        """Answer or reject the far end's re-INVITE. Raises LocalError when there is none to answer."""
        self._must_accept(given)
        self.handle(given, now, what)

    def handle(self, given: StrEnum, now: float, what: Context = EMPTY) -> bool:
        """One input; False when the present state ignores it."""
        actions = self.machine.handle(given, now)
        if actions is None:
            return False
        for action in actions:
            self.actions[action](self, what, now)
        if given is CallInput.CLOSE:
            self._request = None  # it refers back to this
        else:
            self._session.reschedule(now)
        return True

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """A response to our re-INVITE. A 2xx is acknowledged in any state of the call (§13.2.2.4)."""
        what = Context(client=client, response=response)
        if 200 <= response.status < 300:
            self._on_2xx(client, what, now)
        elif (again_s := self._pause_s(response)) is not None and self._may_try_again:
            self._durations[CallTimer.GLARE] = again_s
            self.handle(CallInput.GOT_GLARE, now)
        elif response.status in {408, 481}:
            self.handle(CallInput.GOT_FATAL, now)
        elif response.status >= 300:
            self.handle(CallInput.GOT_FAILURE, now, what)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """Our re-INVITE got no answer or could not be sent: treated as a 408 (§14.1, §8.1.3.1)."""
        self.handle(CallInput.GOT_FATAL, now)

    def on_cancel(self, server: ServerTransaction, cancel: Request, now: float) -> None:
        """The far end cancels its re-INVITE (§9.2)."""
        if server is self._server:
            self.handle(CallInput.GOT_CANCEL, now, Context(status=487))

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due."""
        while (timer := self.machine.pop_due(now)) is not None:
            self.handle(timer, now, _LATE.get(timer, EMPTY))

    # --- ours

    @property
    def _may_try_again(self) -> bool:
        return self._attempts < self._core.settings.reinvite_attempts

    def _pause_s(self, response: Response) -> float | None:
        return pause_s(response, owns_call_id=self._session.owns_call_id, chance=self._core.fraction)

    def _send_invite(self, what: Context, now: float) -> None:
        dialog = self._session.offer_dialog
        if dialog is None:
            return
        self._attempts += 1
        client = send_within(
            self._core,
            dialog,
            self._session.sender,
            self._method,
            now,
            user=self,
            fields=(("Allow", ALLOW), self._core.supported(self._session.policy), ("Content-Type", SDP)),
            body=self._sdp,
            contact=True,
            fill=lambda invite: add_request_fields(invite, self._session.policy, self._session.interval),
        )
        self._request = client.user

    def _on_2xx(self, client: ClientTransaction, what: Context, now: float) -> None:
        if client.acks:
            self._core.layer.transmit(*next(iter(client.acks.values())))
        elif client.user is not self._request or not self.handle(CallInput.GOT_2XX, now, what):
            self._send_ack(what, now)

    def _send_ack(self, what: Context, now: float) -> None:
        dialog, client, response = self._session.offer_dialog, what.client, what.response
        if dialog is None or client is None or response is None:
            return
        dialog.refresh_target(response)
        self._session.learn(response)
        if client.request.method == "INVITE":
            self._session.send_ack_in(dialog, client)

    def _report_answered(self, what: Context, now: float) -> None:
        if what.response is not None:
            self._session.local_sdp = self._sdp
            self._session.agreed_by(what.response, now)
            self._core.events.append(ReinviteAnswered(self._session.call, sdp_of(what.response)))

    def _report_rejected(self, what: Context, now: float) -> None:
        if what.response is not None and self._is_refresh:
            self._session.refresh_refused(now)  # the owner asked for nothing
            return
        if what.response is not None:
            status, reason = what.response.status, what.response.reason
        else:
            status, reason = what.status, build.REASONS[what.status]
        self._core.events.append(ReinviteRejected(self._session.call, status, reason))

    # --- theirs

    def _report_received(self, what: Context, now: float) -> None:
        self._server = what.server
        if what.server is not None and what.request is not None:
            what.server.user, what.server.local_tag = self, self._session.local_tag
            if what.request.method == "INVITE":  # RFC 4320 §4.1: no 100 to others
                self._core.respond(what.server, 100, now, to_tag=self._session.local_tag)
            self._core.events.append(ReinviteReceived(self._session.call, sdp_of(what.request)))

    def _send_2xx(self, what: Context, now: float) -> None:
        server = self._server
        dialog = None if server is None else self._session.dialog_of(server.request)
        if dialog is None or server is None:
            return
        dialog.refresh_target(server.request)
        contact = self._core.contact(server.reply_to, secure=dialog.secure)
        agreed = self._session.answer_interval(server.request, now)
        headers = (("Contact", contact), ("Allow", ALLOW), self._core.supported(self._session.policy), *agreed)
        self._core.respond(server, 200, now, to_tag=dialog.local_tag, headers=headers, sdp=what.sdp)
        self._session.local_sdp = what.sdp or b""

    def _repeat_2xx(self, what: Context, now: float) -> None:
        if self._server is not None:
            self._core.layer.repeat(self._server)

    def _refuse(
        self, status: int, now: float, headers: tuple[tuple[str, str], ...] = (), reason: str | None = None
    ) -> None:
        if self._server is not None:
            self._core.respond(
                self._server, status, now, to_tag=self._session.local_tag, reason=reason, headers=headers
            )

    def _report_confirmed(self, what: Context, now: float) -> None:
        answer = None
        if self._server is not None and what.request is not None and sdp_of(self._server.request) is None:
            answer = sdp_of(what.request)
        self._core.events.append(ReinviteConfirmed(self._session.call, answer))

    def _end(self, given: CallInput, now: float) -> None:
        self._session.handle(given, now)

    def _must_accept(self, given: CallInput) -> None:
        if not self.machine.accepts(given):
            raise LocalError(
                f"call {self._session.call}: the re-INVITE is {self.machine.state.value}, it cannot {given.value} now"
            )

    actions: ClassVar[Mapping[CallAction, Action]] = {
        CallAction.SEND_INVITE: _send_invite,
        CallAction.SEND_ACK: _send_ack,
        CallAction.SEND_2XX: _send_2xx,
        CallAction.REPEAT_2XX: _repeat_2xx,
        CallAction.SEND_FAILURE: lambda self, what, now: self._refuse(what.status, now, what.headers, what.reason),
        CallAction.SEND_480: lambda self, what, now: self._refuse(480, now),
        CallAction.SEND_487: lambda self, what, now: self._refuse(487, now),
        CallAction.SEND_491: lambda self, what, now: refuse_overlap(self._session, what, 491, now),
        CallAction.SEND_RETRY_LATER: lambda self, what, now: refuse_overlap(self._session, what, 500, now),
        CallAction.REPORT_RECEIVED: _report_received,
        CallAction.REPORT_CONFIRMED: _report_confirmed,
        CallAction.REPORT_ANSWERED: _report_answered,
        CallAction.REPORT_REJECTED: _report_rejected,
        CallAction.END_NO_ACK: lambda self, what, now: self._end(CallInput.NO_ACK, now),
        CallAction.END_LOST: lambda self, what, now: self._end(CallInput.LOST, now),
    }


def refuse_overlap(session: Renegotiated, what: Context, status: int, now: float) -> None:
    """Refuse an offer that overlaps another one: 491, or 500 with a Retry-After of 0 to 10 s (§14.2)."""
    if what.server is None:
        return
    headers: tuple[tuple[str, str], ...] = ()
    if status == 500:
        headers = (("Retry-After", str(int(11 * session.core.fraction()))),)
    session.core.respond(what.server, status, now, to_tag=session.local_tag, headers=headers)
