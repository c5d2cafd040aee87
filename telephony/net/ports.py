"""Pairs of UDP ports: RTP on the even one, RTCP on the odd one after it (RFC 3550 §11)."""

import errno
import mmap
import os
import random
import socket
import struct
import time
from collections import deque
from collections.abc import MutableSequence
from typing import NamedTuple, cast

from offhook.telephony.errors import LocalError, TelephonyError
from offhook.telephony.net.tapped import Tap, TappedSocket

QUARANTINE_S = 30.0
"""How long a released pair is quarantined: late packets of the old call must not reach a new one."""

DSCP_EXPEDITED = 46
"""Expedited forwarding, for voice (RFC 4594 §4.1)."""


RECEIVE_BUFFER_BYTES = 256 * 1024
"""Asked of the kernel, which doubles it: several hundred datagrams of a flood must not crowd out the call's own."""


SO_TIMESTAMPNS = 35
"""Linux, not named by the socket module: the kernel timestamps received datagrams."""

RECENT_S = 5.0
"""A far end that sent within this time is still sending."""

_PAIRS = 32_768

_WATCHED_BYTES = 32 * 1024
_WATCHED_DATAGRAMS = 32
"""Fewer than the buffer holds: this many mean that the old call went on for half a second or more."""
_READ_AT_ONCE = 1_000


class PortsExhaustedError(TelephonyError):
    """No free pair in the range. The message says what, why, and what to type."""


class PortRangeError(LocalError):
    """An invalid range, or one without a pair. The message says what, why, and what to type."""


def _first_ports(low: int, high: int) -> list[int]:
    if not (low > 0 and high <= 65_535):
        raise PortRangeError(f"no RTP ports {low}-{high}: ports are 1 to 65535; type --rtp-ports 40000-40999")
    ports = list(range(low + low % 2, high, 2))
    if not ports:
        raise PortRangeError(
            f"no RTP ports {low}-{high}: a call needs an even port and the odd one after it; "
            "type --rtp-ports 40000-40999"
        )
    return ports


def shared_ports() -> MutableSequence[int]:
    """A table for several pools, of this process and of those forked from it later: which pairs are given out."""
    # Anonymous shared memory, a byte for each pair.
    return cast(MutableSequence[int], mmap.mmap(-1, _PAIRS))


class _Resting(NamedTuple):
    """A pair in quarantine. `watched` is the descriptor of its RTP socket, where the old far end may go on sending."""

    until: float
    port: int
    watched: int | None


def _watched(rtp: socket.socket, source: tuple[str, int]) -> int | None:
    """A descriptor of the socket, limited to datagrams from the old far end: nobody else can prolong the quarantine."""
    try:
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WATCHED_BYTES)
        rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        rtp.connect(source)
        while True:
            rtp.recv(1)
    except BlockingIOError:
        return os.dup(rtp.fileno())
    except OSError:
        return None


def _still_receives(descriptor: int) -> bool:
    """Whether something came in the last seconds, or too much to know when the last of it came."""
    count, newest_s = 0, 0
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        for _ in range(_READ_AT_ONCE):
            try:
                _, ancillary, _, _ = sock.recvmsg(1, 64)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error for something sent; reading clears it
            count += 1
            stamps = [struct.unpack("@ll", data)[0] for _, kind, data in ancillary if kind == SO_TIMESTAMPNS]
            newest_s = max(newest_s, *stamps)
    return count >= _WATCHED_DATAGRAMS or time.time() - newest_s < RECENT_S


class PortPair:
    """Two bound, non-blocking UDP sockets, until `release`."""

    __slots__ = ("_pool", "host", "port", "rtcp", "rtp", "tapped")

    def __init__(self, pool: "PortPool", rtp: socket.socket, rtcp: socket.socket) -> None:
        self._pool: PortPool | None = pool
        self.rtp = rtp
        self.rtcp = rtcp
        self.tapped = False
        address = rtp.getsockname()
        self.host: str = address[0]
        self.port: int = address[1]

    def tap(self, tap: Tap) -> None:
        """Show all datagrams to `tap`: call it before the pair is used. Its line then works without the pump."""
        self.rtp, self.rtcp = TappedSocket(self.rtp, tap), TappedSocket(self.rtcp, tap)
        self.tapped = True

    def release(self, now: float, *, rests: bool = True, source: tuple[str, int] | None = None) -> None:
        """Close both sockets; after the quarantine the ports may be given out again. Idempotent.

        `rests` False: at once, as nothing ever came there. `source` is where the
        call's media came from: as long as more comes from there, the ports stay in quarantine.
        """
        pool, self._pool = self._pool, None
        if pool is None:
            return
        watched = None
        if rests and source is not None and not self.tapped:
            watched = _watched(self.rtp, source)
        self.rtp.close()
        self.rtcp.close()
        pool.give_back(self.port, now, rests=rests, watched=watched)


