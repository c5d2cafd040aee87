"""An outgoing call: RFC 3261 §13.2, the caller's side, with CANCEL (§9.1) and forked answers (§13.2.2.4)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from offhook.sip.dialog.authenticated import AuthenticatedRequest
from offhook.sip.dialog.context import Action, Context
from offhook.sip.dialog.core import ALLOW
from offhook.sip.dialog.hops import Contact
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.model import from_answer
from offhook.sip.dialog.requests import MAX_FORWARDS, cancel_of
from offhook.sip.dialog.tables import OUTGOING_CALL, CallAction, CallInput, CallState
from offhook.sip.events import CallAnswered, CallProgress, CallRejected
from offhook.sip.message import typed
from offhook.sip.message.body import SDP, sdp_of
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.client import ClientTransaction, Failure


class UacInviteUsage(InviteUsage):
    """An outgoing call. The first 2xx makes the dialog; further phones that answer are hung up."""

    def __init__(
        self,
        core: Core,
        call: str,
        invite: Request,
        destination: Flow,
        now: float,
        others: Sequence[Flow | Contact] = (),
    ) -> None:
        super().__init__(core, call, OUTGOING_CALL, now)
        self._invite = invite
        self._destination = destination
        self._others = others
        self.begin(now)

    @property
    def owns_call_id(self) -> bool:
        """We do."""
        return True

    @property
    def auth_host(self) -> str:
        """The host that was called."""
        return Uri.parse(self._invite.uri).host

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """A response to the INVITE. Raises ParseError."""
        # Others where credentials were asked for, and where the first target failed.
        self._invite, self._destination = client.request, client.destination
        what = Context(client=client, response=response)
        if response.status < 200:
            self.handle(CallInput.GOT_1XX, now, what)
        elif response.status < 300:
            self._on_2xx(client, what, response, now)
        else:
            self.handle(CallInput.GOT_FAILURE, now, what)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """The INVITE got no answer, or could not be sent."""
        self.handle(CallInput(failure), now)

    def _on_2xx(self, client: ClientTransaction, what: Context, response: Response, now: float) -> None:
        tag = typed.to(response).tag or ""
        if (ack := client.acks.get(tag)) is not None:
            self.core.layer.transmit(*ack)
        elif len(client.acks) >= self.core.settings.max_forks:
            self.core.counters.drop("fork beyond limit")
        elif not self.handle(CallInput.GOT_2XX, now, what):
            # A second phone answered, or one we no longer wait for.
            dialog = from_answer(client.request, response, client.destination)
            self.send_ack_in(dialog, client)
            self.send_bye_in(dialog, now)

    def _send_invite(self, what: Context, now: float) -> None:
        request = AuthenticatedRequest(
            self.core,
            self._destination,
            self,
            others=self._others,
            goes_on=lambda: self.machine.state in (CallState.CALLING, CallState.PROCEEDING),
        )
        request.send(self._invite, self.auth_host, now)

    def _send_cancel(self, what: Context, now: float) -> None:
        self.core.send(cancel_of(self._invite), self._destination, now, None)

    def _send_ack(self, what: Context, now: float) -> None:
        if what.client is None or what.response is None:
            return
        self.dialog = from_answer(what.client.request, what.response, what.client.destination)
        self.core.dialogs[self.dialog.id] = self
        self.send_ack_in(self.dialog, what.client)

    def _report_progress(self, what: Context, now: float) -> None:
        # 100 (Trying) comes from the next hop, not from the callee.
        if what.response is not None and what.response.status > 100:
            status, reason = what.response.status, what.response.reason
            self.core.events.append(CallProgress(self.call, status, reason, sdp_of(what.response)))

    def _report_answered(self, what: Context, now: float) -> None:
        if what.response is not None:
            self.core.events.append(CallAnswered(self.call, sdp_of(what.response)))

    def _report_rejected(self, what: Context, now: float) -> None:
        if what.response is not None:
            self.core.events.append(CallRejected(self.call, what.response.status, what.response.reason))

    actions: ClassVar[Mapping[CallAction, Action]] = {
        **InviteUsage.actions,
        CallAction.SEND_INVITE: _send_invite,
        CallAction.SEND_CANCEL: _send_cancel,
        CallAction.SEND_ACK: _send_ack,
        CallAction.REPORT_PROGRESS: _report_progress,
        CallAction.REPORT_ANSWERED: _report_answered,
        CallAction.REPORT_REJECTED: _report_rejected,
    }


def first_invite(
    core: Core,
    target: str,
    sdp: bytes,
    destination: Flow,
    *,
    from_uri: str | None,
    headers: Iterable[tuple[str, str]],
) -> Request:
    """An INVITE outside any dialog (§8.1.1, §13.2.1)."""
    sender = from_uri or f"sip:{core.settings.contact_user}@{core.local_for(destination).uri_host}"
    fields = Headers()
    fields.add("Via", core.via(destination))
    fields.add("Max-Forwards", MAX_FORWARDS)
    fields.add("From", f"<{sender}>;tag={core.entropy()}")
    fields.add("To", f"<{target}>")
    fields.add("Call-ID", core.entropy())
    fields.add("CSeq", "1 INVITE")
    fields.add("Contact", core.contact(destination))
    fields.add("Allow", ALLOW)
    for name, value in headers:
        fields.add(name, value)
    if sdp:
        fields.add("Content-Type", SDP)
    return Request("INVITE", target, fields, sdp)
