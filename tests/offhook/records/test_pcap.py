import ipaddress
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.records.pcap import FILE_HEADER, MAX_PAYLOAD_BYTES, packet
from tests.e2e.peers import program
from tests.offhook.records.pcapfile import Datagram, read

AT = 1_700_000_000.25
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
PORTS = st.integers(0, 65_535)


@given(st.one_of(st.tuples(V4, V4), st.tuples(V6, V6)), PORTS, PORTS, st.binary(max_size=400))
def test_what_is_written_is_read_back(hosts: tuple[str, str], sport: int, dport: int, payload: bytes) -> None:
    source, destination = (hosts[0], sport), (hosts[1], dport)
    assert read(FILE_HEADER + packet(AT, source, destination, payload)) == [Datagram(AT, source, destination, payload)]


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        (("bot.example.org", "192.0.2.1"), ("0.0.0.0", "192.0.2.1")),
        (("bot.example.org", "2001:db8::1"), ("::", "2001:db8::1")),
        (("fe80::1%eth0", "fe80::2%eth0"), ("fe80::1", "fe80::2")),
        (("192.0.2.1", "2001:db8::1"), ("::ffff:192.0.2.1", "2001:db8::1")),
    ],
)
def test_hosts_that_do_not_fit(hosts: tuple[str, str], shown: tuple[str, str]) -> None:
    (found,) = read(FILE_HEADER + packet(AT, (hosts[0], 1), (hosts[1], 2), b"x"))
    assert (found.source[0], found.destination[0]) == tuple(str(ipaddress.ip_address(each)) for each in shown)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_the_longest_datagram(host: str) -> None:
    (found,) = read(FILE_HEADER + packet(AT, (host, 1), (host, 2), bytes(70_000)))
    assert len(found.payload) == MAX_PAYLOAD_BYTES


def test_a_time_that_rounds_up_to_the_next_second() -> None:
    (found,) = read(FILE_HEADER + packet(1_700_000_000.9999999, ("192.0.2.1", 1), ("192.0.2.2", 2), b""))
    assert found.at_s == 1_700_000_001.0


@pytest.mark.peer
def test_tcpdump_finds_nothing_wrong() -> None:
    packets = [
        packet(AT, ("192.0.2.1", 5060), ("192.0.2.2", 5060), b"OPTIONS sip:bot SIP/2.0\r\n\r\n"),
        packet(AT + 0.02, ("2001:db8::1", 10_000), ("2001:db8::2", 10_002), b"odd"),
    ]
    done = subprocess.run(
        [program("tcpdump"), "-nn", "-v", "-tt", "-r", "-"],
        input=FILE_HEADER + b"".join(packets),
        capture_output=True,
        timeout=20,
        check=False,
    )
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert shown.count("1700000000.2") == 2 and "[udp sum ok]" in shown
    assert "192.0.2.1.5060 > 192.0.2.2.5060" in shown
    assert "2001:db8::1.10000 > 2001:db8::2.10002" in shown
    assert "bad" not in shown
