"""The pump: one UDP socket, one user agent, one timer, on an asyncio loop (or uvloop)."""

import asyncio
import logging
import socket
from collections.abc import Callable

from offhook.sip.commands import Command
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import Event
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import DEFAULT_PORT, Address, numeric
from offhook.sip.settings import UaSettings
from offhook.sip.tokens import random_token
from offhook.sip.ua import UserAgent
from offhook.sip.uas import Admit

logger = logging.getLogger("sip.net")

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Requested receive buffer, so that a burst survives a busy moment of the loop; the kernel may grant less."""

_NO_NEW_REQUEST = (b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ", b"\r\n")
"""How datagrams begin that answer, confirm or end something, or keep a path open."""

_SHORTEST_WAIT_S = 0.001
"""A loop's clock may be coarser than the timer: without this a timer due within its step would spin."""


class Endpoint(asyncio.DatagramProtocol):
    """Carries datagrams between a socket and its `UserAgent`, and events to `on_event`.

    `on_event` runs on the loop's thread, in order, and may call `do`. An exception in it is logged; the socket and
    other calls are not affected.
    """

    def __init__(self, on_event: Callable[[Event], None], loop: asyncio.AbstractEventLoop) -> None:
        self._on_event = on_event
        self.datagram_listeners: list[Callable[[bytes, Address, bool], None]] = []
        """For captures and the log: each gets every datagram, its peer, and whether it was received. None may raise."""
        self.reads: Callable[[Address, float], bool] | None = None
        """Asked, with its source and the time, whether a datagram that may begin something new is read; False: it is
        dropped, and counted."""
        self._loop = loop
        self._transport: asyncio.DatagramTransport | None = None
        self._ua: UserAgent | None = None
        self._address = Address("", 0)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_at: float | None = None
        self._sending_to: Address | None = None
        self._unsendable: list[Address] = []
        self._pumping = False
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        on_event: Callable[[Event], None],
        *,
        settings: UaSettings | None = None,
        entropy: Callable[[], str] = random_token,
        admit: Admit | None = None,
    ) -> "Endpoint":
        """Bind and start; port 0 takes a free one. Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        endpoint = cls(on_event, loop)
        bound = _bind(host, port)
        name = bound.getsockname()
        endpoint._address = Address(name[0], name[1])
        endpoint._ua = UserAgent(
            endpoint._address, settings=settings, entropy=entropy, route=endpoint._route, admit=admit
        )
        await loop.create_datagram_endpoint(lambda: endpoint, sock=bound)
        return endpoint

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return self._address

    @property
    def is_open(self) -> bool:
        """Whether the socket can receive: not after `close`, nor once it is lost."""
        return self._transport is not None

    @property
    def ua(self) -> UserAgent:
        """The user agent, for reading (`dump`, `counters`); commands go through `do`."""
        if self._ua is None:
            raise LocalError("the endpoint is not open: use Endpoint.open")
        return self._ua

    def do(self, command: Command) -> str:
        """Execute a command, then send, deliver events and arm the timer. Returns the handle of the call.

        Raises LocalError when the endpoint is closed, and as `UserAgent.do`.
        """
        if self._transport is None:
            raise LocalError("the endpoint is closed: open a new one")
        try:
            self.ua.do(command, self._loop.time())
        finally:
            self._pump()
        return command.call

    async def resolve(self, uri: str) -> Address:
        """The address of a URI's host. Raises LocalError for an invalid URI, OSError when the name is not found."""
        try:
            parsed = Uri.parse(uri)
        except ParseError as error:
            raise LocalError(f"{uri} is not a URI: {error}") from error
        if not parsed.host:
            raise LocalError(f"{uri} names no host: give a sip URI, or a destination")
        port = parsed.port or DEFAULT_PORT
        number = numeric(parsed.host)
        if number is not None:
            return Address(str(number), port)
        family = socket.AF_INET6 if ":" in self._address.host else socket.AF_INET
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parsed.host, port, family=family, type=socket.SOCK_DGRAM)
        return Address(str(found[0][4][0]), port)

    async def drained(self) -> None:
        """Wait until no call and no transaction is left (up to 32 s after the last message): then closing is clean."""
        await self._idle.wait()

    def close(self) -> None:
        """Stop at once: pending requests stay unanswered. Idempotent."""
        self._idle.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # --- asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # Duck-typed: uvloop's transport isn't a subclass of asyncio's.
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if exc is not None:
            logger.error("socket %s is lost: %s", self._address, exc)
        self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Called by the loop."""
        source, now = Address(str(addr[0]), int(addr[1])), self._loop.time()
        if self.reads is not None and not data.startswith(_NO_NEW_REQUEST) and not self.reads(source, now):
            self.ua.counters.drop("unread")
            return
        for listener in self.datagram_listeners:
            listener(data, source, True)
        self.ua.receive(data, source, now)
        self._pump()

    def error_received(self, exc: Exception) -> None:
        """Called by the loop: from within `sendto`, or for an ICMP error that names no datagram we sent."""
        if self._sending_to is not None:
            logger.info("cannot send to %s: %s", self._sending_to, exc)
            self._unsendable.append(self._sending_to)

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
        while datagrams := self.ua.datagrams_to_send():
            for data, destination in datagrams:
                self._send(data, destination)
            while self._unsendable:
                self.ua.transport_failed(self._unsendable.pop(), self._loop.time())

    def _send(self, data: bytes, destination: Address) -> None:
        if self._transport is None:
            return
        for listener in self.datagram_listeners:
            listener(data, destination, False)
        self._sending_to = destination
        try:
            self._transport.sendto(data, (destination.host, destination.port))
        except (OSError, ValueError) as error:
            # uvloop raises where asyncio calls error_received: for a port of 0, or a host of the other family.
            logger.info("cannot send to %s: %s", destination, error)
            self._unsendable.append(destination)
        finally:
            self._sending_to = None

    def _deliver(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            logger.exception("the handler of %s failed", type(event).__name__)

    def _arm(self) -> None:
        at = self.ua.get_timer() if self._transport is not None else None
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

    def _route(self, peer: Address) -> Address:
        """The local address that the kernel would send from: connecting a UDP socket sends nothing."""
        family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((peer.host, peer.port))
                return Address(probe.getsockname()[0], self._address.port)
        except OSError:
            return self._address


def _bind(host: str, port: int) -> socket.socket:
    family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind, proto)
    try:
        if family == socket.AF_INET6:
            # One family per socket, so that a peer's address is the one in its messages.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.setblocking(False)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound
