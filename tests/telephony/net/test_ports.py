import random
import socket

import pytest

from offhook.telephony.net import ports
from offhook.telephony.net.ports import QUARANTINE_S, PortPool, PortRangeError, PortsExhaustedError
from tests.ports import own_ports

HOST = "127.0.0.1"


def test_a_pair_is_even_and_odd_and_really_bound() -> None:
    pool = PortPool(*own_ports(3), HOST)
    pair = pool.acquire(0.0)
    try:
        assert pair.port % 2 == 0
        assert pair.rtp.getsockname() == (HOST, pair.port)
        assert pair.rtcp.getsockname() == (HOST, pair.port + 1)
        assert not pair.rtp.getblocking()
        assert not pair.rtcp.getblocking()
        assert pair.host == HOST
        assert pool.in_use == 1
    finally:
        pair.release(0.0)


def test_every_pair_is_given_out_once_then_none() -> None:
    low, high = own_ports(4)
    pool = PortPool(low, high, HOST)
    pairs = [pool.acquire(0.0) for _ in range(4)]
    assert {pair.port for pair in pairs} == set(range(low, high, 2))
    with pytest.raises(PortsExhaustedError) as raised:
        pool.acquire(0.0)
    message = str(raised.value)
    assert f"no RTP ports left in {low}-{high}" in message
    assert "of 4 pairs 4 are in use" in message
    assert f"type --rtp-ports {low}-" in message
    for pair in pairs:
        pair.release(0.0)
    assert pool.in_use == 0


def test_a_released_pair_rests_for_thirty_seconds() -> None:
    pool = PortPool(*own_ports(1), HOST)
    pair = pool.acquire(100.0)
    port = pair.port
    pair.release(110.0)
    with pytest.raises(PortsExhaustedError, match="1 rest for 30 s"):
        pool.acquire(139.9)
    again = pool.acquire(140.0)
    assert again.port == port
    again.release(140.0)


def test_release_is_idempotent_and_closes_the_sockets() -> None:
    pool = PortPool(*own_ports(2), HOST)
    pair = pool.acquire(0.0)
    pair.release(0.0)
    pair.release(0.0)
    assert pair.rtp.fileno() == pair.rtcp.fileno() == -1
    assert pool.capacity == 2
    assert pool.dump()["cooling_down"] == 1


def test_ports_of_other_programs_are_passed_over() -> None:
    low, high = own_ports(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, low + 1))
        pool = PortPool(low, high, HOST)
        pair = pool.acquire(0.0)
        assert pair.port == low + 2
        with pytest.raises(PortsExhaustedError, match="1 are taken by other programs"):
            pool.acquire(0.0)
        pair.release(0.0)
    later = pool.acquire(1.0)
    assert later.port == low
    later.release(1.0)


def test_an_address_that_is_not_ours_is_no_lack_of_ports() -> None:
    pool = PortPool(*own_ports(2), "192.0.2.1")
    with pytest.raises(OSError, match="assign"):
        pool.acquire(0.0)
    assert pool.dump()["free"] == 2


def test_order_is_random_but_for_a_given_generator() -> None:
    low, high = own_ports(8)

    def order(seed: int) -> list[int]:
        pool = PortPool(low, high, HOST, rng=random.Random(seed))
        pairs = [pool.acquire(0.0) for _ in range(8)]
        for pair in pairs:
            pair.release(0.0)
        return [pair.port for pair in pairs]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize(
    ("low", "high", "pairs"),
    [(40_000, 40_001, 1), (40_001, 40_003, 1), (40_000, 40_002, 1), (40_000, 40_999, 500)],
)
def test_pairs_of_a_range(low: int, high: int, pairs: int) -> None:
    assert PortPool(low, high).capacity == pairs


@pytest.mark.parametrize(("low", "high"), [(40_000, 39_999), (40_001, 40_002), (0, 10), (65_535, 70_000)])
def test_a_range_without_a_pair_is_refused(low: int, high: int) -> None:
    with pytest.raises(PortRangeError, match="type --rtp-ports 40000-40999"):
        PortPool(low, high)


def test_late_packets_of_the_old_call_never_reach_the_next_one() -> None:
    """The far end goes on sending after the end, during the rest, and until the port is given out again."""
    pool = PortPool(*own_ports(1), HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        old_caller.bind((HOST, 0))
        pair = pool.acquire(0.0)
        port = pair.port
        for n in range(300):
            old_caller.sendto(b"in the call" if n < 100 else b"late", (HOST, port))
            if n == 150:
                pair.release(1.0)
        again = pool.acquire(1.0 + QUARANTINE_S)
        assert again.port == port
        for sock in (again.rtp, again.rtcp):
            with pytest.raises(BlockingIOError):
                sock.recv(100)
        again.release(60.0)


def test_a_port_that_the_old_far_end_still_sends_to_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = PortPool(*own_ports(1), HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        old_caller.bind((HOST, 0))
        pair = pool.acquire(0.0)
        port = pair.port
        old_caller.sendto(b"in the call", (HOST, port))
        pair.release(0.0, source=old_caller.getsockname())
        for n in range(1, 5):
            old_caller.sendto(b"late", (HOST, port))
            with pytest.raises(PortsExhaustedError):
                pool.acquire(n * QUARANTINE_S)
        # It sends no more, but what it last sent is still there to be seen.
        old_caller.sendto(b"the last", (HOST, port))
        monkeypatch.setattr(ports, "RECENT_S", -2.0)
        again = pool.acquire(5 * QUARANTINE_S)
        assert again.port == port
        again.release(0.0)


def test_nobody_else_prolongs_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = PortPool(*own_ports(1), HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((HOST, 0))
        pair = pool.acquire(0.0)
        pair.release(0.0, source=(HOST, 9))
        for _ in range(200):
            stranger.sendto(b"junk", (HOST, pair.port))
        pool.acquire(QUARANTINE_S).release(QUARANTINE_S)


def test_a_far_end_that_took_long_to_stop_costs_one_more_rest() -> None:
    pool = PortPool(*own_ports(1), HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        old_caller.bind((HOST, 0))
        pair = pool.acquire(0.0)
        pair.release(0.0, source=old_caller.getsockname())
        for _ in range(500):
            old_caller.sendto(bytes(172), (HOST, pair.port))
        with pytest.raises(PortsExhaustedError):
            pool.acquire(QUARANTINE_S)
        pool.acquire(2 * QUARANTINE_S).release(2 * QUARANTINE_S)


def test_the_pool_rests_pairs_in_the_order_of_their_release() -> None:
    pool = PortPool(*own_ports(3), HOST)
    pairs = [pool.acquire(0.0) for _ in range(3)]
    for seconds, pair in enumerate(pairs):
        pair.release(float(seconds))
    again = []
    for seconds in range(3):
        again.append(pool.acquire(seconds + QUARANTINE_S))
        with pytest.raises(PortsExhaustedError):
            pool.acquire(seconds + QUARANTINE_S)
    assert [pair.port for pair in again] == [pair.port for pair in pairs]
    for pair in again:
        pair.release(60.0)
