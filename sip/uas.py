"""The user agent server (RFC 3261 §8.2, §12.2.2): judges each request, answers or refuses it, or passes it on."""

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeAlias

from offhook.sip.dialog.core import ALLOW, OVERLOADED, UserAgentCore
from offhook.sip.dialog.invite_usage import InviteUsage
from offhook.sip.dialog.model import request_dialog_id
from offhook.sip.dialog.reinvite import Reinvite
from offhook.sip.dialog.uas_invite import UasInviteUsage
from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.body import ACCEPT
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.rejected_cache import RejectedCache
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.transaction.via import fix_top_via
from offhook.sip.uas_checks import Refusal, check_content, check_headers, check_invite, check_method

Admit: TypeAlias = Callable[[], Refusal | None]
"""Whether a new call may come now; else what it is answered."""


class Uas:
    """The user agent's server side."""

    def __init__(self, core: UserAgentCore, admit: Admit | None) -> None:
        self._core = core
        self._admit = admit
        self._refused = RejectedCache(core.settings.timers.give_up_s, core.settings.max_refused_invites)
        self._tag_key = core.entropy().encode()[:64]

    def refuse_unreadable(self, error: ParseError, source: Address) -> None:
        """Answer a request that is invalid, if enough of it could be read, without keeping anything of it."""
        counters = self._core.counters
        counters.parse_errors += 1
        request = error.partial
        if not isinstance(request, Request) or request.method == "ACK":
            counters.drop("unreadable")
            return
        try:
            reply_to = fix_top_via(request, source)
            counters.rejected_by_status[error.status] += 1
            self._send_stateless(request, reply_to, Refusal(error.status, reason=error.reason))
        except ParseError:
            counters.drop("unreadable")

    def receive(self, request: Request, source: Address, now: float) -> None:
        """Take in a request that could be parsed. Raises ParseError when a header of it could not."""
        reply_to = fix_top_via(request, source)
        typed.validate_request(request)
        transaction = self._core.layer.match(request)
        if transaction is not None:
            self._core.counters.retransmissions_received += 1
            if not self._core.layer.receive_again(transaction, request, now):
                self._core.counters.drop("retransmission")
        elif request.method == "ACK":
            self._receive_ack(request, now)
        else:
            self._receive_new(request, source, reply_to, now)

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK of a 2xx, however it was matched (§13.3.1.4)."""
        self._receive_ack(request, now)

    def _receive_ack(self, request: Request, now: float) -> None:
        session = self._core.dialogs.get(request_dialog_id(request))
        if session is None:
            self._core.counters.drop("stray ACK")
        else:
            session.on_ack(request, now)

    def _receive_new(self, request: Request, source: Address, reply_to: Address, now: float) -> None:
        inside = typed.to(request).tag is not None
        session = self._core.dialogs.get(request_dialog_id(request)) if inside else None
        if request.method == "INVITE" and self._refuse_again(request, reply_to, now):
            return
        if self._overloaded(request, session):
            self._core.counters.rejected_by_status[OVERLOADED] += 1
            self._turn_away(request, reply_to, Refusal(OVERLOADED), now)
            return
        refusal_or_none = self._check(request, inside, session)
        if request.method == "CANCEL" and refusal_or_none is None:
            self._receive_cancel(request, reply_to, now)
            return
        begins_call = request.method == "INVITE" and session is None and refusal_or_none is None
        if begins_call and self._admit is not None and (closed := self._admit()) is not None:
            self._turn_away(request, reply_to, closed, now)
            return
        transaction = self._core.layer.accept(request, reply_to, now)
        if refusal_or_none is not None:
            self._refuse(transaction, refusal_or_none, now)
        elif session is not None:
            self._receive_inside(session, transaction, now)
        elif request.method == "INVITE":
            UasInviteUsage(self._core, transaction, source, now)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, now)
        else:
            self._refuse(transaction, Refusal(481), now)

    def _refuse_again(self, request: Request, reply_to: Address, now: float) -> bool:
        refusal = self._refused.recall(self._tag(request), now)
        if refusal is None:
            return False
        self._core.counters.retransmissions_received += 1
        self._send_stateless(request, reply_to, refusal)
        return True

    def _turn_away(self, request: Request, reply_to: Address, refusal: Refusal, now: float) -> None:
        """§8.2.7: without a transaction, so that a storm of calls costs neither timers nor retransmissions."""
        if request.method == "INVITE":
            self._refused.keep(self._tag(request), refusal, now)
        self._send_stateless(request, reply_to, refusal)

    def _overloaded(self, request: Request, session: InviteUsage | None) -> bool:
        core, settings = self._core, self._core.settings
        limit, load = settings.max_server_transactions, len(core.layer.servers)
        if session is not None or (request.method == "CANCEL" and core.layer.match_cancelled(request) is not None):
            # What belongs to a call has as much room again: under load, too, calls must come to their end.
            return load >= 2 * limit
        if load >= limit:
            return True
        return request.method == "INVITE" and (
            core.pending_invites >= settings.max_pending_invites or len(core.calls) >= settings.max_calls
        )

    def _check(self, request: Request, inside: bool, session: InviteUsage | None) -> Refusal | None:
        if (refusal := check_method(request)) is not None:
            return refusal
        if request.method == "CANCEL":
            # §8.2.2.3: Require means nothing in a CANCEL, and the transaction that it names decides the rest.
            return None
        if self._core.layer.merged(request):
            return Refusal(482)
        if (refusal := check_headers(request, self._core.settings)) is not None:
            return refusal
        if inside and session is None:
            return Refusal(481)
        if session is not None and session.dialog is not None and not session.dialog.admits(request):
            # §12.2.2: out of order.
            return Refusal(500, reason="CSeq Out Of Order")
        if (refusal := check_content(request)) is not None:
            return refusal
        return check_invite(request) if request.method == "INVITE" else None

    def _receive_inside(self, session: InviteUsage, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        if request.method == "INVITE":
            session.on_invite(transaction, request, now)
        elif request.method == "BYE":
            session.on_bye(transaction, now)
        else:
            self._answer_options(transaction, now)

    def _receive_cancel(self, request: Request, reply_to: Address, now: float) -> None:
        invite = self._core.layer.match_cancelled(request)
        transaction = self._core.layer.accept(request, reply_to, now)
        if invite is None:
            self._refuse(transaction, Refusal(481), now)
            return
        owner = invite.owner
        if isinstance(owner, UasInviteUsage):
            self._core.respond(transaction, 200, now, to_tag=owner.local_tag)
            owner.on_cancel(now)
        elif isinstance(owner, Reinvite):
            self._core.respond(transaction, 200, now, to_tag=owner.local_tag)
            owner.on_cancel(invite, now)
        else:
            self._core.respond(transaction, 200, now, to_tag=self._tag(invite.request))

    def _answer_options(self, transaction: ServerTransaction, now: float) -> None:
        """§11.2."""
        settings = self._core.settings
        headers = (
            ("Allow", ALLOW),
            ("Accept", ACCEPT),
            ("Supported", ", ".join(settings.supported)),
        )
        self._core.respond(transaction, 200, now, to_tag=self._tag(transaction.request), headers=headers)

    def _refuse(self, transaction: ServerTransaction, refusal: Refusal, now: float) -> None:
        self._core.counters.rejected_by_status[refusal.status] += 1
        self._core.respond(
            transaction,
            refusal.status,
            now,
            to_tag=self._tag(transaction.request),
            reason=refusal.reason,
            headers=refusal.headers,
        )

    def _send_stateless(self, request: Request, reply_to: Address, refusal: Refusal) -> None:
        response = self._core.response(
            request,
            refusal.status,
            to_tag=self._tag(request),
            reason=refusal.reason,
            headers=refusal.headers,
        )
        self._core.layer.transmit(bytes(response), reply_to)

    def _tag(self, request: Request) -> str:
        """A To tag that is the same for each copy of a request and nobody can guess (§8.2.7)."""
        seed = "\n".join(request.headers.get(name) or "" for name in ("Via", "From", "Call-ID", "CSeq"))
        return blake2b(seed.encode("utf-8", "replace"), digest_size=8, key=self._tag_key).hexdigest()
