"""What all calls of a user agent share: transactions, names, addresses, outbound events."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeAlias, TypeVar
from zlib import crc32

from offhook.sip.auth.client import Authenticator
from offhook.sip.counters import Counters
from offhook.sip.dialog.model import DialogId
from offhook.sip.dialog.tables import durations
from offhook.sip.events import Event
from offhook.sip.message import build, typed
from offhook.sip.message.body import SDP
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Flow, Transport, only_connects
from offhook.sip.policy import DialogPolicy, Use
from offhook.sip.recent import Recent
from offhook.sip.settings import UaSettings
from offhook.sip.transaction.agenda import Agenda
from offhook.sip.transaction.client import ClientTransaction, TransactionUser
from offhook.sip.transaction.keys import MAGIC_COOKIE
from offhook.sip.transaction.layer import TransactionLayer
from offhook.sip.transaction.server import ServerTransaction

OVERLOADED = 503

_ASKED_OF_TRUNKS = ("REGISTER", "OPTIONS")
"""Who answers these is a trunk, and may say under which address we are seen."""


U = TypeVar("U")

PolicyOf: TypeAlias = Callable[[str, Address], DialogPolicy]
"""(Request-URI, source) -> the policy of an incoming call."""


class Timed(Protocol):
    """What the agenda wakes up."""

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due."""


class Registered(Timed, Protocol):
    """A registration, as far as the user agent has to know it."""

    destination: Flow
    """Where its REGISTERs go."""

    @property
    def call_id(self) -> str:
        """The Call-ID of its REGISTERs."""

    def move(self, destination: Flow, now: float) -> None:
        """Register there from now on."""

    def connection_lost(self, flow: Flow, now: float) -> None:
        """A connection is closed; perhaps the one by which calls were to come."""

    def remove(self, now: float) -> None:
        """Remove the binding, and end."""

    def dump(self, now: float) -> dict[str, object]:
        """As plain values."""
        ...


