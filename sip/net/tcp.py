"""SIP over TCP and TLS: connections that are opened when they are needed, kept, and used in both directions.

Theory of operation. A message comes with the id of its connection, and the answer goes back by that id (RFC 3261
§18.2.2). Our own request takes any connection to its destination that is there, the far end's as well (in the spirit
of RFC 5923), and opens one if there is none; what is to be sent waits meanwhile. An idle connection is closed by us
after a while, unless one of both keeps it open (RFC 5626 §3.5.1); a message that is begun has to be completed in time.
Who has answered our keep-alive before, and does not answer the next one, is gone: the connection is closed
(§4.4.1). That is reported for connections that we opened, since a far end may have wanted to reach us by it.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from offhook.sip.errors import ParseError
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.net.framing import PING, PONG, StreamFramer
from offhook.sip.net.tls import Tls
from offhook.sip.net.transport import Failed, Lost, Received
from offhook.sip.net.unsent import Unsent, untrusted

logger = logging.getLogger("sip.net")


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Of one listener."""

    connections: int = 2_000
    per_host: int = 100
    """Of a host that opened them."""
    connect_s: float = 5.0
    """To open one, its handshake included; what waits for it has failed then."""
    message_s: float = 10.0
    """From the first byte of a message to its last."""
    pong_s: float = 10.0
    """For the answer to a keep-alive (RFC 5626 §4.4.1)."""
    idle_s: float = 300.0
    """A dialog may be silent for longer: its next request opens another connection."""
    bound: int = 100
    """Ports that are taken for connections which are not open yet."""
    unsent_bytes: int = 1 << 20
    """Of a far end that does not read: more, and the connection is closed."""


_CLOSED = Unsent("unreachable", "the connection is closed")


