"""The user agent server (RFC 3261 §8.2, §12.2.2): checks each request, and answers, refuses or passes it on.

Theory of operation. `receive` takes every request that could be parsed, in this order:

1. `fix_top_via` writes the request's real source into the top Via: its answer goes there (§18.2.1).
2. `validate_request` parses what the method needs, and no more. A malformed request is answered 400 from whatever could
   be parsed (`refuse_unreadable`); an ACK is never answered.
3. A request that belongs to a transaction is a retransmission or the ACK of a failure, and handled by the transaction
   (§17.2). The ACK of a 2xx belongs to the dialog, with or without a transaction of the same branch (§13.2.2.4).
4. Any other request is new. A request in a known dialog goes to its call, by the table of in-dialog methods; others by
   the table of out-of-dialog methods. Before that come the checks of §8.2: earlier answers, load, order (a request
   that is refused later on still moves the dialog, §12.2.2), method, merged requests, extensions, dialog, body.

Requests refused here are refused without a transaction (§8.2.7): nothing is retransmitted, so a stranger gets one
answer per request, and the same one for a retransmission. OPTIONS outside a call and CANCEL of nothing are
answered likewise. Of a refused INVITE only its answer is kept, for as long as the INVITE may be retransmitted
(`RejectedCache`). A caller who is not trusted is asked for a password (`InviteGuard`). An INVITE that passes gets a
transaction and a call (`UasInviteUsage`), and its owner an event. A REGISTER is for the `Registrar`, if there is one;
its user needs a password from everywhere. Unknown senders may be left without any answer (`Silence`).
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TypeAlias

from offhook.sip.dialog.core import OVERLOADED
from offhook.sip.dialog.info import check_info, receive_info
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.model import request_dialog_id
from offhook.sip.dialog.tables import CallInput
from offhook.sip.dialog.uas_invite import UasInviteUsage
from offhook.sip.errors import ParseError
from offhook.sip.events import CallRefused, RequestRefused, UserRegistered
from offhook.sip.invite_guard import Challenged, InviteGuard
from offhook.sip.message import build, typed
from offhook.sip.message.body import ACCEPT
from offhook.sip.message.identities import printable
from offhook.sip.message.message import Request
from offhook.sip.methods import ALLOW, METHODS, Place
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow
from offhook.sip.policy import DialogPolicy
from offhook.sip.refer.requests import on_notify, on_refer, replaced_by
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.rejected_cache import RejectedCache
from offhook.sip.silence import Silence
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.transaction.via import fix_top_via
from offhook.sip.uas_checks import (
    Refusal,
    check_content,
    check_extensions,
    check_headers,
    check_interval,
    check_invite,
    check_method,
)

MALFORMED = 400

_OUT_OF_ORDER = Refusal(500, reason="CSeq Out Of Order")
"""§12.2.2."""

Admit: TypeAlias = Callable[[str, Address], Refusal | None]
"""("INVITE", or "OPTIONS" asking whether an INVITE would succeed; its source) -> None to admit a new call now, else its
answer."""


class Uas:
    """The user agent's server side."""

    def __init__(
        self,
        core: Core,
        admit: Admit | None,
        guard: InviteGuard | None = None,
        registrar: Registrar | None = None,
        silence: Silence | None = None,
    ) -> None:
        self._core = core
        self._guard = guard
        self._registrar = registrar if guard is not None else None
        self._silence = silence
        self._admit: Admit = admit or (lambda method, source: None)
        self._rejected = RejectedCache(core.settings.timers.give_up_s, core.settings.max_refused_invites)
        self._tag_key = core.entropy().encode()[:64]

    @property
    def overloaded(self) -> str:
        """Why a new call would get a 503; empty if it would not."""
        core, settings = self._core, self._core.settings
        if len(core.layer.servers) >= settings.max_server_transactions:
            return f"{len(core.layer.servers)} SIP transactions are in progress"
        if core.pending_invites >= settings.max_pending_invites:
            return f"{core.pending_invites} calls wait for an answer"
        if len(core.calls) >= settings.max_calls:
            return f"{len(core.calls)} SIP dialogs are in progress"
        return ""

    def refuse_unreadable(self, error: ParseError, source: Flow, now: float) -> None:
        """Answer a malformed request statelessly, if enough of it could be parsed."""
        counters = self._core.counters
        counters.parse_errors += 1
        if self.is_silent_for(source, now):
            counters.drop("unknown source")
            return
        request = error.partial
        if isinstance(request, Request) and error.status == MALFORMED and self._confirms_or_ends(request, source, now):
            return
        if not isinstance(request, Request) or request.method == "ACK":
            counters.drop("unreadable")
            return
        try:
            reply_to = fix_top_via(request, source)
        except ParseError:
            if "Via" not in request.headers:
                counters.drop("unreadable")
                return
            # RFC 4475 §3.1.2.1: a malformed Via is echoed unchanged, to the request's source.
            reply_to = source
        request.source = source
        self._refuse(request, reply_to, Refusal(error.status, reason=error.reason), now)

    def _confirms_or_ends(self, request: Request, source: Flow, now: float) -> bool:
        """An ACK or BYE whose request line or Via is malformed: the dialog identifiers are enough to act on it."""
        if request.method not in {"ACK", "BYE"}:
            return False
        request.source = source
        try:
            usage = self._core.dialogs.get(request_dialog_id(request))
            if usage is None:
                return False
            if request.method == "ACK":
                usage.on_ack(request, now)
                return True
            if not usage.admits(request):
                return False
        except ParseError:
            return False
        # Without a transaction: a retransmission finds no call any more, and its 400 ends the far end's side, too.
        self._send_stateless(request, source, Refusal(200))
        usage.handle(CallInput.GOT_BYE, now)
        return True

    def receive(self, request: Request, source: Flow, now: float) -> None:
        """Take in a parsed request. Raises ParseError when a header that it needs is malformed."""
        request.source = source
        reply_to = fix_top_via(request, source)
        for name in typed.validate_request(request):
            self._core.counters.ignored_headers[name] += 1
        self._core.counters.ignored_lines += request.ignored_lines
        transaction = self._core.layer.match(request)
        if transaction is not None:
            self._core.counters.retransmissions_received += 1
            if not self._core.layer.receive_again(transaction, request, now):
                self._core.counters.drop("retransmission")
        elif request.method == "ACK":
            self.on_ack(request, now)
        elif self._silence is not None and self._gets_nothing(request, source, now):
            self._core.counters.drop("unknown source")
        elif not self._answered_before(request, reply_to, now):
            self._receive_new(request, source, reply_to, now)

    def is_silent_for(self, source: Flow, now: float) -> bool:
        """Whether that sender gets no answer to what belongs to no call."""
        return self._silence is not None and self._silence.covers(source.remote, now)

    def _gets_nothing(self, request: Request, source: Flow, now: float) -> bool:
        if self._silence is None or request_dialog_id(request) in self._core.dialogs:
            return False
        if request.method == "CANCEL" and self._core.layer.match_cancelled(request) is not None:
            return False
        return self._silence.covers_request(request, source.remote, now)

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK of a 2xx (§13.3.1.4)."""
        usage = self._core.dialogs.get(request_dialog_id(request))
        if usage is None:
            self._core.counters.drop("stray ACK")
        else:
            if request.source is not None:
                self._core.proven.keep(request.source.remote.host, True, now)
            usage.on_ack(request, now)

    # --- new requests

    def _receive_new(self, request: Request, source: Flow, reply_to: Flow, now: float) -> None:
        usage = self._core.dialogs.get(request_dialog_id(request)) if typed.to_tag(request) else None
        refusal = Refusal(OVERLOADED) if self._overloaded(request, usage) else self._check(request, usage, now)
        if refusal is not None:
            self._refuse(request, reply_to, refusal, now)
            if usage is not None:
                self._core.events.append(RequestRefused(usage.call, request.method, refusal.status, _phrase(refusal)))
        elif usage is not None and (in_dialog := IN_DIALOG.get(request.method)) is not None:
            in_dialog(self, usage, self._core.layer.accept(request, reply_to, now), now)
        else:
            OUT_OF_DIALOG[request.method](self, request, source, reply_to, now)

    def _overloaded(self, request: Request, usage: InviteUsage | None) -> bool:
        core = self._core
        limit, load = core.settings.max_server_transactions, len(core.layer.servers)
        if usage is not None or (request.method == "CANCEL" and core.layer.match_cancelled(request) is not None):
            # In-dialog requests have twice the room: calls must be able to end under load, too.
            return load >= 2 * limit
        return request.method == "INVITE" and bool(self.overloaded)

    def _check(self, request: Request, usage: InviteUsage | None, now: float) -> Refusal | None:
        if request.method == "CANCEL":
            # §8.2.2.3: Require means nothing in a CANCEL, and its transaction decides the rest.
            return None
        if request.method == "BYE":
            return self._check_bye(request, usage, now)
        if usage is not None and not usage.admits(request):
            return _OUT_OF_ORDER
        if (request.method != "REGISTER" or self._registrar is None) and (refusal := check_method(request)) is not None:
            return refusal
        if self._core.layer.merged(request):
            return Refusal(482)
        policy = self._core.policy_of(request) if usage is None else usage.policy
        if (refusal := check_headers(request, self._core.settings, self._core.options(policy))) is not None:
            return refusal
        if usage is None and (typed.to_tag(request) or METHODS.get(request.method) is Place.IN_DIALOG):
            return Refusal(481)
        if request.method == "INFO":
            return check_info(request)
        return check_content(request) or self._check_session(request, usage, policy)

    def _check_session(self, request: Request, usage: InviteUsage | None, policy: DialogPolicy) -> Refusal | None:
        """What only the requests have to say that set up or change a session."""
        refusal = None
        if request.method == "INVITE":
            refusal = check_invite(request) or (check_extensions(request, policy.required) if usage is None else None)
        if request.method in {"INVITE", "UPDATE"}:
            refusal = refusal or check_interval(request, policy)
        return refusal

    def _check_bye(self, request: Request, usage: InviteUsage | None, now: float) -> Refusal | None:
        """Only dialog and order."""
        if usage is not None:
            return None if usage.admits(request) else _OUT_OF_ORDER
        # RFC 5407 §3.2.3: it crossed our BYE, and both are valid.
        crossed = self._core.hung_up.recall(request_dialog_id(request), now)
        return Refusal(481) if crossed is None else Refusal(200)

    # --- in a dialog

    def _options_in_dialog(self, usage: InviteUsage, transaction: ServerTransaction, now: float) -> None:
        self._core.respond(transaction, 200, now, to_tag=usage.local_tag, headers=self._capabilities(usage.policy))

    # --- out of dialog

    def _invite(self, request: Request, source: Flow, reply_to: Flow, now: float) -> None:
        if self._guard is not None and (asked := self._guard.check(request, source.remote, now)) is not None:
            self._ask(request, reply_to, asked, now)
            return
        if (closed := self._admit("INVITE", source.remote)) is not None:
            self._turn_away(request, reply_to, closed, now)
            return
        replaced = replaced_by(self._core, request, now)
        if isinstance(replaced, Refusal):
            self._refuse(request, reply_to, replaced, now)
            return
        most = self._most_repeats(reply_to.remote.host, now)
        transaction = self._core.layer.accept(request, reply_to, now, most_repeats=most)
        UasInviteUsage(self._core, transaction, source, now, "" if replaced is None else replaced.call)

    def _ask(self, request: Request, reply_to: Flow, asked: Challenged, now: float) -> None:
        if asked.refusal is None:
            self._core.counters.drop("guessing")
            return
        # Only credentials that are wrong are reported: every call of a user begins without any.
        answer = self._refuse if asked.wrong else self._turn_away
        answer(request, reply_to, asked.refusal, now)

    def _register(self, request: Request, source: Flow, reply_to: Flow, now: float) -> None:
        if self._registrar is None or self._guard is None:
            return  # refused before
        user = self._guard.identify(request, source.remote, now)
        if isinstance(user, Challenged):
            self._ask(request, reply_to, user, now)
            return
        bindings = self._registrar.bindings
        before = [each.contact for each in bindings.of(user, now)]
        answer = self._registrar.register(user, request, source, now)
        # Other than a challenge this has a transaction: a copy cannot be judged again, its credentials are used up.
        transaction = self._core.layer.accept(request, reply_to, now)
        self._core.respond(
            transaction, answer.status, now, to_tag=self._tag(request), reason=answer.reason, headers=answer.headers
        )
        after = [each.contact for each in bindings.of(user, now)]
        if sorted(after) != sorted(before):
            self._core.events.append(UserRegistered(user, len(after), source.remote))

    def _most_repeats(self, host: str, now: float) -> int | None:
        """How often the response to an INVITE may be repeated unasked; None: as the RFC says."""
        core = self._core
        if core.proven.recall(host, now) is not None:
            return None
        invites = (core.unproven.recall(host, now) or 0) + 1
        core.unproven.keep(host, invites, now)
        return None if invites <= core.settings.unproven_invites else core.settings.unproven_repeats

    def _options(self, request: Request, source: Flow, reply_to: Flow, now: float) -> None:
        # §11.2: the answer an INVITE would get, so that a probing proxy learns that there is no room.
        refusal = self._admit("OPTIONS", source.remote) or Refusal(
            200, self._capabilities(self._core.policy_of(request))
        )
        self._turn_away(request, reply_to, refusal, now)

    def _cancel(self, request: Request, source: Flow, reply_to: Flow, now: float) -> None:
        invite = self._core.layer.match_cancelled(request)
        if invite is None:
            self._refuse(request, reply_to, Refusal(481), now)
            return
        transaction = self._core.layer.accept(request, reply_to, now)
        self._core.respond(transaction, 200, now, to_tag=invite.local_tag or self._tag(invite.request))
        if invite.user is not None:
            invite.user.on_cancel(invite, request, now)

    def _capabilities(self, policy: DialogPolicy) -> tuple[tuple[str, str], ...]:
        """§11.2."""
        return (("Allow", ALLOW), ("Accept", ACCEPT), self._core.supported(policy))

    # --- refusals

    def _answered_before(self, request: Request, reply_to: Flow, now: float) -> bool:
        if request.method != "INVITE" or (refusal := self._rejected.recall(self._tag(request), now)) is None:
            return False
        self._core.counters.retransmissions_received += 1
        self._send_stateless(request, reply_to, refusal)
        return True

    def _refuse(self, request: Request, reply_to: Flow, refusal: Refusal, now: float) -> None:
        """Refuse on our own account: counted, and for a new call reported to the owner."""
        if refusal.status >= 300:
            self._core.counters.rejected_by_status[refusal.status] += 1
        if request.method == "INVITE" and not typed.to_tag(request):
            self._core.events.append(_refused_call(request, refusal))
        self._turn_away(request, reply_to, refusal, now)

    def _turn_away(self, request: Request, reply_to: Flow, refusal: Refusal, now: float) -> None:
        """§8.2.7: without a transaction, so that a storm costs neither timers nor retransmissions."""
        if request.method == "INVITE":
            self._rejected.keep(self._tag(request), refusal, now)
        self._send_stateless(request, reply_to, refusal)

    def _send_stateless(self, request: Request, reply_to: Flow, refusal: Refusal) -> None:
        response = self._core.response(
            request, refusal.status, to_tag=self._tag(request), reason=refusal.reason, headers=refusal.headers
        )
        self._core.layer.transmit(bytes(response), reply_to)

    def _tag(self, request: Request) -> str:
        """An unguessable To tag, the same for each copy of a request (§8.2.7)."""
        seed = "\n".join(request.headers.get(name) or "" for name in ("Via", "From", "Call-ID", "CSeq"))
        return blake2b(seed.encode("utf-8", "replace"), digest_size=8, key=self._tag_key).hexdigest()


IN_DIALOG: Mapping[str, Callable[[Uas, InviteUsage, ServerTransaction, float], None]] = {
    "INVITE": lambda _, usage, server, now: usage.on_invite(server, now),
    "BYE": lambda _, usage, server, now: usage.on_bye(server, now),
    "OPTIONS": Uas._options_in_dialog,
    "PRACK": lambda _, usage, server, now: usage.on_prack(server, now),
    "UPDATE": lambda _, usage, server, now: usage.on_update(server, now),
    "INFO": lambda uas, usage, server, now: receive_info(uas._core, usage, server, now),
    "REFER": lambda _, usage, server, now: on_refer(usage, server, now),
    "NOTIFY": lambda _, usage, server, now: on_notify(usage, server, now),
}
"""Methods in a dialog (§12.2.2): each in a transaction of its own."""

OUT_OF_DIALOG: Mapping[str, Callable[[Uas, Request, Flow, Flow, float], None]] = {
    "INVITE": Uas._invite,
    "OPTIONS": Uas._options,
    "CANCEL": Uas._cancel,
    # Nobody outside a call may have us call somebody (RFC 3515 §5).
    "REFER": lambda uas, request, _, reply_to, now: uas._refuse(request, reply_to, Refusal(403), now),
    "REGISTER": Uas._register,
}
"""Out-of-dialog methods. CANCEL is one: it refers to a transaction, in a dialog or not (§9.2)."""


def _refused_call(request: Request, refusal: Refusal) -> CallRefused:
    assert request.source is not None, "it has come from somewhere"
    return CallRefused(
        call="",
        call_id=printable(request.headers.get("Call-ID") or ""),
        from_uri=printable(request.headers.get("From") or ""),
        request_uri=printable(request.uri),
        source=request.source.remote,
        status=refusal.status,
        reason=_phrase(refusal),
    )


def _phrase(refusal: Refusal) -> str:
    return refusal.reason or build.REASONS.get(refusal.status, "")
