"""A UDP socket that shows what passes through it, for captures."""

import socket
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]

Tap = Callable[[bytes, Address, int, bool], None]
"""(datagram, the far end's address, our port, whether it was received). Called on the thread that uses the socket; must
not raise."""


class TappedSocket(socket.socket):
    """Takes `sock` over: that one can be used no more."""

    def __init__(self, sock: socket.socket, tap: Tap) -> None:
        super().__init__(fileno=sock.detach())
        self.setblocking(False)
        self._port = self.getsockname()[1]
        self._tap = tap

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As a socket's."""
        data, source = super().recvfrom(bufsize, flags)
        self._tap(data, source[:2], self._port, True)
        return data, source

    def sendto(self, data: bytes, address: Address) -> int:  # type: ignore[override]  # flags are not needed
        """As a socket's; what could not be sent is not shown."""
        sent = super().sendto(data, address)
        self._tap(data, address, self._port, False)
        return sent