class PortPool:
    """The port pairs of one range on one local address, given out in random order.

    `low` and `high` are inclusive. `table`: shared with the pools of other ranges (`shared_ports`), so that `gave`
    knows about their ports, too. Raises `PortRangeError` if no pair fits between them.
    """

    def __init__(
        self,
        low: int,
        high: int,
        host: str = "0.0.0.0",
        *,
        quarantine_s: float = QUARANTINE_S,
        rng: random.Random | None = None,
        table: MutableSequence[int] | None = None,
    ) -> None:
        self._cooling: deque[_Resting] = deque()
        self.low = low
        self.high = high
        self.host = host
        self._quarantine_s = quarantine_s
        self._free = _first_ports(low, high)
        # An unpredictable port is one defence against injected audio (RFC 8085 §5.1 asks for it).
        self._rng = rng or random.SystemRandom()
        self._given: set[int] = set()
        self._table = bytearray(_PAIRS) if table is None else table
        for port in self._free:
            self._table[port >> 1] = 0  # left by a process that died with them

    @property
    def in_use(self) -> int:
        """Pairs given out and not released."""
        return len(self._given)

    def gave(self, port: int) -> bool:
        """Whether the port is one of a pair that is given out now, by this pool or one with the same table."""
        return 0 <= port >> 1 < _PAIRS and bool(self._table[port >> 1])

    @property
    def capacity(self) -> int:
        """Pairs in all."""
        return len(self._given) + len(self._free) + len(self._cooling)

    def free(self, now: float) -> int:
        """Pairs that can be given out now; other programs may have taken some."""
        self._end_quarantines(now)
        return len(self._free)

    def acquire(self, now: float) -> PortPair:
        """A free pair, both ports bound.

        Raises `PortsExhaustedError` when every pair is in use, cooling down or taken by another program;
        OSError when the address itself cannot be bound.
        """
        self._end_quarantines(now)
        occupied: list[int] = []
        try:
            while self._free:
                port = self._draw()
                try:
                    pair = self._bind(port)
                except OSError as error:
                    occupied.append(port)
                    if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                        raise
                    continue
                self._given.add(port)
                self._table[port >> 1] = 1
                return pair
        finally:
            self._free += occupied
        raise PortsExhaustedError(self._exhausted(len(occupied)))

    def give_back(self, port: int, now: float, *, rests: bool, watched: int | None) -> None:
        """`PortPair.release` calls this."""
        self._given.discard(port)
        self._table[port >> 1] = 0
        if rests:
            self._cooling.append(_Resting(now + self._quarantine_s, port, watched))
        else:
            self._free.append(port)

    def dump(self) -> dict[str, object]:
        """Live state."""
        return {
            "range": f"{self.low}-{self.high}",
            "in_use": len(self._given),
            "free": len(self._free),
            "cooling_down": len(self._cooling),
        }

    def _end_quarantines(self, now: float) -> None:
        while self._cooling and self._cooling[0].until <= now:
            resting = self._cooling.popleft()
            if resting.watched is not None:
                if _still_receives(resting.watched):
                    # After those with a later end: roughly in order of release.
                    self._cooling.append(resting._replace(until=now + self._quarantine_s))
                    continue
                os.close(resting.watched)
            self._free.append(resting.port)

    def __del__(self) -> None:
        for resting in self._cooling:
            if resting.watched is not None:
                os.close(resting.watched)

    def _draw(self) -> int:
        i = self._rng.randrange(len(self._free))
        self._free[i], self._free[-1] = self._free[-1], self._free[i]
        return self._free.pop()

    def _bind(self, port: int) -> PortPair:
        rtp = _bound(self.host, port)
        try:
            return PortPair(self, rtp, _bound(self.host, port + 1))
        except OSError:
            rtp.close()
            raise

    def _exhausted(self, occupied: int) -> str:
        wider = min(65_535, max(self.low + 4 * self.capacity, self.low + 999))
        return (
            f"no RTP ports left in {self.low}-{self.high}: of {self.capacity} pairs {len(self._given)} "
            f"are in use, {len(self._cooling)} rest for {self._quarantine_s:g} s after a call, "
            f"{occupied} are taken by other programs; type --rtp-ports {self.low}-{wider}"
        )


def _bound(host: str, port: int) -> socket.socket:
    is_v6 = ":" in host
    sock = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if is_v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, DSCP_EXPEDITED << 2)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP_EXPEDITED << 2)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
