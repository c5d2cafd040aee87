"""Port numbers of this process alone: neither another worker of this run nor another run on the machine gets them."""

import socket
import threading
from contextlib import ExitStack
from functools import cache

HOST = "127.0.0.1"
BLOCK = 400
STARTS: tuple[int, ...] = (*range(61_000, 65_400, BLOCK), *range(30_000, 32_400, BLOCK), *range(2_000, 4_800, BLOCK))
"""Linux gives out 32768 to 60999, and 10000 to 29999 are the defaults of the bot and of the test kit's callers."""


class _Block:
    """The ports behind the first one of a block. The process that has bound that number for TCP has the block, until it
    ends."""

    def __init__(self) -> None:
        self._locks: list[socket.socket] = []
        self.kept: set[int] = set()
        self._first = self._next = self._end = 0
        self._claim()

    def take(self, count: int) -> int:
        """The first of so many in a row that are free now: behind the last ones, then from the start, then in another
        block."""
        laps = 0
        while True:
            if self._next + count > self._end:
                self._next = self._first
                laps += 1
            if laps == 2:
                self._claim()
                laps = 0
            wanted = range(self._next, self._next + count)
            busy = next((port for port in wanted if port in self.kept), None) or _busy(self._next, count)
            if busy is None:
                self._next += count
                return self._next - count
            self._next = (busy + 2) & ~1  # even

    def _claim(self) -> None:
        for start in STARTS:
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                lock.bind((HOST, start))
            except OSError:
                lock.close()
                continue
            self._locks.append(lock)
            self._first = self._next = start + 2
            self._end = start + BLOCK
            return
        raise AssertionError(f"no ports left: all of {len(STARTS)} blocks are in use on this machine")


def _busy(low: int, count: int) -> int | None:
    """One that is not free, of those in the range; None: all are free."""
    with ExitStack() as stack:
        for port in range(low, low + count):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                one = stack.enter_context(socket.socket(socket.AF_INET, kind))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                try:
                    one.bind((HOST, port))
                except OSError:
                    return port
    return None


_block = cache(_Block)
_one_at_a_time = threading.Lock()


def own_ports(pairs: int = 20) -> tuple[int, int]:
    """The first, which is even, and the last of so many pairs (up to 199) in a row that are free now.

    Others at each call, as long as there are some: what still arrives for one test does not reach the next.
    """
    with _one_at_a_time:
        low = _block().take(2 * pairs)
    return low, low + 2 * pairs - 1


def own_port() -> int:
    """One, for a server that has to know it beforehand."""
    return own_ports(1)[0]


def kept_port() -> int:
    """One that nobody gets any more, for a server that begins later."""
    port = own_port()
    _block().kept.add(port)
    return port


def own_rtp(pairs: int = 20) -> dict[str, object]:
    """`own_ports` as settings of `[rtp]`."""
    low, high = own_ports(pairs)
    return {"port_min": low, "port_max": high}


def free_udp_ports(count: int = 1) -> int:
    """The first, which is even, of so many in a row: for programs that look for no others."""
    return own_ports((count + 1) // 2)[0]
