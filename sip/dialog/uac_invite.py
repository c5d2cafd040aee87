"""An outgoing call: RFC 3261 §13.2, the caller's side, with CANCEL (§9.1) and forked answers (§13.2.2.4)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from offhook.sip.commands import Invite
from offhook.sip.dialog.authenticated import AuthenticatedRequest, meant_by
from offhook.sip.dialog.context import Action, Context
from offhook.sip.dialog.early_dialogs import EarlyDialogs
from offhook.sip.dialog.hops import Contact
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.model import Dialog, from_answer
from offhook.sip.dialog.rejection import rejected
from offhook.sip.dialog.requests import MAX_FORWARDS, cancel_of
from offhook.sip.dialog.session_interval import add_request_fields
from offhook.sip.dialog.tables import OUTGOING_CALL, CallAction, CallInput, CallState
from offhook.sip.events import CallAnswered, CallProgress
from offhook.sip.message import typed
from offhook.sip.message.body import SDP, sdp_of
from offhook.sip.message.grammar import quote
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.uri import Uri
from offhook.sip.methods import ALLOW
from offhook.sip.net.flow import Flow
from offhook.sip.policy import DialogPolicy
from offhook.sip.transaction.client import ClientTransaction, Failure


class UacInviteUsage(InviteUsage):
    """An outgoing call. The first 2xx makes the dialog; further phones that answer are hung up."""

    def __init__(
        self,
        core: Core,
        command: Invite,
        invite: Request,
        destination: Flow,
        policy: DialogPolicy,
        now: float,
        others: Sequence[Flow | Contact] = (),
    ) -> None:
        super().__init__(core, command.call, OUTGOING_CALL, now, policy=policy)
        self._early: EarlyDialogs[InviteUsage] | None = None
        self._has_changed = False
        """Whether what the INVITE offered was no longer valid when it was answered."""
        self.auth_user, self.contact_user = command.auth_user, command.contact_user
        self._invite = invite
        self._destination = destination
        self._others = others
        self.meant = meant_by((destination, *(each if isinstance(each, Flow) else each.flow for each in others)))
        self.begin(now)

    @property
    def owns_call_id(self) -> bool:
        """We do."""
        return True

    @property
    def local_tag(self) -> str:
        """That of our INVITE: before there is a dialog, too."""
        return typed.from_tag(self._invite)

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
            if self._takes_provisional(client, response, now):
                self.handle(CallInput.GOT_1XX, now, what)
        elif response.status < 300:
            self._on_2xx(client, what, response, now)
        else:
            self.handle(CallInput.GOT_FAILURE, now, what)
        if response.status >= 200 and self._early is not None:
            self._early.close(self, self.dialog)

    def reschedule(self, now: float) -> None:
        """As for every call; one that ends without a final response leaves its early dialogs, too."""
        super().reschedule(now)
        if self._early is not None and self.machine.state is CallState.ENDED:
            self._early.close(self, self.dialog)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """The INVITE got no answer, or could not be sent."""
        self.handle(CallInput(failure), now)

    def _takes_provisional(self, client: ClientTransaction, response: Response, now: float) -> bool:
        if self.machine.state is CallState.ENDED:
            return False
        if self._early is None:
            if typed.rseq(response) is None:
                return True
            self._early = EarlyDialogs(self.core)
        return self._early.receive(self, client, response, self.sender, now)

    def dialog_of(self, request: Request) -> Dialog | None:
        """As for every call; before it is answered, one of its early dialogs."""
        if self.dialog is None and self._early is not None:
            return self._early.find(typed.from_tag(request))
        return self.dialog

    @property
    def offer_dialog(self) -> Dialog | None:
        """As for every call; before it is answered, the early dialog in which offer and answer are complete."""
        if self.dialog is None and self._early is not None and self.machine.state is CallState.PROCEEDING:
            return self._early.renegotiable
        return self.dialog

    @property
    def may_renegotiate(self) -> bool:
        """As for every call; before it is answered once the answer to our offer came reliably (RFC 3311 §5.1)."""
        return super().may_renegotiate or (self.dialog is None and self.offer_dialog is not None)

    def refuses_offer(self, update: Request) -> int | None:
        """As for every call; before it is answered, 491 as long as our own offer waits (RFC 3311 §5.2)."""
        dialog = self.dialog_of(update)
        if self.may_renegotiate and dialog is self.offer_dialog:
            return None
        answered = self._early is not None and self._early.answer_of(typed.from_tag(update)) is not None
        # Another phone's: it may try again when it is known who has answered.
        return 500 if answered else 491

    def admits(self, request: Request) -> bool:
        """As for every call; before it is answered, in its early dialog."""
        if self.dialog is not None:
            return super().admits(request)
        early = self.dialog_of(request)
        return early is None or early.admits(request)

    def _dialog_of(self, client: ClientTransaction, response: Response) -> Dialog:
        if self._early is not None:
            return self._early.confirm(client, response)
        return from_answer(client.request, response, client.destination)

    def _on_2xx(self, client: ClientTransaction, what: Context, response: Response, now: float) -> None:
        tag = typed.to(response).tag or ""
        if (ack := client.acks.get(tag)) is not None:
            self.core.layer.transmit(*ack)
        elif len(client.acks) >= self.core.settings.max_forks:
            self.core.counters.drop("fork beyond limit")
        elif not self.handle(CallInput.GOT_2XX, now, what):
            # A second phone answered, or one we no longer wait for.
            dialog = self._dialog_of(client, response)
            self.send_ack_in(dialog, client)
            self.send_bye_in(dialog, now)

    def _send_invite(self, what: Context, now: float) -> None:
        request = AuthenticatedRequest(
            self.core,
            self._destination,
            self,
            auth_user=self.auth_user,
            others=self._others,
            goes_on=lambda: self.machine.state in (CallState.CALLING, CallState.PROCEEDING),
            amend=self._name_us,
        )
        request.send(self._invite, self.auth_host, now)

    def _name_us(self, invite: Request, target: Flow) -> None:
        invite.headers.set("Contact", self.core.contact(target, user=self.contact_user))

    def _send_cancel(self, what: Context, now: float) -> None:
        self.core.send(cancel_of(self._invite, self.leaving), self._destination, now, None)

    def _send_ack(self, what: Context, now: float) -> None:
        if what.client is None or what.response is None:
            return
        self.dialog = self._dialog_of(what.client, what.response)
        self.core.dialogs[self.dialog.id] = self
        self.learn(what.response)
        if not self._may_have_changed(self.dialog):
            self.end_renegotiation(now)  # with a phone that did not answer
            self.local_sdp = b""
        self._has_changed = bool(self.local_sdp)
        self.local_sdp = self.local_sdp or what.client.request.body
        self.agreed_by(what.response, now)
        self.send_ack_in(self.dialog, what.client)

    def _may_have_changed(self, dialog: Dialog) -> bool:
        """Whether a dialog is the one in which an offer may have followed the INVITE's."""
        first = None if self._early is None else self._early.renegotiable
        return first is not None and first.remote_tag == dialog.remote_tag

    def _report_progress(self, what: Context, now: float) -> None:
        # 100 (Trying) comes from the next hop, not from the callee.
        if what.response is not None and what.response.status > 100:
            status, reason = what.response.status, what.response.reason
            self.learn(what.response)
            # Once a later offer has taken the place of the INVITE's, an answer to that one is valid no more.
            sdp = None if self.local_sdp else sdp_of(what.response)
            self.core.events.append(CallProgress(self.call, status, reason, sdp))

    def _report_answered(self, what: Context, now: float) -> None:
        if what.response is not None:
            methods = typed.allow(what.response) or frozenset()
            answer = None if self._has_changed else sdp_of(what.response)
            if answer is None and not self._has_changed and self._early is not None:
                # RFC 3262 §5: it may have been in the 183 only.
                answer = self._early.answer_of(typed.to(what.response).tag or "")
            self.core.events.append(CallAnswered(self.call, answer, methods))

    def _report_rejected(self, what: Context, now: float) -> None:
        if what.response is not None:
            self.core.events.append(rejected(self.call, what.response))

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
    core: Core, invite: Invite, destination: Flow, policy: DialogPolicy, headers: Iterable[tuple[str, str]]
) -> Request:
    """An INVITE outside any dialog (§8.1.1, §13.2.1)."""
    sender = invite.from_uri or f"sip:{core.settings.contact_user}@{core.local_for(destination).uri_host}"
    display = f"{quote(invite.from_display)} " if invite.from_display else ""
    fields = Headers()
    fields.add("Via", core.via(destination))
    fields.add("Max-Forwards", MAX_FORWARDS)
    fields.add("From", f"{display}<{sender}>;tag={core.entropy()}")
    fields.add("To", f"<{invite.target}>")
    fields.add("Call-ID", invite.call_id or core.entropy())
    fields.add("CSeq", "1 INVITE")
    fields.add("Allow", ALLOW)
    # An INVITE without an offer gets it in a reliable 1xx, and then the answer belongs into the PRACK (RFC 3262 §5).
    options = [option for option in core.options(policy) if invite.sdp or option != "100rel"]
    fields.add("Supported", ", ".join(options))
    if required := [option for option in policy.required if option in options]:
        fields.add("Require", ", ".join(required))
    for name, value in headers:
        fields.add(name, value)
    if invite.sdp:
        fields.add("Content-Type", SDP)
    request = Request("INVITE", invite.target, fields, invite.sdp)
    add_request_fields(request, policy, None)
    return request
