"""Fair shares of the bot for the sources of calls, so that a flood from one does not keep the others out. Pure.

Theory of operation. A source is a host (of IPv6: its /64) and, within it, a port: phones behind one NAT differ by it.
Sources come in three ranks: the configured peers, those that confirmed a call lately (their ACK shows that they
receive what is sent to them), and strangers. Four things are shared, each only when it runs short:

1. Requests that are read at all: a token bucket for each source, and one for all strangers. What exceeds it is
   dropped unread, which costs microseconds where an answer costs hundreds.
2. New calls a second. As long as all that is wanted fits, everybody gets it. Else the capacity is divided max-min
   fairly, first among hosts, then a host's share among its ports: who wants less than a share gets it all, the others
   share the rest equally. Higher ranks go first, but leave a tenth to the lower ones. Each rank has its limit as a
   whole, too: strangers can forge as many sources as they like.
3. Calls without an ACK: a source, and all strange hosts together, may have so many. A forged INVITE costs its call
   for 32 s (RFC 3261 §13.3.1.4).
4. Calls held. While others have called lately, one source leaves a part of the free places to them.

A source that is alone may use everything. Sources are forgotten after a while, and their number is limited.
"""

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from offhook.observe.refusals import Reason, Refusal
from offhook.process.fair_division import Rank, Rate, SharingGroup, TokenBucket, Window
from offhook.sip.net.address import Address

K = TypeVar("K")
S = TypeVar("S", bound="_Source")

USABLE = 0.9
"""Of the new calls a second, what is divided: the rest keeps a place free for a source that has just begun to call."""
STRANGERS_SHARE = 0.5
"""Of that, what strangers may have at most once others are known: who calls often is known after its first call."""
KNOWN_S = 3_600.0
"""How long a source counts as known after its last confirmed call."""
ACTIVE_S = 60.0
"""How long a source counts as present after its last request."""
MAX_HOSTS = 2_048
"""That are remembered, some 2 KB each."""
MAX_PORTS = 64
"""Of one host; the one that was quiet for longest is forgotten first."""
LOOKED_AT = 8
"""So many are looked at for one to forget; if all hold calls or are known, there is one more for now …"""
MOST_KNOWN = 4
"""… up to so many times the number: who takes another port for each call would fill the memory with known ones."""
DIVIDED_AGAIN_S = 0.000_02
"""The division is made anew at most this often for each host: it takes a small share of a core, however many there
are."""

READ_PER_S = 500.0
"""Requests outside of calls, of one source, that are read in a second, at least."""
READ_PER_SETUP = 5.0
"""Likewise for each new call a second that the bot can take."""

UNCONFIRMED_S = 1.0
"""Calls without an ACK that a stranger may have: as many as can be taken in this time …"""
KNOWN_UNCONFIRMED_S = 5.0
"""… and a known source."""
MAX_STRANGERS_UNCONFIRMED = 120
"""Some 60 KB each. Of `UaSettings.max_pending_invites` the rest is for known sources."""
STRANGERS_PLACES = 0.25
"""Of all places for calls, what calls of strangers without an ACK may take …"""
FEW_PLACES = 2
"""… but so many, if there is another one: where one were all, who never acknowledges would keep the others out …"""
STRANGER_OF_STRANGERS = 0.5
"""… and of that, one of them."""


class _Source:
    """A host, or a port of one."""

    __slots__ = ("confirmed_at", "held", "is_peer", "seen_at", "wanted")

    def __init__(self, is_peer: bool) -> None:
        self.is_peer = is_peer
        self.seen_at = self.confirmed_at = -math.inf
        self.wanted = Rate()
        self.held = 0

    def rank(self, now: float) -> Rank:
        if self.is_peer:
            return Rank.PEER
        return Rank.KNOWN if now - self.confirmed_at < KNOWN_S else Rank.STRANGER

    def needed(self, now: float) -> bool:
        return self.held > 0 or self.rank(now) < Rank.STRANGER


class _Port(_Source):
    """One port of a host."""

    __slots__ = ("bucket", "given", "unconfirmed")

    def __init__(self, is_peer: bool, bucket: TokenBucket) -> None:
        super().__init__(is_peer)
        self.bucket = bucket
        self.given = Window()
        self.unconfirmed = 0


class _Host(_Source):
    """One host and its ports, those quiet for longest first."""

    __slots__ = ("group", "ports")

    def __init__(self, is_peer: bool) -> None:
        super().__init__(is_peer)
        self.group = SharingGroup()
        self.ports: dict[int, _Port] = {}


