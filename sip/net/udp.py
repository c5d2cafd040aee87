"""SIP over UDP: a message is a datagram."""

import asyncio
import logging
import socket
from typing import cast

from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.net.framing import PING
from offhook.sip.net.transport import Failed, Received
from offhook.sip.net.unsent import Unsent

logger = logging.getLogger("sip.net")

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Requested receive buffer, so that a burst survives a busy moment of the loop; the kernel may grant less."""


class UdpTransport(asyncio.DatagramProtocol):
    """One socket."""

    def __init__(self, local: Address, received: Received, failed: Failed) -> None:
        self.local = local
        self._received = received
        self._failed = failed
        self._transport: asyncio.DatagramTransport | None = None
        self._sending: Flow | None = None

    @classmethod
    async def open(cls, host: str, port: int, received: Received, failed: Failed) -> "UdpTransport":
        """Bind; port 0 takes a free one. Raises OSError when the address cannot be bound."""
        bound = _bind(host, port)
        name = bound.getsockname()
        made = cls(Address(name[0], name[1]), received, failed)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, sock=bound)
        return made

    @property
    def is_open(self) -> bool:
        """See MessageTransport."""
        return self._transport is not None

    def flows(self, now: float) -> list[dict[str, object]]:
        """See MessageTransport."""
        return []

    def send(self, data: bytes, flow: Flow) -> None:
        """See MessageTransport."""
        if self._transport is None:
            return
        self._sending = flow
        try:
            self._transport.sendto(data, (flow.remote.host, flow.remote.port))
        except (OSError, ValueError) as error:
            # uvloop raises where asyncio calls error_received: for a port of 0, or a host of the other family.
            logger.info("cannot send to %s: %s", flow, error)
            self._failed(flow, Unsent("unreachable", str(error)))
        finally:
            self._sending = None

    def own_port(self, flow: Flow) -> int:
        """See MessageTransport."""
        return self.local.port

    def keep_alive(self, flow: Flow) -> None:
        """See MessageTransport."""
        self.send(PING, flow)

    def close(self) -> None:
        """See MessageTransport."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # --- asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # A cast: uvloop's transport isn't a subclass of asyncio's.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if exc is not None:
            logger.error("socket %s is lost: %s", self.local, exc)
        self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Called by the loop."""
        self._received(data, Flow(Transport.UDP, self.local, Address(str(addr[0]), int(addr[1]))))

    def error_received(self, exc: Exception) -> None:
        """Called by the loop: from within `sendto`, or for an ICMP error that names no datagram we sent."""
        if self._sending is not None:
            logger.info("cannot send to %s: %s", self._sending, exc)
            self._failed(self._sending, Unsent("unreachable", str(exc)))


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
