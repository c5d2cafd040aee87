"""Port numbers of this process alone: neither another worker of this run nor another run on the machine gets them."""

import itertools
import socket
from functools import cache

HOST = "127.0.0.1"
BLOCK = 200
STARTS = (*range(61_000, 65_400, BLOCK), *range(30_000, 32_600, BLOCK))
"""Linux gives out 32768 to 60999, and 10000 to 29999 are the defaults of the bot and of the test kit's callers."""

_next = itertools.count()


@cache
def _block() -> tuple[int, socket.socket]:
    """The block's first port. Whoever has bound that number for TCP has the block, until they end."""
    for start in STARTS:
        lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind((HOST, start))
        except OSError:
            lock.close()
            continue
        return start, lock
    raise AssertionError(f"no ports left: {len(STARTS)} processes run tests on this machine")


def own_ports(pairs: int = 20) -> tuple[int, int]:
    """The first, which is even, and the last of so many pairs (up to 100) in a row.

    Other ones at each call as long as there are some: what still arrives for one test does not reach the next.
    """
    start, _ = _block()
    slot = next(_next) % (BLOCK // (2 * pairs))
    low = start + 2 * pairs * slot
    return low, low + 2 * pairs - 1


def own_rtp(pairs: int = 20) -> dict[str, object]:
    """The same as settings of `[rtp]`."""
    low, high = own_ports(pairs)
    return {"port_min": low, "port_max": high}
