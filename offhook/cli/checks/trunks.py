"""Trunks: whether their hosts can be found, and what they lack. Nothing is sent to them."""

import asyncio
from collections.abc import Iterator

from offhook.carriers.dns_records import dns_records
from offhook.cli.checks.finding import Finding, Level
from offhook.process.trunk import transport_wanted
from offhook.process.trunk_advice import is_cut_off
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.sip.net.resolver import Resolver
from offhook.usererror import Problem


async def check(config: Config) -> list[Finding]:
    """Look up each trunk's host."""
    bound = Address(config.sip.host, config.sip.port)
    have = [Transport.UDP, *([Transport.TCP] if config.sip.tcp else []), Transport.TLS]
    resolver = Resolver(dns_records(config.sip), have, ipv6=":" in config.sip.host)
    found = await asyncio.gather(*(_find(name, trunk, bound, resolver) for name, trunk in config.trunks.items()))
    missing = [lack for name, trunk in config.trunks.items() for lack in lacks(config, name, trunk)]
    return [*found, *missing, *_lacks_numbers(config)]


def _lacks_numbers(config: Config) -> Iterator[Finding]:
    if config.may_be_called():
        return
    todo = '`allowed_numbers = ["+1555*"]` below `[trunks.NAME]`'
    if config.outbound.token is not None:
        why = "over HTTP only listed numbers may be called, and none is"
        yield Finding.warning("trunk", "no call can be placed over HTTP", why, todo)
    for name, queue in config.queues.items():
        if queue.call_back_key is not None:
            why = "only listed numbers may be called back, and none is"
            yield Finding.warning("trunk", f"nobody who waits in the queue {name} can be called back", why, todo)


async def _find(name: str, trunk: TrunkConfig, bound: Address, resolver: Resolver) -> Finding:
    host, port = trunk.next_hop
    targets = (await resolver.find(host, port, transport_wanted(trunk))).targets
    if not targets:
        why = "its name is not found"
        key = "outbound_proxy" if trunk.outbound_proxy else "host"
        todo = f"`{key} = …` below `[trunks.{name}]`, or this machine's DNS"
        return Finding.of(Problem(f"{host} of the trunk {name} cannot be reached", why, todo), "trunk", Level.MACHINE)
    if any(is_cut_off(bound, each.address) for each in targets):
        why = f"`sip.host` is {bound.host}, and the trunk is not on this machine"
        todo = '`host = "0.0.0.0"` below `[sip]`'
        return Finding.of(Problem(f"the trunk {name} cannot be reached", why, todo), "trunk", Level.SETTINGS)
    does = f"registers {trunk.aor} with" if trunk.registration else "takes the calls of"
    return Finding.ok("trunk", f"{name} {does} {host} ({', '.join(map(str, targets))})")


def lacks(config: Config, name: str, trunk: TrunkConfig) -> Iterator[Finding]:
    """What a trunk's settings lack, or allow too much of."""
    if trunk.transport == "tcp" and not config.sip.tcp:
        problem = Problem(f"the trunk {name} cannot be used", "it needs TCP", "`tcp = true` below `[sip]`")
        yield Finding.of(problem, "trunk", Level.SETTINGS)
    if trunk.registration and trunk.password is None:
        why = "registrars ask for a password, and it has none"
        todo = f"export OFFHOOK_TRUNKS__{name.upper()}__PASSWORD=…"
        yield Finding.warning("trunk", f"the trunk {name} may be refused", why, todo)
    if "*" in trunk.allowed_numbers:
        why = "a stolen token, or a redirection by the trunk, is then a call to any number in the world"
        todo = f'`allowed_numbers = ["+1555*"]` below `[trunks.{name}]`, with what you call'
        yield Finding.warning("trunk", f"the trunk {name} may call every number", why, todo)
    own = [other for other in config.trunks if config.trunks[other].our_user == trunk.our_user]
    if trunk.registration and own[0] != name and config.trunks[own[0]].next_hop == trunk.next_hop:
        why = "both are at one host, and their calls come to the same user"
        todo = f"`contact_user = …` below `[trunks.{name}]`"
        yield Finding.warning("trunk", f"calls of the trunk {name} count as those of {own[0]}", why, todo)
