"""What the DNS knows of a name: NAPTR, SRV and address records, each kept for as long as it may be.

Theory of operation. A question is asked once, however many want to know, and its answer is shared until its time is
over; that there is no such record is an answer, too. Addresses come from the operating system, which reads its hosts
file and whatever else it is set up with, unless there are name servers of our own. A name server that does not answer
is no reason to give up: a domain without NAPTR and SRV records, which is most of them, is still found by its address.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from offhook.sip.net.address import Address

logger = logging.getLogger("sip.net")

QUERY_S = 3.0
"""For one question, its repetitions included."""

LEAST_KEPT_S, MOST_KEPT_S = 5.0, 3_600.0
"""How long an answer is kept, whatever its time to live."""

ABSENT_S = 60.0
"""How long it is remembered that a record does not exist, and how long addresses of the operating system are kept,
which come without a time to live."""

UNANSWERED_S = 15.0
"""How long a name server that failed is not asked the same again."""

MAX_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403, as far as SIP uses it: `service` in upper case, `replacement` the name to go on with."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782. `target` is empty where the service is decidedly not available."""

    priority: int
    weight: int
    port: int
    target: str


Answer: TypeAlias = tuple[tuple[Any, ...], float]
"""Records, and how long they are valid, in seconds."""


class Records(Protocol):
    """Where records come from. Nothing is raised: what cannot be found is not there."""

    async def naptr(self, name: str) -> tuple[Sequence[Naptr], float]:
        """The NAPTR records, in no order, and their time to live in seconds."""
        ...

    async def srv(self, name: str) -> tuple[Sequence[Srv], float]:
        """The SRV records, likewise."""
        ...

    async def addresses(self, name: str, *, ipv6: bool) -> tuple[Sequence[str], float]:
        """The numeric addresses, in the order in which they are to be tried."""
        ...


class DnsRecords:
    """The DNS. Without `servers`: those of this machine. The operating system is asked in threads of `executor`, None:
    of the event loop's."""

    def __init__(self, servers: Sequence[Address] = (), executor: Executor | None = None) -> None:
        self._own = bool(servers)
        self._executor = executor
        self._resolver = _resolver(servers)
        self._kept: dict[tuple[str, str], tuple[float, asyncio.Future[Answer]]] = {}  # oldest first

    async def naptr(self, name: str) -> tuple[Sequence[Naptr], float]:
        """See Records."""
        return await self._ask(name, "NAPTR", _naptr)

    async def srv(self, name: str) -> tuple[Sequence[Srv], float]:
        """See Records."""
        return await self._ask(name, "SRV", _srv)

    async def addresses(self, name: str, *, ipv6: bool) -> tuple[Sequence[str], float]:
        """See Records."""
        kind = "AAAA" if ipv6 else "A"
        if self._own and name.rstrip(".").lower() != "localhost":  # RFC 6761 §6.3: not a question for a server
            return await self._ask(name, kind, lambda record: str(record.address))
        return await self._shared((name.lower(), kind), lambda: self._of_this_machine(name, ipv6=ipv6))

    async def _ask(self, name: str, kind: str, read: Callable[[Any], Any]) -> Answer:
        return await self._shared((name.lower(), kind), lambda: self._query(name, kind, read))

    async def _shared(self, key: tuple[str, str], ask: Callable[[], Awaitable[Answer]]) -> Answer:
        loop = asyncio.get_running_loop()
        until, known = self._kept.get(key, (0.0, None))
        if known is not None and (not known.done() or loop.time() < until):
            return await asyncio.shield(known)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        asked = asyncio.ensure_future(ask())
        self._kept[key] = loop.time(), asked
        answer = await asyncio.shield(asked)
        self._kept[key] = loop.time() + min(max(answer[1], LEAST_KEPT_S), MOST_KEPT_S), asked
        return answer

    async def _query(self, name: str, kind: str, read: Callable[[Any], Any]) -> Answer:
        if self._resolver is None:
            return (), ABSENT_S
        try:
            found = await self._resolver.resolve(name, kind, lifetime=QUERY_S, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return (), ABSENT_S
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            logger.info("no %s record of %s: %s", kind, name, str(error) or type(error).__name__)
            return (), UNANSWERED_S
        ttl_s = float(found.rrset.ttl) if found.rrset is not None else ABSENT_S
        return tuple(read(record) for record in found), ttl_s

    async def _of_this_machine(self, name: str, *, ipv6: bool) -> Answer:
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        ask = partial(socket.getaddrinfo, name, None, family, socket.SOCK_DGRAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._executor, ask)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is too long
            logger.info("no address of %s: %s", name, error)
            return (), UNANSWERED_S
        return tuple(dict.fromkeys(str(each[4][0]) for each in found)), ABSENT_S


def _resolver(servers: Sequence[Address]) -> dns.asyncresolver.Resolver | None:
    if servers:
        own = dns.asyncresolver.Resolver(configure=False)
        own.nameservers = [dns.nameserver.Do53Nameserver(each.host, each.port) for each in servers]
        return own
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return None  # a machine without a name server: its hosts file is all there is


def _naptr(record: Any) -> Naptr:
    flags, service = record.flags.decode("ascii", "replace"), record.service.decode("ascii", "replace")
    return Naptr(record.order, record.preference, flags.upper(), service.upper(), _name(record.replacement))


def _srv(record: Any) -> Srv:
    return Srv(record.priority, record.weight, record.port, _name(record.target))


def _name(name: Any) -> str:
    return str(name).rstrip(".")
