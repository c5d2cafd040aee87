"""UDP sockets on an event loop, and datagrams that leave at their time."""

import asyncio
import heapq
import itertools
import socket
import time
from collections.abc import Callable
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]
Receive: TypeAlias = Callable[[bytes, Address, float], None]
"""(data, source, monotonic seconds)."""

BUFFER_BYTES = 1 << 20
DATAGRAMS_PER_WAKEUP = 64
MAX_DATAGRAM_BYTES = 65_535
MAX_WAITING = 200_000
"""Datagrams in flight; more are dropped, so that no flood takes the machine's memory."""


class UdpPort:
    """A bound socket that calls `receive`; create it on the running loop. Raises OSError."""

    def __init__(self, address: Address, receive: Receive) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._closed = False
        self.address: Address = self._socket.getsockname()[:2]

    def send(self, data: bytes, address: Address) -> None:
        """Send now; a datagram that cannot be sent is lost, as on any network."""
        if not self._closed:
            try:
                self._socket.sendto(data, address)
            except OSError:
                return

    def close(self) -> None:
        """Idempotent."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        now = time.monotonic()
        for _ in range(DATAGRAMS_PER_WAKEUP):
            if self._closed:
                return
            try:
                data, source = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
            except OSError:
                # Nothing more, or an ICMP error for something sent before.
                return
            self._receive(data, source[:2], now)


class Outbox:
    """Sends at given times, in order, with one timer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0

    def at(self, when: float, send: Callable[[], None], now: float) -> None:
        """Call `send` at `when` (monotonic seconds); at once if that is not later than `now`."""
        if when <= now:
            send()
        elif len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
        else:
            heapq.heappush(self._waiting, (when, next(self._numbers), send))
            if self._waiting[0][0] == when:
                self._arm()

    def close(self) -> None:
        """Drop everything pending."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._waiting:
            delay_s = max(0.0, self._waiting[0][0] - time.monotonic())
            self._timer = self._loop.call_later(delay_s, self._send_due)

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
        self._arm()
