"""Next hops, against a name server on loopback."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from offhook.sip.net import records
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.records import DnsRecords
from offhook.sip.net.resolver import MAX_TARGETS, Found, Resolver
from tests.dns_server import DnsServer
from tests.rates import is_at_least

ALL = (Transport.UDP, Transport.TCP, Transport.TLS)

ZONE = {
    ("full.test", "NAPTR"): [
        '20 10 "S" "SIP+D2U" "" _sip._udp.full.test.',
        '10 20 "S" "SIP+D2T" "" _sip._tcp.full.test.',
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.full.test.',
        '5 10 "S" "SIP+D2W" "" _sip._ws.full.test.',
        '1 10 "U" "E2U+sip" "!^.*$!sip:info@full.test!" .',
    ],
    ("_sips._tcp.full.test", "SRV"): ["10 0 5061 tls.full.test."],
    ("_sip._tcp.full.test", "SRV"): ["20 0 5070 second.full.test.", "10 0 5060 first.full.test."],
    ("_sip._udp.full.test", "SRV"): ["10 0 5060 first.full.test."],
    ("tls.full.test", "A"): ["192.0.2.3"],
    ("first.full.test", "A"): ["192.0.2.1"],
    ("second.full.test", "A"): ["192.0.2.2"],
    ("second.full.test", "AAAA"): ["2001:db8::2"],
    ("full.test", "A"): ["192.0.2.99"],
    ("srv.test", "A"): ["192.0.2.98"],
    ("_sip._tcp.srv.test", "SRV"): ["1 1 5099 second.full.test."],
    ("bare.test", "A"): ["192.0.2.97"],
    ("closed.test", "A"): ["192.0.2.96"],
    ("_sip._udp.closed.test", "SRV"): ["0 0 0 ."],
    ("half.test", "A"): ["192.0.2.95"],
    ("_sip._udp.half.test", "SRV"): ["1 0 5060 gone.half.test.", "2 0 5060 tls.full.test."],
    ("many.test", "A"): [f"192.0.2.{number}" for number in range(1, 200)],
    ("weights.test", "A"): ["192.0.2.4"],
    ("_sip._udp.weights.test", "SRV"): [
        "1 90 1 bare.test.",
        "1 10 2 bare.test.",
        "1 0 3 bare.test.",
        "2 99 4 bare.test.",
    ],
}


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    one = await DnsServer(dict(ZONE)).start()
    yield one
    one.close()


def resolver(server: DnsServer, usable: tuple[Transport, ...] = ALL, *, ipv6: bool = False) -> Resolver:
    return Resolver(DnsRecords([server.address]), usable, ipv6=ipv6, seed=1)


def texts(found: Found) -> list[str]:
    return [str(each) for each in found.targets]


async def test_a_domain_says_how_it_wants_to_be_reached(server: DnsServer) -> None:
    found = await resolver(server).find("full.test")
    assert texts(found) == [
        "192.0.2.3:5061/TLS",
        "192.0.2.1:5060/TCP",
        "192.0.2.2:5070/TCP",
        "192.0.2.1:5060/UDP",
    ]
    # Certificates are for the domain, and not for what its records lead to.
    assert {each.name for each in found.targets} == {"full.test"}
    assert found.valid_s == 60


@pytest.mark.parametrize(
    ("host", "port", "transport", "secure", "targets"),
    [
        # What the URI says wins.
        ("192.0.2.9", None, None, False, ["192.0.2.9:5060/UDP"]),
        ("192.0.2.9", None, None, True, ["192.0.2.9:5061/TLS"]),
        ("192.0.2.9", 5070, Transport.TCP, False, ["192.0.2.9:5070/TCP"]),
        ("full.test", 5080, None, False, ["192.0.2.99:5080/UDP"]),
        ("full.test", 5080, Transport.TLS, False, ["192.0.2.99:5080/TLS"]),
        ("full.test", None, Transport.TLS, False, ["192.0.2.3:5061/TLS"]),
        ("full.test", None, None, True, ["192.0.2.3:5061/TLS"]),
        # Without NAPTR records the services are asked for, and without those the address.
        ("srv.test", None, None, False, ["192.0.2.2:5099/TCP"]),
        ("srv.test", None, Transport.UDP, False, ["192.0.2.98:5060/UDP"]),
        ("bare.test", None, None, False, ["192.0.2.97:5060/UDP"]),
        ("bare.test", None, None, True, ["192.0.2.97:5061/TLS"]),
        ("bare.test", None, Transport.TCP, False, ["192.0.2.97:5060/TCP"]),
        ("half.test", None, None, False, ["192.0.2.3:5060/UDP"]),
        ("closed.test", None, None, False, []),
        ("nowhere.test", None, None, False, []),
        ("bare.test", None, Transport.WS, False, ["192.0.2.97:80/WS"]),
        ("localhost", None, None, False, ["127.0.0.1:5060/UDP"]),
        ("a" * 70 + ".test", None, None, False, []),
    ],
)
async def test_where_a_host_leads(
    server: DnsServer, host: str, port: int | None, transport: Transport | None, secure: bool, targets: list[str]
) -> None:
    assert texts(await resolver(server).find(host, port, transport, secure=secure)) == targets


async def test_transports_that_we_lack_are_left_out(server: DnsServer) -> None:
    found = await resolver(server, (Transport.UDP,)).find("full.test")
    assert texts(found) == ["192.0.2.1:5060/UDP"]
    assert texts(await resolver(server, (Transport.UDP,)).find("srv.test")) == ["192.0.2.98:5060/UDP"]


async def test_the_family_is_that_of_our_socket(server: DnsServer) -> None:
    assert texts(await resolver(server, ipv6=True).find("srv.test")) == ["[2001:db8::2]:5099/TCP"]


async def test_servers_of_one_priority_share_by_their_weights(server: DnsServer) -> None:
    one, first = resolver(server), Counter[int]()
    for _ in range(1_000):
        ports = [each.address.port for each in (await one.find("weights.test")).targets]
        assert sorted(ports[:3]) == [1, 2, 3] and ports[3] == 4
        first[ports[0]] += 1
    assert is_at_least(first[1], 1_000, 0.85)
    assert is_at_least(first[2], 1_000, 0.06)
    assert server.asked.count(("_sip._udp.weights.test", "SRV")) == 1  # the rest was known


async def test_the_number_of_targets_is_limited(server: DnsServer) -> None:
    server.zone["_sip._udp.many.test", "SRV"] = ["1 1 5060 many.test."]
    assert len((await resolver(server).find("many.test")).targets) == MAX_TARGETS


async def test_an_answer_is_used_for_as_long_as_it_is_valid(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LEAST_KEPT_S", 0.0)
    server.ttl_s = 1
    one = resolver(server)
    await asyncio.gather(*(one.find("bare.test", 5060) for _ in range(50)))
    assert server.asked == [("bare.test", "A")]
    server.zone["bare.test", "A"] = ["192.0.2.44"]
    await asyncio.sleep(1.05)
    assert texts(await one.find("bare.test", 5060)) == ["192.0.2.44:5060/UDP"]
    assert len(server.asked) == 2


async def test_a_silent_name_server_is_not_asked_again_at_once(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "QUERY_S", 0.2)
    server.silent = True
    one = resolver(server)
    for _ in range(3):
        assert texts(await one.find("bare.test", 5060)) == []
    assert set(server.asked) == {("bare.test", "A")}
    asked = len(server.asked)
    assert texts(await one.find("bare.test", 5060)) == []
    assert len(server.asked) == asked


async def test_without_servers_of_our_own_this_machine_knows(server: DnsServer) -> None:
    found = await Resolver(DnsRecords(), ALL).find("localhost", 5060)
    assert found.targets == (Target(Transport.UDP, found.targets[0].address, "localhost"),)
    assert found.targets[0].address.host == "127.0.0.1"
