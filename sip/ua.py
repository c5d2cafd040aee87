"""The user agent: messages and `now` in, events and messages out. RFC 3261, and pure."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from offhook.sip import commands
from offhook.sip.command_checks import (
    check_account,
    check_parts,
    check_uri,
    checked_headers,
    progress_of,
    reasons_of,
    refusal_of,
)
from offhook.sip.commands import Command
from offhook.sip.counters import Counters
from offhook.sip.dialog.context import Context
from offhook.sip.dialog.core import PolicyOf, Registered, UserAgentCore
from offhook.sip.dialog.hops import Contact
from offhook.sip.dialog.info import send_key
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.ping import Ping
from offhook.sip.dialog.reinvite import Reinvite
from offhook.sip.dialog.requests import numeric_address
from offhook.sip.dialog.tables import CallInput, CallState
from offhook.sip.dialog.uac_invite import UacInviteUsage, first_invite
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import Event
from offhook.sip.invite_guard import InviteGuard
from offhook.sip.live_state import LiveState
from offhook.sip.message import typed
from offhook.sip.message.dtmf_relay import DtmfRelay
from offhook.sip.message.grammar import is_token
from offhook.sip.message.message import Response
from offhook.sip.message.parser import parse
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Flow, Target, Transport, transport_of
from offhook.sip.net.unsent import Unsent
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.refer.requests import answer_refer, send_refer
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.registration.client import Account, Registration
from offhook.sip.registration.query import RegistrationQuery
from offhook.sip.settings import UaSettings
from offhook.sip.silence import Silence
from offhook.sip.tokens import random_token
from offhook.sip.transaction.client import ClientTransaction
from offhook.sip.transaction.layer import AckReceived, ResponseReceived, TransactionFailed
from offhook.sip.uas import Admit, Uas

_PING = b"\r\n\r\n"
_PONG = b"\r\n"

_FILLING = b"\r\n\t \0"
"""The bytes of keep-alives that want no answer."""


class UserAgent:
    """Answers and makes calls.

    `listens` is the address that we have on each transport, an address alone is UDP's; `route`, where that is a
    wildcard or has no port, gives our address as the peer of a flow reaches it. `entropy` returns a new unguessable
    token each time. `admit` is asked once for each new call, with "INVITE" and its source, and for each OPTIONS outside
    a call: its refusal is sent at once, without transaction or event. Before that `guard` may ask the caller of an
    INVITE for a password; with it `registrar` takes REGISTERs. `silence` says who gets no answer at all. `policy_of`
    gives the policy of an incoming call by its Request-URI and source; without it all have that of the settings.

    After every `receive`, `handle_timer` or `do`: send `messages_to_send`, take `next_event` until it is None, and
    call `handle_timer` at `get_timer`. `now` is monotonic, in seconds.
    """

    def __init__(  # noqa: PLR0913  # each is optional, and a part of the user agent
        self,
        listens: Address | Mapping[Transport, Address],
        *,
        settings: UaSettings | None = None,
        entropy: Callable[[], str] = random_token,
        route: Callable[[Flow], Address] | None = None,
        admit: Admit | None = None,
        guard: InviteGuard | None = None,
        policy_of: PolicyOf | None = None,
        registrar: Registrar | None = None,
        silence: Silence | None = None,
    ) -> None:
        if isinstance(listens, Address):
            listens = {Transport.UDP: listens}
        self._core: Core = UserAgentCore(listens, settings or UaSettings(), entropy, route, policy_of)
        self.registrar = registrar
        self._uas = Uas(self._core, admit, guard, registrar, silence)
        self.live = LiveState(self._core, guard, registrar)
        """What is alive, a page at a time."""
        self._now = 0.0

    @property
    def counters(self) -> Counters:
        """What has been received, sent, dropped and refused so far."""
        return self._core.counters

    @property
    def idle(self) -> bool:
        """Whether there is no call, no registration and no transaction."""
        core = self._core
        return not (core.calls or core.dialogs or core.registrations or core.layer.clients or core.layer.servers)

    @property
    def overloaded(self) -> str:
        """Why every new call gets a 503 now; empty if none does for the user agent's sake."""
        return self._uas.overloaded

    # --- the wire

    def receive(self, data: bytes, source: Flow, now: float) -> None:
        """Take in a datagram, or a message of a stream. Never raises."""
        self._now = now
        core = self._core
        if len(data) < 4 or (len(data) == 4 and not data.strip(_FILLING)):
            core.counters.keepalives += 1
            if data == _PING and not self._uas.is_silent_for(source, now):
                # RFC 5626 §3.5.1, over UDP as many phones do it.
                core.layer.transmit(_PONG, source)
            return
        core.counters.received += 1
        try:
            message = parse(data)
        except ParseError as error:
            self._uas.refuse_unreadable(error, source, now)
            return
        try:
            if isinstance(message, Response):
                self._receive_response(message, now)
            else:
                self._uas.receive(message, source, now)
        except ParseError as error:
            self._uas.refuse_unreadable(error, source, now)
        self._drain(now)

    def next_event(self) -> Event | None:
        """The next event, oldest first; None when there is none."""
        return self._core.events.popleft() if self._core.events else None

    def messages_to_send(self) -> list[tuple[bytes, Flow]]:
        """What to send, and where, in order; each is returned once."""
        messages = self._core.layer.messages_to_send()
        self._core.counters.sent += len(messages)
        return messages

    def get_timer(self) -> float | None:
        """When to call `handle_timer`; None if no timer runs."""
        mine, its = self._core.agenda.get_timer(), self._core.layer.get_timer()
        return min((at for at in (mine, its) if at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due by `now`."""
        self._now = now
        self._core.layer.handle_timer(now)
        self._drain(now)
        while (session := self._core.agenda.pop_due(now)) is not None:
            session.handle_timer(now)
        self._drain(now)

    def transport_failed(self, destination: Flow, now: float, why: Unsent | None = None) -> None:
        """Something could not be sent there (§17.1.4): fail what waits for an answer from there."""
        self._now = now
        self._core.layer.transport_failed(destination, now, why)
        self._drain(now)

    def connection_lost(self, flow: Flow, now: float) -> None:
        """A connection is closed: an account that expects its calls by it registers again."""
        self._now = now
        self._core.connection_lost(flow)
        for registration in list(self._core.registrations.values()):
            registration.connection_lost(flow, now)
        self._drain(now)

    def dump(self, now: float | None = None) -> dict[str, object]:
        """Everything alive, as of `now` (else the latest one known): calls and transactions, state, age, next timer."""
        core = self._core
        at = self._now if now is None else now
        sessions: dict[int, InviteUsage] = {
            id(session): session for session in (*core.calls.values(), *core.dialogs.values())
        }
        return {
            "listens": {str(transport): str(address) for transport, address in core.listens.items()},
            "calls": [session.dump(at) for session in sessions.values()],
            "registrations": [each.dump(at) for each in core.registrations.values()],
            "users": [] if self.registrar is None else self.registrar.bindings.dump(at),
            "transactions": core.layer.dump(at),
            "counters": core.counters.dump(),
        }

    # --- commands

    def do(self, command: Command, now: float) -> None:
        """Execute a command. Raises LocalError, and changes nothing, when the call is not in a state for it: its handle
        is unknown or dead, or what it wants to send cannot be written.
        """
        self._now = now
        _EXECUTE[type(command)](self, command, now)

    def _usage(self, call: str) -> InviteUsage:
        usage = self._core.calls.get(call)
        if usage is None:
            raise LocalError(f"no call {call}: it is over, or never was")
        return usage

    def _renegotiation(self, call: str) -> Reinvite:
        usage = self._usage(call)
        if not usage.may_renegotiate:
            raise LocalError(f"call {call} is {usage.machine.state.value}: it has no media to change yet")
        return usage.renegotiation

    def _reinvite(self, asked: commands.Reinvite, now: float) -> None:
        usage = self._usage(asked.call)
        if usage.machine.state is not CallState.CONFIRMED:
            # §14.1: not while the first INVITE is unanswered; an UPDATE may change what was agreed on early (RFC 3311).
            raise LocalError(f"call {asked.call} is {usage.machine.state.value}: it takes no re-INVITE yet")
        usage.renegotiation.offer(asked.sdp, now)

    def _invite(self, invite: commands.Invite, now: float) -> None:
        headers = checked_headers(invite.headers)
        for uri in (invite.target, invite.from_uri):
            if uri is not None:
                check_uri(uri)
        check_parts(invite)
        others: tuple[Flow | Contact, ...]
        routes: tuple[str, ...] = ()
        first = invite.target
        if invite.destination is None and (user := self.user_of(invite.target)) is not None:
            # Only now: a user may have moved since the call was asked for.
            contacts = self._contacts(user, now)
            if invite.secure:
                contacts = tuple(each for each in contacts if each.flow.transport.is_secure)
            if not contacts:
                raise LocalError(f"{user} is registered by no phone that is reached over TLS")
            destination, first, routes = contacts[0].flow, contacts[0].uri, contacts[0].routes
            others = contacts[1:]
        else:
            destination = self._destination(invite.target, invite.destination, invite.transport)
            if invite.secure and not destination.transport.is_secure:
                raise LocalError(f"{invite.target} is reached by {destination.transport}: call over TLS")
            usable = [each for each in invite.others if each.transport.is_secure or not invite.secure]
            others = tuple(self._destination(invite.target, each) for each in usable)
        if invite.call in self._core.calls:
            raise LocalError(f"there is a call {invite.call} already: every Invite needs a handle of its own")
        policy = invite.policy or self._core.settings.policy
        request = first_invite(self._core, invite, destination, policy, headers)
        request.uri = first
        for route in routes:
            request.headers.add("Route", route)
        UacInviteUsage(self._core, invite, request, destination, policy, now, others)

    def _refer(self, refer: Refer, now: float) -> None:
        checked_headers((*refer.headers, *refer.target_headers))
        send_refer(self._core, self._usage(refer.call), refer, now)

    def user_of(self, uri: str) -> str | None:
        """The user that a URI means, of those that register with us; None for any other URI. Raises ParseError."""
        parsed, core = Uri.parse(uri), self._core
        host = parsed.host.lower().rstrip(".")
        here = any(host == each.uri_host and parsed.port in (None, each.port) for each in core.listens.values())
        is_ours = here or host in core.settings.domains
        return unquote(parsed.user) if self.registrar is not None and parsed.user and is_ours else None

    def contacts_of(self, uri: str, now: float) -> tuple[Target, ...]:
        """Where the user of a URI is, the first choice first. Raises LocalError: nowhere."""
        flows = [each.flow for each in self._contacts(self.user_of(uri) or uri, now)]
        return tuple(Target(flow.transport, flow.remote) for flow in flows)

    def _contacts(self, user: str, now: float) -> tuple[Contact, ...]:
        bindings = () if self.registrar is None else self.registrar.bindings.of(user, now)
        if not bindings:
            raise LocalError(f"{user} is not registered: there is no phone to call")
        return tuple(Contact(each.flow, each.contact, each.path) for each in bindings)

    # --- inside

    def _destination(self, target: str, given: Address | Target | None, transport: Transport | None = None) -> Flow:
        if isinstance(given, Target):
            flow = self._core.flow_to(given.transport, given.address, given.name)
            if flow is None:
                raise LocalError(f"{target} is reached by {given.transport}, which the user agent does not have")
            return flow
        uri = Uri.parse(target)
        transport = transport or transport_of(uri)
        if transport is None:
            raise LocalError(f"{target} asks for a transport that is not known")
        remote = given or numeric_address(uri, transport)
        if remote is None:
            raise LocalError(f"{target} names a host: the user agent resolves no names, give a destination")
        flow = self._core.flow_to(transport, remote, "" if numeric(uri.host) else uri.host)
        if flow is None:
            raise LocalError(f"{target} asks for {transport}, and the user agent does not listen on that")
        return flow

    def _register(self, asked: commands.Register, now: float) -> None:
        check_account(asked.registrar, asked.aor)
        if not is_token(asked.contact_user):
            raise LocalError(f"{asked.contact_user!r} cannot be the user of a Contact")
        destination = self._destination(asked.registrar, asked.destination, asked.transport)
        if asked.call in self._core.registrations:
            raise LocalError(f"the account {asked.call} is registered already, or about to be")
        account = Account(
            asked.registrar, asked.aor, asked.contact_user, asked.expires_s, asked.auth_user, asked.give_up_s
        )
        Registration(self._core, asked.call, account, destination, now)

    def _query(self, asked: commands.QueryRegistration, now: float) -> None:
        check_account(asked.registrar, asked.aor)
        at = self._destination(asked.registrar, asked.destination)
        RegistrationQuery(self._core, asked.call, asked.registrar, asked.aor, asked.auth_user, at, now)

    def _ping(self, asked: commands.Ping, now: float) -> None:
        check_uri(asked.target)
        Ping(self._core, asked.call, asked.target, self._destination(asked.target, asked.destination), now)

    def _move(self, asked: commands.MoveRegistration, now: float) -> None:
        registration, destination = self._registration(asked.call), asked.destination
        if isinstance(destination, Target):
            registration.move(self._destination(asked.call, destination), now)
        else:
            registration.move(registration.destination.to(destination), now)

    def _registration(self, account: str) -> Registered:
        registration = self._core.registrations.get(account)
        if registration is None:
            raise LocalError(f"no account {account} is registered")
        return registration

    def _receive_response(self, response: Response, now: float) -> None:
        # §8.1.3.3: a response with more Vias than ours was misrouted. A 2xx is parsed completely before it takes
        # effect, so that one that cannot make a dialog counts as lost.
        typed.validate_response(response)
        if len(typed.vias(response)) != 1:
            self.counters.drop("response of others")
            return
        if 200 <= response.status < 300 and typed.cseq(response).method == "INVITE":
            typed.contact(response)
            typed.record_routes(response)
        if not self._core.layer.receive_response(response, now):
            self.counters.drop("stray response")

    def _drain(self, now: float) -> None:
        """Pass the transactions' events to the calls that own them."""
        while (event := self._core.layer.next_event()) is not None:
            match event:
                case AckReceived(request=request):
                    self._uas.on_ack(request, now)
                case ResponseReceived(ClientTransaction(user=user) as client, response) if user is not None:
                    self._core.learn(client, response)
                    user.on_response(client, response, now)
                case TransactionFailed(ClientTransaction(user=user) as client, failure) if user is not None:
                    user.on_failure(client, failure, now)


_EXECUTE: Mapping[type[Command], Callable[[UserAgent, Any, float], None]] = {
    commands.Ring: lambda ua, it, now: ua._usage(it.call).command(CallInput.RING, now, progress_of(it)),
    commands.Answer: lambda ua, it, now: ua._usage(it.call).command(CallInput.ANSWER, now, Context(sdp=it.sdp)),
    commands.Reject: lambda ua, it, now: ua._usage(it.call).command(CallInput.REJECT, now, refusal_of(it)),
    commands.Bye: lambda ua, it, now: ua._usage(it.call).leave(CallInput.BYE, reasons_of(it), now),
    commands.Invite: UserAgent._invite,
    Refer: UserAgent._refer,
    AcceptRefer: lambda ua, it, now: answer_refer(ua._usage(it.call), it, now),
    RejectRefer: lambda ua, it, now: answer_refer(ua._usage(it.call), it, now),
    NotifyRefer: lambda ua, it, now: answer_refer(ua._usage(it.call), it, now),
    commands.Register: UserAgent._register,
    commands.MoveRegistration: UserAgent._move,
    commands.QueryRegistration: UserAgent._query,
    commands.Ping: UserAgent._ping,
    commands.Unregister: lambda ua, it, now: ua._registration(it.call).remove(now),
    commands.Cancel: lambda ua, it, now: ua._usage(it.call).leave(CallInput.CANCEL, reasons_of(it), now),
    commands.Reinvite: UserAgent._reinvite,
    commands.Update: lambda ua, it, now: ua._renegotiation(it.call).offer(it.sdp, now, "UPDATE"),
    commands.AnswerReinvite: lambda ua, it, now: ua._renegotiation(it.call).command(
        CallInput.ANSWER, now, Context(sdp=it.sdp)
    ),
    commands.RejectReinvite: lambda ua, it, now: ua._renegotiation(it.call).command(
        CallInput.REJECT, now, refusal_of(it)
    ),
    commands.SendKey: lambda ua, it, now: send_key(ua._usage(it.call), DtmfRelay(it.digit, it.duration_ms), now),
}
"""One row per command."""
