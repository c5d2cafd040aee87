"""Where a trunk is: what the DNS says of its host (RFC 3263), with each answer."""

import asyncio
from collections.abc import Sequence

from offhook.carriers.dns_records import dns_records
from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report, shown
from offhook.process.trunk import transport_wanted
from offhook.process.trunk_advice import is_cut_off
from offhook.sip.net.address import numeric
from offhook.sip.net.flow import Transport
from offhook.sip.net.records import Naptr, Records, Srv
from offhook.sip.net.resolver import Resolver
from offhook.usererror import Problem

STEP = "dns"

LOOK_UP_S = 15.0
"""For all questions together: what a domain's records lead to is up to the domain."""

MAX_ANSWERS = 40
"""Shown."""


class TracedRecords:
    """Passes questions on, and notes the answers. It satisfies `Records`."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.answers: dict[str, list[str]] = {}
        """By question, as "SRV _sip._udp.example.com"."""

    async def naptr(self, name: str) -> tuple[Sequence[Naptr], float]:
        """See Records."""
        found = await self._records.naptr(name)
        self._note("NAPTR", name, [f"{e.order} {e.preference} {e.service} {e.replacement}" for e in found[0]])
        return found

    async def srv(self, name: str) -> tuple[Sequence[Srv], float]:
        """See Records."""
        found = await self._records.srv(name)
        self._note("SRV", name, [f"{e.priority} {e.weight} {e.port} {e.target or '.'}" for e in found[0]])
        return found

    async def addresses(self, name: str, *, ipv6: bool) -> tuple[Sequence[str], float]:
        """See Records."""
        found = await self._records.addresses(name, ipv6=ipv6)
        self._note("AAAA" if ipv6 else "A", name, list(found[0]))
        return found

    def _note(self, kind: str, name: str, answers: list[str]) -> None:
        self.answers[f"{kind} {name}"] = answers


async def look_up(probe: Probe, report: Report) -> None:
    """Find the trunk's targets."""
    trunk, sip = probe.trunk, probe.config.sip
    host, port = trunk.next_hop
    transports = [Transport.UDP, *([Transport.TCP] if sip.tcp else []), Transport.TLS]
    records = TracedRecords(dns_records(sip))
    resolver = Resolver(records, transports, ipv6=":" in sip.host)
    why = "its name is not found"
    try:
        async with asyncio.timeout(LOOK_UP_S):
            probe.targets = (await resolver.find(host, port, transport_wanted(trunk))).targets
    except TimeoutError:
        why = f"the look-up was not over after {LOOK_UP_S:g} s"
    for question, answers in list(records.answers.items())[:MAX_ANSWERS]:
        report.ok(STEP, f"{shown(question)}: {shown(', '.join(answers)) or 'none'}")
    if not probe.targets:
        key = "outbound_proxy" if trunk.outbound_proxy else "host"
        if any(answers for question, answers in records.answers.items() if question.startswith("SRV")):
            why = "its SRV records lead to hosts without an address"
        todo = f"`{key} = …` below `[trunks.{probe.name}]`, or this machine's DNS"
        report.fail(STEP, Problem(f"{host} cannot be found", why, todo))
        return
    found = [str(each) for each in probe.targets]
    how = "is an address, nothing is looked up:" if numeric(host) is not None else "is at"
    report.ok(STEP, f"{host} {how} {', '.join(found)}", {"targets": found})
    cut_off = [each for each in probe.targets if is_cut_off(probe.endpoint.address, each.address)]
    if cut_off:
        why = f"`sip.host` is {sip.host}, from where only this machine is reached, and the trunk is elsewhere"
        report.fail(STEP, Problem("the trunk cannot be reached", why, '`host = "0.0.0.0"` below `[sip]`'))
        probe.targets = tuple(each for each in probe.targets if each not in cut_off)