@dataclass(slots=True)
class _Call:
    host: str
    port: int
    stranger: bool
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the bot has: new calls a second, free places for calls, and how many calls its CPUs can still carry."""

    setups_per_s: float
    places: int
    cpu_room: int


class SourceShares:
    """`held_share`: the part of the places not held by others that one source may hold while others are known.
    `ringing_s`: how long calls ring before they are answered, which is no sign of a missing ACK."""

    def __init__(self, peers: Sequence[str] = (), *, held_share: float = 0.9, ringing_s: float = 0.0) -> None:
        self._peers = [ipaddress.ip_network(each, strict=False) for each in peers]
        self._held_share = held_share
        self._ringing_s = ringing_s
        self._hosts: dict[str, _Host] = {}
        """Those quiet for longest first."""
        self._calls: dict[str, _Call] = {}
        self._strangers_unconfirmed = 0
        self._strangers = TokenBucket(math.inf, 0.0)
        self._read_per_s = READ_PER_S
        self._group = SharingGroup()
        self._divided_at = -math.inf

    def set_peers(self, peers: Sequence[str]) -> None:
        """The addresses and networks of peers, from now on."""
        self._peers = [ipaddress.ip_network(each, strict=False) for each in peers]
        for key, host in self._hosts.items():
            near = ipaddress.ip_network(key.partition("%")[0], strict=False)
            host.is_peer = any(each.version == near.version and each.overlaps(near) for each in self._peers)
            for port in host.ports.values():
                port.is_peer = host.is_peer

    def is_peer(self, source: Address) -> bool:
        """Whether the source is one."""
        return self._is_listed(source.host)

    def read(self, source: Address, now: float) -> bool:
        """Whether a datagram with a request outside of calls should be read; False: drop it."""
        host, port = self._seen(source, now)
        if not port.bucket.take(self._read_per_s, now):
            return False
        return host.rank(now) is not Rank.STRANGER or self._strangers.take(2 * self._read_per_s, now)

    def refusal(self, source: Address, capacity: Capacity, now: float, *, asks_only: bool = False) -> Refusal | None:
        """Why a new call from there is refused for the sake of others. It counts as wanted, unless it `asks_only`."""
        host, port = self._seen(source, now)
        if not asks_only:
            host.wanted.count(now)
            port.wanted.count(now)
        self._read_per_s = max(READ_PER_S, READ_PER_SETUP * capacity.setups_per_s)
        for why in (
            self._over_unconfirmed(host, port, capacity, now),
            self._over_rate(host, port, capacity, now),
            self._over_held(host, port, capacity, now),
        ):
            if why:
                return Refusal(Reason.SHARE, f"{source.host} {why}")
        return None

    def accepted(self, call: str, source: Address, now: float) -> None:
        """A call from there was taken."""
        host, port = self._seen(source, now)
        stranger = host.rank(now) is Rank.STRANGER
        self._calls[call] = _Call(_key(source.host), source.port, stranger)
        for given in (port.given, self._group.given[host.rank(now)], host.group.given[port.rank(now)]):
            given.count(now)
        host.held += 1
        port.held += 1
        port.unconfirmed += 1
        self._strangers_unconfirmed += stranger

    def confirmed(self, call: str, now: float) -> None:
        """Its ACK came."""
        if (taken := self._calls.get(call)) is None or taken.confirmed:
            return
        self._confirm(taken)
        host, port = self._entries(taken)
        host.confirmed_at = port.confirmed_at = now

    def released(self, call: str) -> None:
        """A call is over. Nothing happens for one that was not `accepted` here."""
        if (taken := self._calls.pop(call, None)) is None:
            return
        if not taken.confirmed:
            self._confirm(taken)
        host, port = self._entries(taken)
        host.held -= 1
        port.held -= 1

    def dump(self, now: float) -> dict[str, object]:
        """The state, for people."""
        ranks = [host.rank(now) for host in self._hosts.values()]
        return {
            "sources": len(self._hosts),
            "ports": sum(len(host.ports) for host in self._hosts.values()),
            "known": sum(rank is not Rank.STRANGER for rank in ranks),
            "unconfirmed_strangers": self._strangers_unconfirmed,
            "calls_by_source": dict(sorted(((k, h.held) for k, h in self._hosts.items() if h.held), key=_second)[:10]),
        }

    # --- the rules

    def _over_unconfirmed(self, host: _Host, port: _Port, capacity: Capacity, now: float) -> str:
        stranger, count = port.rank(now) is Rank.STRANGER, port.unconfirmed
        most = capacity.setups_per_s * ((UNCONFIRMED_S if stranger else KNOWN_UNCONFIRMED_S) + self._ringing_s)
        if stranger:
            places = capacity.places + len(self._calls)
            share = max(STRANGERS_PLACES * places, min(FEW_PLACES, places - 1))
            all_most = max(1.0, min(MAX_STRANGERS_UNCONFIRMED, share))
            # Of a known host a new port is let in: another phone behind its NAT, or the same one restarted.
            if host.rank(now) is Rank.STRANGER and self._strangers_unconfirmed >= all_most:
                return f"is unknown, and {self._strangers_unconfirmed} calls of unknown sources have no ACK yet"
            if count:
                # A host's unknown ports have that many together, for ports cost nothing; but each may have one.
                count = sum(each.unconfirmed for each in host.ports.values() if each.rank(now) is Rank.STRANGER)
            most = min(most, STRANGER_OF_STRANGERS * all_most)
        return f"has {count} calls without an ACK" if count >= max(1.0, most) else ""

    def _over_rate(self, host: _Host, port: _Port, capacity: Capacity, now: float) -> str:
        if len(self._hosts) * DIVIDED_AGAIN_S <= now - self._divided_at:
            self._divided_at = now
            self._divide(capacity.setups_per_s, now)
        rank, wanted = host.rank(now), host.wanted.now(now)
        level, _ = self._group.shares.get(rank, (math.inf, math.inf))
        over = self._group.exceeded(rank, 0.0, now)
        if not over and wanted > level:
            host.group.divide(level, ((each.rank(now), each.wanted.now(now)) for each in host.ports.values()))
            over = host.group.exceeded(port.rank(now), port.given.now(now), now)
        return f"wants more than its share of {capacity.setups_per_s:.0f} new calls a second" if over else ""

    def _divide(self, setups_per_s: float, now: float) -> None:
        hosts = self._hosts.values()
        present = [each for each in hosts if now - each.seen_at < ACTIVE_S or each.rank(now) < Rank.STRANGER]
        alone = len(present) == 1 and len(present[0].ports) == 1
        total = math.inf if alone else USABLE * setups_per_s
        # The first second of a flood from nowhere must not find everything free for it.
        strangers = STRANGERS_SHARE * total if any(each.rank(now) < Rank.STRANGER for each in present) else math.inf
        self._group.divide(total, ((each.rank(now), each.wanted.now(now)) for each in present), strangers=strangers)

    def _over_held(self, host: _Host, port: _Port, capacity: Capacity, now: float) -> str:
        if host.is_peer or self._held_share >= 1.0:
            return ""
        free = min(capacity.places, capacity.cpu_room)
        others = (each for each in self._hosts.values() if each is not host)
        if _over(host.held, free, self._held_share) and any(each.rank(now) < Rank.STRANGER for each in others):
            return f"holds {host.held} calls, and {free} more are left for others"
        # Phones behind one NAT have few calls each: the CPU goes to the first who come.
        near, free = (each for each in host.ports.values() if each is not port), capacity.places
        if _over(port.held, free, self._held_share) and any(each.rank(now) < Rank.STRANGER for each in near):
            return f"holds {port.held} calls from one port, and {free} more are left for others"
        return ""

    # --- what is remembered

    def _seen(self, source: Address, now: float) -> tuple[_Host, _Port]:
        key = _key(source.host)
        host = self._hosts.pop(key, None)
        if host is None:
            _forget(self._hosts, MAX_HOSTS, now)
            host = _Host(self._is_listed(source.host))
        self._hosts[key] = host
        host.seen_at = now
        port = host.ports.pop(source.port, None)
        if port is None:
            _forget(host.ports, MAX_PORTS, now)
            port = _Port(host.is_peer, TokenBucket(self._read_per_s, now))
        host.ports[source.port] = port
        port.seen_at = now
        return host, port

    def _is_listed(self, host: str) -> bool:
        if not self._peers:
            return False
        address = _unmapped(host)
        return address is not None and any(address in network for network in self._peers)

    def _entries(self, call: _Call) -> tuple[_Host, _Port]:
        # Neither is forgotten while it holds calls.
        host = self._hosts[call.host]
        return host, host.ports[call.port]

    def _confirm(self, call: _Call) -> None:
        call.confirmed = True
        _, port = self._entries(call)
        port.unconfirmed -= 1
        self._strangers_unconfirmed -= call.stranger


def _forget(entries: dict[K, S], most: int, now: float) -> None:
    """Make room for one more: forget the one that was quiet for longest, of those that nothing speaks for; where there
    are too many known ones, of those that hold no call."""
    too_many = len(entries) >= MOST_KNOWN * most
    for _ in range(LOOKED_AT if len(entries) >= most else 0):
        key = next(iter(entries))
        entry = entries.pop(key)
        if not entry.needed(now) or (too_many and not entry.held):
            return
        entries[key] = entry  # to the end: the next search begins with others


def _over(held: int, free: int, share: float) -> bool:
    """Whether one more would exceed the share of what it holds and what is free; the first one never does."""
    return held > 0 and held >= share * (held + free)


def _unmapped(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _key(host: str) -> str:
    """IPv6 networks assign a whole /64 to one site, which may use any address in it."""
    if ":" not in host:
        return host
    address = _unmapped(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host if address is None else str(address)


def _second(pair: tuple[str, int]) -> int:
    return -pair[1]
