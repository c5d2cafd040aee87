"""Where a line sends when the SDP names a host that signalling does not come from."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from offhook.telephony.net import udp_line
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.wire.rtp import build_plain
from tests.telephony.net.calls import HOST, acquire, config_to, speech

pytestmark = pytest.mark.usefixtures("media_twin")

THIRD_PARTY = "127.0.0.5"
DOUBT_S = 0.4


@contextmanager
def listening(host: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        peer.setblocking(False)
        yield peer


async def packets_for(peer: socket.socket, seconds: float) -> int:
    """How many come in that time."""
    loop, count, end = asyncio.get_running_loop(), 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            await asyncio.wait_for(loop.sock_recv(peer, 2_000), left)
        except TimeoutError:
            break
        count += 1
    return count


@pytest.mark.parametrize("host", [HOST, THIRD_PARTY])
async def test_a_third_party_of_which_nothing_comes_is_sent_little(
    pool: PortPool, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_line, "DOUBT_S", DOUBT_S)
    clock = MediaClock()
    with listening(host) as peer:
        config = replace(config_to(host, peer.getsockname()[1]), signalling_host=HOST)
        line = UdpLine(acquire(pool), config, "PCMU", clock=clock)
        line.start()
        line.play(speech(4_000))
        assert await packets_for(peer, DOUBT_S - 0.1) > 5
        await packets_for(peer, 0.3)
        later = await packets_for(peer, 0.4)
        assert later > 5 if host == HOST else later == 0
        # It was there all the time, and says so.
        peer.sendto(build_plain(0, 1, 160, 7, bytes(160)), (HOST, line.pair.port))
        assert await packets_for(peer, 0.4) > 5
        line.close()
    clock.close()


async def test_before_the_ack_nothing_is_sent_unless_something_comes(pool: PortPool) -> None:
    clock = MediaClock()
    with listening(HOST) as peer, listening(HOST) as quiet:
        lines = []
        for remote in (peer, quiet):
            line = UdpLine(acquire(pool), config_to(HOST, remote.getsockname()[1]), "PCMU", clock=clock)
            line.start(confirmed=False)
            line.play(speech(2_000))
            lines.append(line)
        assert await packets_for(peer, 0.2) == 0
        peer.sendto(build_plain(0, 1, 160, 7, bytes(160)), (HOST, lines[0].pair.port))
        assert await packets_for(peer, 0.3) > 5
        assert await packets_for(quiet, 0.1) == 0
        lines[1].start()
        assert await packets_for(quiet, 0.3) > 5
        for line in lines:
            line.close()
    clock.close()


async def test_a_flood_from_elsewhere_costs_the_call_hardly_a_packet(pool: PortPool) -> None:
    """10,000 packets a second for a second: at most 5 % of the call's own are lost."""
    clock, flood_per_10_ms, rounds = MediaClock(), 100, 100
    with listening(HOST) as peer, listening(THIRD_PARTY) as stranger:
        line = UdpLine(acquire(pool), config_to(HOST, peer.getsockname()[1]), "PCMU", clock=clock)
        line.start()
        target, began = (HOST, line.pair.port), time.monotonic()
        for round_number in range(rounds):
            if round_number % 2 == 0:
                own = round_number // 2
                peer.sendto(build_plain(0, own, 160 * own, 7, bytes(160)), target)
            junk = build_plain(0, round_number, 160 * round_number, 9, bytes(160))
            for _ in range(flood_per_10_ms):
                stranger.sendto(junk, target)
            await asyncio.sleep(max(0.0, began + 0.01 * (round_number + 1) - time.monotonic()))
        await asyncio.sleep(0.2)
        stats = line.stats()
        line.close()
    clock.close()
    assert stats.packets_received >= 0.95 * rounds / 2
    assert stats.rejected_source >= 0.5 * flood_per_10_ms * rounds