class UserAgentCore(Generic[U]):
    """Shared by all calls. Holds them (`U`) without knowing their state."""

    def __init__(
        self,
        listens: Mapping[Transport, Address],
        settings: UaSettings,
        entropy: Callable[[], str],
        route: Callable[[Flow], Address] | None,
        policy_of: PolicyOf | None = None,
    ) -> None:
        self.listens = listens
        self.settings = settings
        self.entropy = entropy
        self.counters = Counters()
        self.authenticator = Authenticator(settings.accounts, entropy)
        self.layer = TransactionLayer(settings.timers, retransmit_limit=settings.retransmit_limit)
        self.agenda: Agenda[U | Timed] = Agenda()
        self.events: deque[Event] = deque()
        self.registrations: dict[str, Registered] = {}
        self.calls: dict[str, U] = {}
        self.dialogs: dict[DialogId, U] = {}
        self.hung_up: Recent[DialogId, str] = Recent(settings.timers.give_up_s, settings.max_calls)
        """Our tags in dialogs that we hung up: the far end's BYE may have crossed ours."""
        self.proven: Recent[str, bool] = Recent(settings.proven_s, settings.max_proven_hosts)
        """Hosts that sent an ACK or PRACK with our tag, which cannot be guessed: they receive what is sent there."""
        self.unproven: Recent[str, int] = Recent(settings.unproven_s, settings.max_proven_hosts)
        """How many INVITEs other hosts have sent."""
        self.without_tcp: Recent[Address, bool] = Recent(settings.without_tcp_s, settings.max_proven_hosts)
        """Where a request that is too large for a datagram found no TCP."""
        self.pending_invites = 0
        self.durations: Mapping[str, float | None] = durations(settings)
        self._route = route
        self._policy_of = policy_of
        self._learnt: dict[tuple[Transport, Address], Address] = {}

    def flow_to(self, transport: Transport, remote: Address, name: str = "") -> Flow | None:
        """The flow to an address by a transport, and by that name; None if we do not have that."""
        local = self.listens.get(transport)
        return None if local is None else Flow(transport, local, remote, name=name)

    def local_for(self, flow: Flow) -> Address:
        """Our address as the peer can reach it."""
        local, advertised = flow.local, self.settings.advertised
        if (learnt := self._learnt.get((flow.transport, flow.remote))) is not None:
            return learnt
        own = self._own(flow)
        if advertised is not None:
            # A port is advertised for UDP and what listens beside it.
            same = local.port == self.listens.get(Transport.UDP, local).port
            return advertised if advertised.port and same else Address(advertised.host, own.port)
        return own

    def _own(self, flow: Flow) -> Address:
        local = flow.local
        if self._route is None or not (local.is_wildcard or only_connects(flow)):
            return Address(local.host, local.port or flow.transport.default_port)
        found = self._route(flow)
        return Address(found.host if local.is_wildcard else local.host, local.port or found.port)

    def learn(self, client: ClientTransaction, response: Response) -> None:
        """Take our address from an answer, as its sender saw it (RFC 3581 §4): behind a NAT it is another one.

        Of a connection the port is that of its own end. It counts where nobody can connect to us: then calls may come
        by that connection, and by no other.
        """
        flow = client.destination
        if client.request.method not in _ASKED_OF_TRUNKS and not only_connects(flow):
            return
        if not self.settings.follow_received and not only_connects(flow):
            return
        own, via = self._own(flow), typed.top_via(response)
        host = numeric(via.params.get("received") or "")
        port = via.params.get("rport") or ""
        if host is None or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            return
        seen = Address(str(host), int(port))
        reachable = flow.transport is not Transport.UDP and seen.host == own.host and not only_connects(flow)
        if seen == own or reachable:
            self._learnt.pop((flow.transport, flow.remote), None)
        elif len(self._learnt) < self.settings.max_proven_hosts or (flow.transport, flow.remote) in self._learnt:
            self._learnt[flow.transport, flow.remote] = seen

    def connection_lost(self, flow: Flow) -> None:
        """The next connection has another port, and a NAT gives it another one as well."""
        if only_connects(flow):
            self._learnt.pop((flow.transport, flow.remote), None)

    def is_large(self, request: Request, destination: Flow, now: float) -> bool:
        """Whether it has to go by a transport that controls congestion (§18.1.1): its size would be cut into pieces."""
        return (
            destination.transport is Transport.UDP
            and Transport.TCP in self.listens
            and len(bytes(request)) > self.settings.max_datagram_bytes
            and self.without_tcp.recall(destination.remote, now) is None
        )

    def contact(self, flow: Flow, *, secure: bool = False, user: str | None = None) -> str:
        """Our Contact for that peer; `secure`: for a dialog requested with a sips URI (§12.1.1)."""
        asked = "" if secure or flow.transport is Transport.UDP else f";transport={flow.transport.lower()}"
        return f"<{'sips' if secure else 'sip'}:{user or self.settings.contact_user}@{self.local_for(flow)}{asked}>"

    def options(self, policy: DialogPolicy) -> tuple[str, ...]:
        """The option tags that may be required of us in a call."""
        return tuple(option for option in self.settings.supported if policy.use(option) is not Use.OFF)

    def supported(self, policy: DialogPolicy) -> tuple[str, str]:
        """Our Supported: empty means no extensions (§20.37)."""
        return ("Supported", ", ".join(self.options(policy)))

    def policy_of(self, request: Request) -> DialogPolicy:
        """The policy for a request outside of our calls, by where it came from."""
        if self._policy_of is None or request.source is None:
            return self.settings.policy
        return self._policy_of(request.uri, request.source.remote)

    def via(self, flow: Flow) -> str:
        """The Via of a new request to that peer, with a new branch (RFC 3261 §8.1.1.7, RFC 3581 §3)."""
        # RFC 5923 §4: requests of the far end may come by the connection that this one opens.
        alias = ";alias" if flow.transport.is_reliable else ""
        return f"SIP/2.0/{flow.transport} {self.local_for(flow)};branch={MAGIC_COOKIE}{self.entropy()};rport{alias}"

    def fraction(self) -> float:
        """A random number from 0 up to 1, drawn from the entropy."""
        return crc32(self.entropy().encode()) / 2**32

    def send(self, request: Request, destination: Flow, now: float, user: TransactionUser | None) -> ClientTransaction:
        """Add our User-Agent to a request and send it in a transaction."""
        request.headers.set("User-Agent", self.settings.product)
        return self.layer.send_request(request, destination, now, user)

    def send_once(self, request: Request, destination: Flow) -> None:
        """Add our User-Agent to a request and send it without a transaction: its response does not matter."""
        request.headers.set("User-Agent", self.settings.product)
        self.layer.transmit(bytes(request), destination)

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        to_tag: str,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        sdp: bytes | None = None,
    ) -> None:
        """Answer a request within its transaction."""
        response = self.response(transaction.request, status, to_tag=to_tag, reason=reason, headers=headers, sdp=sdp)
        self.layer.respond(transaction, response, now)

    def response(
        self,
        request: Request,
        status: int,
        *,
        to_tag: str,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        sdp: bytes | None = None,
    ) -> Response:
        """A response with our Server header. 100 (Trying) gets no tag (§8.2.6.2); an existing tag stays.

        A 503 has a Retry-After: the given one, else one derived from the tag.
        """
        headers = tuple(headers)
        if status >= 200:
            self.counters.responses_by_status[status] += 1
        if status == OVERLOADED and not any(name.lower() == "retry-after" for name, _ in headers):
            least, most = self.settings.retry_after_s
            headers += (("Retry-After", str(least + crc32(to_tag.encode()) % (most - least + 1))),)
        return build.response(
            request,
            status,
            reason,
            to_tag=None if status == 100 else to_tag,
            headers=[*headers, ("Server", self.settings.product)],
            body=sdp or b"",
            content_type=SDP if sdp else None,
        )
