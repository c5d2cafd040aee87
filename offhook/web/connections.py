"""HTTP connections with deadlines, and a limit per source, so that idle ones cannot lock others out.

A connection either waits for its client (for the first byte, the rest of a request, or the client to read) or is being
answered. One that waits too long is closed. When a source is at its limit, or all places are taken, the one that has
waited longest is closed for the new one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from offhook.web.refusal_log import WebRefusalLog

MAX_CONNECTIONS = 256
MAX_PER_SOURCE = 128
"""A proxy on this machine is one source."""

FIRST_BYTE_S = 5.0
REQUEST_S = 10.0
"""From a request's first byte to its last."""

UNREAD_S = 60.0
"""How long a client may leave its response unread."""

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ConnectionTable:
    """The open connections, and those that wait for their clients, longest first."""

    def __init__(self) -> None:
        self._by_source: defaultdict[str, set[HttpConnection]] = defaultdict(set)
        self._count = 0
        self._waiting: dict[HttpConnection, None] = {}

    def __len__(self) -> int:
        return self._count

    def admit(self, connection: "HttpConnection", source: str) -> bool:
        """Admit a connection, evicting another one if necessary. False: there is no room for it."""
        same = self._by_source[source]
        full_source, full = len(same) >= MAX_PER_SOURCE, self._count >= MAX_CONNECTIONS
        if full_source or full:
            longest = next((one for one in self._waiting if not full_source or one in same), None)
            if longest is None:
                return False
            longest.evict()
        self._by_source[source].add(connection)
        self._count += 1
        return True

    def set_waiting(self, connection: "HttpConnection", waiting: bool) -> None:
        """Record whether a connection waits for its client, or is being answered."""
        if waiting:
            self._waiting.setdefault(connection)
        else:
            self._waiting.pop(connection, None)

    def remove(self, connection: "HttpConnection", source: str) -> None:
        """Remove a connection that is closed, or no longer HTTP. Idempotent."""
        self._waiting.pop(connection, None)
        same = self._by_source.get(source, set())
        if connection in same:
            same.discard(connection)
            self._count -= 1
            if not same:
                del self._by_source[source]


class HttpConnection(H11Protocol):
    """uvicorn's HTTP protocol, with deadlines and an entry in the table."""

    def __init__(
        self,
        table: ConnectionTable,
        log: WebRefusalLog,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._table = table
        self._log = log
        self._source = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._begun = False  # a request has begun and is incomplete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._source = self.client[0] if self.client else ""
        if not self._table.admit(self, self._source):
            self._log.refused("connection refused", 503, "all places for HTTP are taken", peer=self._source)
            transport.write(_BUSY)
            transport.close()
            return
        self._table.set_waiting(self, True)
        self._arm(FIRST_BYTE_S)

    def data_received(self, data: bytes) -> None:
        if not self._begun and not self._answering:
            self._begun = True
            self._arm(REQUEST_S)
        super().data_received(data)
        self._update()

    def on_response_complete(self) -> None:
        """A request is answered; the next one may have arrived already."""
        super().on_response_complete()
        self._begun = False
        self._update()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """No longer HTTP: the new owner of the socket has its own deadlines."""
        self._leave()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read its response."""
        super().pause_writing()
        self._table.set_waiting(self, True)
        self._arm(UNREAD_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._update()

    def send_400_response(self, msg: str) -> None:
        """The bytes are not HTTP."""
        self._log.refused("request refused", 400, msg, peer=self._source)
        super().send_400_response(msg)

    def evict(self) -> None:
        """Close it to make room for another one."""
        self._leave()
        self.transport.abort()

    @property
    def _answering(self) -> bool:
        """Whether a complete request is here, and not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _update(self) -> None:
        """Update whether it waits for the client or for the answer."""
        if self.transport.is_closing():
            return
        answering = self._answering
        self._table.set_waiting(self, not answering)
        if answering:
            self._begun = False
            self._disarm()

    def _leave(self) -> None:
        self._disarm()
        self._table.remove(self, self._source)

    def _arm(self, delay_s: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(delay_s, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self._answering:
            self.transport.abort()  # nobody reads the response
            return
        if self._begun and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(_TIMED_OUT)
        self.transport.close()


def connection_factory() -> Callable[..., H11Protocol]:
    """The `http` factory for uvicorn: protocols that share one table."""
    table, log = ConnectionTable(), WebRefusalLog()

    def make(config: Config, server_state: ServerState, app_state: dict[str, Any], **_: Any) -> HttpConnection:
        return HttpConnection(table, log, config, server_state, app_state)

    return make
