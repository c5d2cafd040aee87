"""The pump: the sockets, one user agent, one timer, on an asyncio loop (or uvloop)."""

import asyncio
import logging
import socket
from collections.abc import Callable

from offhook.sip.commands import Command
from offhook.sip.dialog.core import PolicyOf
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import Event
from offhook.sip.invite_guard import InviteGuard
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Target, Transport, only_connects, transport_of
from offhook.sip.net.records import DnsRecords, Records
from offhook.sip.net.resolver import Resolver
from offhook.sip.net.tcp import StreamTransport
from offhook.sip.net.tls import Tls
from offhook.sip.net.transport import MessageTransport
from offhook.sip.net.udp import UdpTransport
from offhook.sip.net.unsent import Unsent
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.settings import UaSettings
from offhook.sip.silence import Silence
from offhook.sip.tokens import random_token
from offhook.sip.ua import UserAgent
from offhook.sip.uas import Admit

logger = logging.getLogger("sip.net")

PORT_ATTEMPTS = 10
"""For a port of 0 that has to be free by UDP and TCP."""

_NO_NEW_REQUEST = (b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ", b"\r\n")
"""How messages begin that answer, confirm or end something, or keep a path open."""

_SHORTEST_WAIT_S = 0.001
"""A loop's clock may be coarser than the timer: without this a timer due within its step would spin."""


class Endpoint:
    """Carries messages between its transports and its `UserAgent`, and events to `on_event`.

    `on_event` runs on the loop's thread, in order, and may call `do`. An exception in it is logged; the sockets and
    other calls are not affected.
    """

    def __init__(self, on_event: Callable[[Event], None], loop: asyncio.AbstractEventLoop) -> None:
        self._on_event = on_event
        self.message_listeners: list[Callable[[bytes, Flow, bool], None]] = []
        """For traces, captures and the log: each gets every message, its flow, and whether it was received. None may
        raise."""
        self.reads: Callable[[Address, float], bool] | None = None
        """Asked, with its source and the time, whether a message that may begin something new is read; False: it is
        dropped, and counted."""
        self._loop = loop
        self._transports: dict[Transport, MessageTransport] = {}
        self._ua: UserAgent | None = None
        self.resolver: Resolver
        """Finds next hops; there from `open` on."""
        self._address = Address("", 0)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_at: float | None = None
        self._unsendable: list[tuple[Flow, Unsent]] = []
        self._pumping = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(  # noqa: PLR0913  # each is one property of an endpoint
        cls,
        host: str,
        port: int,
        on_event: Callable[[Event], None],
        *,
        settings: UaSettings | None = None,
        entropy: Callable[[], str] = random_token,
        admit: Admit | None = None,
        guard: InviteGuard | None = None,
        policy_of: PolicyOf | None = None,
        registrar: Registrar | None = None,
        silence: Silence | None = None,
        tcp: bool = False,
        tls: Tls | None = None,
        records: Records | None = None,
    ) -> "Endpoint":
        """Bind and start; port 0 takes a free one. With `tcp`, on that port by TCP as well; with `tls`, on its port by
        TLS. Domains are looked up in `records`, else in this machine's DNS. Raises OSError when an address cannot be
        bound."""
        endpoint = cls(on_event, asyncio.get_running_loop())
        try:
            await endpoint._listen(host, port, tcp=tcp)
            if tls is not None:
                await endpoint._listen_tls(host, tls)
        except OSError:
            endpoint.close()
            raise
        endpoint.resolver = Resolver(records or DnsRecords(), endpoint._transports, ipv6=":" in endpoint._address.host)
        endpoint._ua = UserAgent(
            {transport: carrier.local for transport, carrier in endpoint._transports.items()},
            settings=settings,
            entropy=entropy,
            route=endpoint._route,
            admit=admit,
            guard=guard,
            policy_of=policy_of,
            registrar=registrar,
            silence=silence,
        )
        return endpoint

    async def _listen(self, host: str, port: int, *, tcp: bool) -> None:
        for attempt in range(PORT_ATTEMPTS):
            udp = await UdpTransport.open(host, port, self._received, self._failed)
            self._transports[Transport.UDP], self._address = udp, udp.local
            if not tcp:
                return
            stream = StreamTransport(Transport.TCP, udp.local, self._received, self._failed)
            stream.lost = self._lost
            try:
                await stream.listen()
            except OSError:
                if port or attempt == PORT_ATTEMPTS - 1:
                    raise
                udp.close()  # another program has that port by TCP: take another
            else:
                self._transports[Transport.TCP] = stream
                return

    async def _listen_tls(self, host: str, tls: Tls) -> None:
        stream = StreamTransport(Transport.TLS, Address(host, tls.port), self._received, self._failed, tls=tls)
        stream.lost = self._lost
        if tls.server is None:
            stream.only_connect()
        else:
            await stream.listen()
        self._transports[Transport.TLS] = stream

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return self._address

    @property
    def tls_address(self) -> Address | None:
        """Where TLS is taken; None if it is not."""
        tls = self._transports.get(Transport.TLS)
        return None if tls is None or not tls.local.port else tls.local

    @property
    def is_open(self) -> bool:
        """Whether all sockets can receive: not after `close`, nor once one is lost."""
        return not self._closed and all(transport.is_open for transport in self._transports.values())

    @property
    def ua(self) -> UserAgent:
        """The user agent, for reading (`dump`, `counters`); commands go through `do`."""
        if self._ua is None:
            raise LocalError("the endpoint is not open: use Endpoint.open")
        return self._ua

    def flows(self) -> list[dict[str, object]]:
        """The open connections, as plain values."""
        now = self._loop.time()
        return [each for transport in self._transports.values() for each in transport.flows(now)]

    def do(self, command: Command) -> str:
        """Execute a command, then send, deliver events and arm the timer. Returns the handle of the call.

        Raises LocalError when the endpoint is closed, and as `UserAgent.do`.
        """
        if self._closed:
            raise LocalError("the endpoint is closed: open a new one")
        try:
            self.ua.do(command, self._loop.time())
        finally:
            self._pump()
        return command.call

    def contacts(self, uri: str) -> tuple[Target, ...]:
        """Where a user who registers with us is, the first choice first. Raises LocalError: nowhere."""
        return self.ua.contacts_of(uri, self._loop.time())

    async def find(self, uri: str) -> tuple[Target, ...]:
        """The targets of a URI, best first (RFC 3263): for `Invite.destination` and `Invite.others`. Empty for a user
        who registers with us: an `Invite` finds them without a destination.

        Raises LocalError for an invalid URI, or a transport that we do not have; OSError when the name is not found.
        """
        try:
            parsed = Uri.parse(uri)
        except ParseError as error:
            raise LocalError(f"{uri} is not a URI: {error}") from error
        if not parsed.host:
            raise LocalError(f"{uri} names no host: give a sip URI, or a destination")
        if self.ua.user_of(uri) is not None:
            return ()
        asked = transport_of(parsed) if parsed.params.get("transport") else None
        if parsed.params.get("transport") and asked not in self._transports:
            raise LocalError(f"{uri} asks for a transport that is not there: {parsed.params.get('transport')}")
        host = (parsed.params.get("maddr") or parsed.host).strip("[]")  # §19.1.1
        found = await self.resolver.find(host, parsed.port, asked, secure=parsed.scheme == "sips")
        if not found.targets:
            raise OSError(f"{host} is not found")
        return found.targets

    def keep_alive(self, target: Target) -> None:
        """Keep the way to a target open (RFC 5626 §3.5.1)."""
        if (carrier := self._transports.get(target.transport)) is not None and not self._closed:
            carrier.keep_alive(Flow(target.transport, carrier.local, target.address, name=target.name))

    async def drained(self) -> None:
        """Wait until no call, registration and transaction is left: then closing is clean. Up to 32 s after the last
        message."""
        await self._idle.wait()

    def close(self) -> None:
        """Stop at once: pending requests stay unanswered. Idempotent."""
        self._closed = True
        self._idle.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in self._transports.values():
            transport.close()

    # --- from the transports

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._closed or self._ua is None:  # one socket listens before the next is bound: it will be sent again
            return
        now = self._loop.time()
        if self.reads is not None and not data.startswith(_NO_NEW_REQUEST) and not self.reads(flow.remote, now):
            self.ua.counters.drop("unread")
            return
        for listener in self.message_listeners:
            listener(data, flow, True)
        self.ua.receive(data, flow, now)
        self._pump()

    def _failed(self, flow: Flow, why: Unsent) -> None:
        self._unsendable.append((flow, why))
        self._pump()

    def _lost(self, flow: Flow) -> None:
        if not self._closed and self._ua is not None:
            self._ua.connection_lost(flow, self._loop.time())
            self._pump()

    # --- inside

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            self._flush()
            while (event := self.ua.next_event()) is not None:
                self._deliver(event)
                self._flush()
        finally:
            self._pumping = False
        if self.ua.idle:
            self._idle.set()
        else:
            self._idle.clear()
        self._arm()

    def _flush(self) -> None:
        self._report_failed()  # a connection that could not be opened: what goes elsewhere in its place is sent below
        while messages := self.ua.messages_to_send():
            for data, flow in messages:
                self._send(data, flow)
            self._report_failed()

    def _report_failed(self) -> None:
        while self._unsendable:
            flow, why = self._unsendable.pop()
            self.ua.transport_failed(flow, self._loop.time(), why)

    def _send(self, data: bytes, flow: Flow) -> None:
        if self._closed:
            return
        for listener in self.message_listeners:
            listener(data, flow, False)
        self._transports[flow.transport].send(data, flow)

    def _deliver(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            logger.exception("the handler of %s failed", type(event).__name__)

    def _arm(self) -> None:
        at = None if self._closed else self.ua.get_timer()
        if at == self._armed_at and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_at = at
        if at is not None:
            self._timer = self._loop.call_at(max(at, self._loop.time() + _SHORTEST_WAIT_S), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.ua.handle_timer(self._loop.time())
        self._pump()

    def _route(self, flow: Flow) -> Address:
        """The local address that the kernel would send from: connecting a UDP socket sends nothing. Its port is that of
        the connection, where we only connect."""
        peer, port = flow.remote, self._address.port
        if only_connects(flow):
            port = self._transports[flow.transport].own_port(flow)
        family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((peer.host, peer.port))
                return Address(probe.getsockname()[0], port)
        except OSError:
            return Address(self._address.host, port)
