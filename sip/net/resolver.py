"""From a domain to the addresses that requests go to, in the order to try them: RFC 3263.

Theory of operation. What the URI says counts most: its transport, its port, an address in place of a name. What it
leaves open is asked for, one after the other: NAPTR records name the transports that the domain wants, SRV records its
servers, by priority, and by chance within one, in proportion to their weights (RFC 2782). A domain without such
records is found by its address, over UDP. The result is a list: who sends a request tries its targets in turn,
until one does not refuse the connection, answer 503 or keep silent (§4.3).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.records import ABSENT_S, Naptr, Records, Srv

MAX_TARGETS = 16
"""Of one domain: somebody else's records decide how long a request is tried."""

MAX_SERVERS = 32
"""Whose addresses are asked for."""

_SERVICES = {
    "SIP+D2U": Transport.UDP,
    "SIP+D2T": Transport.TCP,
    "SIPS+D2T": Transport.TLS,
}
"""NAPTR services (§4.1)."""

_SRV_NAMES = {Transport.UDP: "_sip._udp", Transport.TCP: "_sip._tcp", Transport.TLS: "_sips._tcp"}
"""§4.2."""


@dataclass(frozen=True, slots=True)
class Found:
    """The targets, best first, and for how long they may be used; empty if the name is not found."""

    targets: tuple[Target, ...]
    valid_s: float


class Resolver:
    """Finds next hops. `usable` are the transports that we have, in our own order of preference."""

    def __init__(self, records: Records, usable: Iterable[Transport], *, ipv6: bool = False, seed: int | None = None):
        self._records = records
        self._usable = tuple(usable)
        self._ipv6 = ipv6
        self._random = Random(seed)

    async def find(
        self, host: str, port: int | None = None, transport: Transport | None = None, *, secure: bool = False
    ) -> Found:
        """The targets of a host; `transport` and `port` None: not given. `secure`: over TLS only (sips)."""
        number = numeric(host)
        if number is not None or port is not None or (transport is not None and transport not in _SRV_NAMES):
            chosen = transport or (Transport.TLS if secure else Transport.UDP)
            return await self._at(host, port or chosen.default_port, chosen)
        if transport is not None:
            return await self._by_srv(host, [(transport, f"{_SRV_NAMES[transport]}.{host}")], [transport])
        wanted = [each for each in self._usable if each.is_secure or not secure]
        records, ttl_s = await self._records.naptr(host)
        services = _services(records, wanted)
        if services:
            found = await self._by_srv(host, services, [])
            if found.targets:
                return Found(found.targets, min(found.valid_s, ttl_s))
        # §4.1: without NAPTR records every transport is asked for; _sips only for a sips URI.
        asked = [each for each in wanted if each.is_secure == secure and each in _SRV_NAMES]
        bare = Transport.TLS if secure else Transport.UDP
        return await self._by_srv(host, [(each, f"{_SRV_NAMES[each]}.{host}") for each in asked], [bare])

    async def _at(self, host: str, port: int, transport: Transport, name: str | None = None) -> Found:
        number = numeric(host)
        if number is not None:
            return Found((Target(transport, Address(str(number), port), name or ""),), float("inf"))
        found, ttl_s = await self._records.addresses(host, ipv6=self._ipv6)
        return Found(
            tuple(Target(transport, Address(each, port), host if name is None else name) for each in found), ttl_s
        )

    async def _by_srv(
        self, host: str, services: Sequence[tuple[Transport, str]], otherwise: Sequence[Transport]
    ) -> Found:
        """By the SRV records of those names; where there are none at all, by the host's address."""
        targets: list[Target] = []
        valid_s, exist = float("inf"), False
        # All at once: a name server that is silent costs its time only once.
        answers = await asyncio.gather(*(self._records.srv(name) for _, name in services))
        for (transport, _), (records, ttl_s) in zip(services, answers, strict=True):
            valid_s = min(valid_s, ttl_s)
            exist = exist or bool(records)
            for server in self._ordered(records)[:MAX_SERVERS]:
                if server.target:  # a lone dot: the service is decidedly not available (RFC 2782)
                    found = await self._at(server.target, server.port, transport, host)
                    targets += found.targets
                    valid_s = min(valid_s, found.valid_s)
        if exist:
            return Found(tuple(dict.fromkeys(targets))[:MAX_TARGETS], valid_s)
        for transport in otherwise:
            found = await self._at(host, transport.default_port, transport)
            targets += found.targets
            valid_s = min(valid_s, found.valid_s)
        return Found(tuple(targets)[:MAX_TARGETS], valid_s if targets else min(valid_s, ABSENT_S))

    def _ordered(self, records: Iterable[Srv]) -> list[Srv]:
        """By priority; within one at random, each as likely to be the next as its weight says (RFC 2782)."""
        left = sorted(records, key=lambda each: (each.priority, each.weight > 0))
        ordered: list[Srv] = []
        while left:
            group = [each for each in left if each.priority == left[0].priority]
            chance = self._random.uniform(0, sum(each.weight for each in group))
            for each in group:
                chance -= each.weight
                if chance <= 0:
                    break
            ordered.append(each)
            left.remove(each)
        return ordered


def _services(records: Iterable[Naptr], usable: Sequence[Transport]) -> list[tuple[Transport, str]]:
    """The transports that a domain wants, in its order, with the names of their SRV records."""
    ordered = sorted(records, key=lambda each: (each.order, each.preference))
    found = [(_SERVICES.get(each.service), each) for each in ordered if each.flags == "S" and each.replacement]
    return [(transport, each.replacement) for transport, each in found if transport in usable and transport is not None]