class StreamTransport:
    """One listener, and all connections that it has accepted or opened."""

    def __init__(
        self,
        transport: Transport,
        local: Address,
        received: Received,
        failed: Failed,
        *,
        tls: Tls | None = None,
        limits: StreamLimits = StreamLimits(),
    ) -> None:
        self.transport = transport
        self.local = local
        self.limits = limits
        self.received = received
        self.failed = failed
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        self.lost: Lost = lambda flow: None
        """Called when a connection that we opened is closed."""
        self._server: asyncio.Server | None = None
        self._is_open = False
        self._connections: dict[int, Connection] = {}
        self._to: dict[tuple[Address, str], Connection] = {}  # the latest one to each peer
        self._hosts: Counter[str] = Counter()  # of those that were accepted
        self._waiting: dict[tuple[Address, str], list[tuple[bytes, Flow]]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._bound: dict[tuple[Address, str], socket.socket] = {}
        """Where we only connect: those of connections whose port is in a message before they are opened."""

    async def listen(self) -> None:
        """Accept connections at `local`, and open others. Raises OSError when the address cannot be bound."""
        self._server = await self._loop.create_server(
            lambda: Connection(self, accepted=True),
            self.local.host,
            self.local.port,
            ssl=None if self._tls is None else self._tls.server,
            ssl_handshake_timeout=None if self._tls is None else self.limits.connect_s,
            reuse_address=True,
        )
        name = self._server.sockets[0].getsockname()
        self.local = Address(name[0], name[1])
        self._is_open = True

    def only_connect(self) -> None:
        """Open connections, and accept none."""
        self.local = Address(self.local.host, 0)
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """See MessageTransport."""
        return self._is_open and (self._server is None or self._server.is_serving())

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._connections)

    def flows(self, now: float) -> list[dict[str, object]]:
        """See MessageTransport."""
        return [each.dump(now) for each in self._connections.values()]

    def send(self, data: bytes, flow: Flow) -> None:
        """See MessageTransport."""
        peer = self._peer(flow)
        connection = self._connections.get(flow.id) or self._to.get(peer)
        if connection is not None:
            connection.send(data, flow)
        elif not self._is_open:
            self.failed(flow, _CLOSED)
        elif peer in self._waiting:
            self._waiting[peer].append((data, flow))
        else:
            self._waiting[peer] = [(data, flow)]
            task = self._loop.create_task(self._open(*peer))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def own_port(self, flow: Flow) -> int:
        """See MessageTransport. One that is not open yet gets its port now."""
        peer = self._peer(flow)
        connection = self._connections.get(flow.id) or self._to.get(peer)
        if connection is not None:
            return connection.own_port
        if peer not in self._bound:
            unused = [each for each in self._bound if each not in self._waiting]
            if len(self._bound) >= self.limits.bound and unused:
                self._bound.pop(unused[0]).close()
            try:
                self._bound[peer] = _bind_any(flow.remote)
            except OSError as error:
                logger.warning("there is no port for a connection to %s: %s", flow, error)
                return self.transport.default_port
        return int(self._bound[peer].getsockname()[1])

    def keep_alive(self, flow: Flow) -> None:
        """See MessageTransport."""
        if (connection := self._to.get(self._peer(flow))) is not None:
            connection.ping()

    def close(self) -> None:
        """See MessageTransport."""
        self._is_open = False
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._opening:
            task.cancel()
        for bound in self._bound.values():
            bound.close()
        self._bound.clear()
        for connection in list(self._connections.values()):
            connection.close()

    def _peer(self, flow: Flow) -> tuple[Address, str]:
        """Whose connection will do: over TLS one that was verified for that name."""
        return flow.remote, flow.name if self._tls is not None else ""

    async def _open(self, remote: Address, name: str) -> None:
        connection, why = None, _CLOSED
        try:
            async with asyncio.timeout(self.limits.connect_s):
                connection = await self._connect(remote, name)
        except ssl.SSLCertVerificationError as error:
            why = untrusted(name or remote.host, error.verify_message)
            logger.warning("%s/%s: %s; %s", remote, self.transport, why.why, why.todo)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            why = Unsent("unreachable", f"no connection: {str(error) or type(error).__name__}")
            logger.info("%s/%s: %s", remote, self.transport, why.why)
        finally:
            bound = self._bound.pop((remote, name), None)
            if bound is not None and connection is None:
                bound.close()
            for data, flow in self._waiting.pop((remote, name), ()):
                if connection is None:
                    self.failed(flow, why)
                else:
                    connection.send(data, flow)

    async def _connect(self, remote: Address, name: str) -> "Connection":
        where: dict[str, Any] = {"host": remote.host, "port": remote.port}
        if (bound := self._bound.get((remote, name))) is not None:
            await self._loop.sock_connect(bound, (remote.host, remote.port))
            where = {"sock": bound}
        _, connection = await self._loop.create_connection(
            lambda: Connection(self, accepted=False, name=name),
            **where,
            ssl=None if self._tls is None else self._tls.client,
            server_hostname=None if self._tls is None else name or remote.host,
        )
        return connection

    # --- for its connections

    def admit(self, connection: "Connection") -> bool:
        """Whether an accepted connection may stay."""
        limits, host = self.limits, connection.flow.remote.host
        if connection.accepted:
            if len(self._connections) >= limits.connections or self._hosts[host] >= limits.per_host:
                logger.info("a connection of %s is refused: there are too many", connection.flow)
                return False
            self._hosts[host] += 1
        self._connections[connection.flow.id] = self._to[self._peer(connection.flow)] = connection
        return True

    def gone(self, connection: "Connection") -> None:
        """A connection is closed."""
        flow = connection.flow
        if self._connections.pop(flow.id, None) is None:
            return
        if self._to.get(self._peer(flow)) is connection:
            del self._to[self._peer(flow)]
        if connection.accepted:
            self._hosts[flow.remote.host] -= 1
            if not self._hosts[flow.remote.host]:
                del self._hosts[flow.remote.host]
        elif self._is_open:
            self.lost(flow)

    def next_flow(self, remote: Address, name: str) -> Flow:
        """The flow of a new connection."""
        return Flow(self.transport, self.local, remote, next(self._ids), name)


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, owner: StreamTransport, *, accepted: bool, name: str = "") -> None:
        self.accepted = accepted
        self.flow = Flow(owner.transport, owner.local, owner.local, name=name)
        self._owner = owner
        self._framer = StreamFramer()
        self._stream: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_begun = False  # a message, whose end is still to come
        self._since = 0.0
        self._pong_due: asyncio.TimerHandle | None = None

    def send(self, data: bytes, flow: Flow) -> None:
        """Send a message."""
        stream = self._stream
        if stream is None or stream.is_closing():
            self._owner.failed(flow, _CLOSED)
            return
        stream.write(data)
        if not self._is_begun:
            self._arm(self._owner.limits.idle_s)
        if stream.get_write_buffer_size() > self._owner.limits.unsent_bytes:
            logger.info("%s does not read: its connection is closed", self.flow)
            stream.abort()

    def ping(self) -> None:
        """Send a keep-alive."""
        stream, framer = self._stream, self._framer
        if stream is None or stream.is_closing() or not framer.is_between_messages:
            return
        framer.pongs_awaited = min(framer.pongs_awaited, 1) + 1
        stream.write(PING)
        self._arm(self._owner.limits.idle_s)
        if framer.pongs and self._pong_due is None:  # not everybody answers, and who does not is not gone
            self._pong_due = asyncio.get_running_loop().call_later(self._owner.limits.pong_s, self._no_pong)

    def _no_pong(self) -> None:
        logger.info("%s does not answer a keep-alive: its connection is closed", self.flow)
        self.close()

    def close(self) -> None:
        """Close it. Idempotent."""
        for timer in (self._timer, self._pong_due):
            if timer is not None:
                timer.cancel()
        self._timer = self._pong_due = None
        if self._stream is not None:
            self._stream.close()

    @property
    def own_port(self) -> int:
        """Of our end; 0 once it is closed."""
        name = None if self._stream is None else self._stream.get_extra_info("sockname")
        return int(name[1]) if name else 0

    def dump(self, now: float) -> dict[str, object]:
        """As plain values."""
        return {
            "transport": str(self.flow.transport),
            "peer": str(self.flow.remote),
            "name": self.flow.name,
            "opened_by": "peer" if self.accepted else "bot",
            "age_s": round(now - self._since, 1),
            "unsent_bytes": 0 if self._stream is None else self._stream.get_write_buffer_size(),
        }

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._stream = stream = cast(asyncio.Transport, transport)  # uvloop's isn't a subclass
        self._since = asyncio.get_running_loop().time()
        name = stream.get_extra_info("peername") or ("", 0)
        self.flow = self._owner.next_flow(Address(str(name[0]), int(name[1])), self.flow.name)
        sock = stream.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._owner.admit(self):
            stream.abort()
            return
        self._arm(self._owner.limits.idle_s)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._pong_due is not None:  # whatever comes shows that the far end is there
            self._pong_due.cancel()
            self._pong_due = None
        try:
            for message in self._framer.take(data):
                self._owner.received(message, self.flow)
        except ParseError as error:
            logger.info("the connection of %s is closed: %s", self.flow, error)
            self.close()
            return
        if self._framer.pings and self._stream is not None and not self._stream.is_closing():
            self._framer.pings = 0
            self._stream.write(PONG)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self.close()
        self._stream = None
        self._owner.gone(self)

    # --- time

    def _watch(self) -> None:
        limits = self._owner.limits
        if self._framer.is_between_messages:
            self._is_begun = False
            self._arm(limits.idle_s)
        elif not self._is_begun:
            self._is_begun = True
            self._arm(limits.message_s)

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None and not self._stream.is_closing():
            self._timer = asyncio.get_running_loop().call_later(seconds, self.close)


def _bind_any(remote: Address) -> socket.socket:
    """A socket for a connection there, with a port but not yet with an address of its own. Raises OSError."""
    bound = socket.socket(socket.AF_INET6 if ":" in remote.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.bind(("", 0))
    except OSError:
        bound.close()
        raise
    return bound
