"""Port numbers of this process alone: neither another worker of this run nor another run on the machine gets them."""

import socket
from contextlib import ExitStack
from functools import cache

HOST = "127.0.0.1"
BLOCK = 400
STARTS: tuple[int, ...] = (*range(61_000, 65_400, BLOCK), *range(30_000, 32_400, BLOCK), *range(2_000, 4_800, BLOCK))
"""Linux gives out 32768 to 60999, and 10000 to 29999 are the defaults of the bot and of the test kit's callers."""


class _Block:
    """The ports behind the first one. Whoever has bound that number for TCP has the block, until they end."""

    def __init__(self) -> None:
        for start in STARTS:
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                lock.bind((HOST, start))
            except OSError:
                lock.close()
                continue
            self._lock = lock
            self._first, self._end = start + 2, start + BLOCK
            self._next = self._first
            return
        raise AssertionError(f"no ports left: {len(STARTS)} processes run tests on this machine")

    def take(self, count: int) -> int:
        if self._next + count > self._end:
            self._next = self._first
        low, self._next = self._next, self._next + count
        return low


_block = cache(_Block)


def own_ports(pairs: int = 20) -> tuple[int, int]:
    """The first, which is even, and the last of so many pairs (up to 199) in a row that are free now.

    Others at each call, as long as there are some: what still arrives for one test does not reach the next.
    """
    for _ in range(BLOCK):
        low = _block().take(2 * pairs)
        if _are_free(low, 2 * pairs):
            return low, low + 2 * pairs - 1
    raise AssertionError("no free ports: what earlier tests of this process opened is still open")


def _are_free(low: int, count: int) -> bool:
    with ExitStack() as stack:
        for port in range(low, low + count):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                one = stack.enter_context(socket.socket(socket.AF_INET, kind))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                try:
                    one.bind((HOST, port))
                except OSError:
                    return False
    return True


def own_port() -> int:
    """One, for a server that has to know it beforehand."""
    return own_ports(1)[0]


def own_rtp(pairs: int = 20) -> dict[str, object]:
    """`own_ports` as settings of `[rtp]`."""
    low, high = own_ports(pairs)
    return {"port_min": low, "port_max": high}


def free_udp_ports(count: int = 1) -> int:
    """The first, which is even, of so many in a row: for programs that look for no others."""
    return own_ports((count + 1) // 2)[0]
