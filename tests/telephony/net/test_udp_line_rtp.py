"""What was negotiated beyond plain media, on real sockets: comfort noise, one port for RTP and RTCP, packet sizes."""

import asyncio
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from offhook.telephony import pcm
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import RtpConfig
from offhook.telephony.rtp.sender import LINE_NOISE
from offhook.telephony.wire import rtcp, rtp
from offhook.telephony.wire.rtcp import ReceiverReport, ReportBlock
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.net.calls import HOST, Listener, acquire, config_to, peer_of, speech

pytestmark = pytest.mark.usefixtures("media_twin")

CN = 13
FAR_SSRC = 77


@asynccontextmanager
async def line_to(pool: PortPool, peer: PortPair, config: RtpConfig) -> AsyncIterator[tuple[UdpLine, Listener]]:
    clock = MediaClock()
    line = UdpLine(acquire(pool), config, "PCMU", clock=clock)
    ear = Listener(line)
    line.start()
    try:
        yield line, ear
    finally:
        line.close()
        clock.close()


def received(peer: PortPair) -> list[bytes]:
    """All that waits in the peer's RTP socket."""
    datagrams = []
    while select.select([peer.rtp], [], [], 0)[0]:
        datagrams.append(peer.rtp.recv(2_000))
    return datagrams


async def until_received(peer: PortPair, enough: int) -> list[RtpPacket]:
    packets: list[RtpPacket] = []
    async with asyncio.timeout(5):
        while len(packets) < enough:
            packets.append(rtp.parse(await asyncio.get_running_loop().sock_recv(peer.rtp, 2_000)))
    return packets


async def test_the_end_of_a_sentence_is_announced(pool: PortPool) -> None:
    with peer_of(pool) as peer:
        config = replace(config_to(HOST, peer.port), comfort_noise_payload_type=CN)
        async with line_to(pool, peer, config) as (line, _):
            line.play(speech(40))
            packets = await until_received(peer, 3)
            assert [packet.payload_type for packet in packets] == [0, 0, CN]
            assert packets[-1].payload == LINE_NOISE
            assert 160 <= (packets[-1].timestamp - packets[-2].timestamp) & 0xFFFFFFFF < 1_600
            line.play(speech(20))
            (again, *_) = await until_received(peer, 1)
            assert (again.payload_type, again.marker) == (0, True)


async def test_an_announced_silence_is_heard_as_noise(pool: PortPool) -> None:
    with peer_of(pool) as peer:
        config = replace(config_to(HOST, peer.port), receive_comfort_noise_payload_type=CN)
        async with line_to(pool, peer, config) as (line, ear):

            def send(n: int, payload_type: int, payload: bytes) -> None:
                data = rtp.build(RtpPacket(payload_type, False, n, 160 * n, FAR_SSRC, payload))
                peer.rtp.sendto(data, (HOST, line.pair.port))

            for n in range(3):
                send(n, 0, bytes([0xFF]) * 160)
            send(3, CN, bytes([40]))
            await ear.until(lambda: len(ear.pcm) >= 2 * 160 * 13)
            noise = ear.pcm[2 * 160 * 4 :]
            assert pcm.level_dbfs(noise) == pytest.approx(-40, abs=2)
            send(60, 0, speech(20))
            await ear.until(lambda: len(ear.pcm) > 0 and line.stats().packets_received == 5)
            assert line.stats().noise_ticks >= 1_600
            assert line.stats().concealed_ticks < 160 * 60


async def test_one_port_carries_media_and_reports_both_ways(pool: PortPool) -> None:
    with peer_of(pool) as peer:
        config = replace(config_to(HOST, peer.port), rtcp_mux=True, remote_rtcp=(HOST, peer.port))
        async with line_to(pool, peer, config) as (line, ear):
            line.play(speech(20))
            (packet, *_) = await until_received(peer, 1)
            for n in range(5):
                data = rtp.build(RtpPacket(0, False, n, 160 * n, FAR_SSRC, speech(20)))
                peer.rtp.sendto(data, (HOST, line.pair.port))
                report = ReceiverReport(FAR_SSRC, (ReportBlock(packet.ssrc, 128, n, 0, 0, 0, 0),))
                peer.rtp.sendto(rtcp.build_compound(report), (HOST, line.pair.port))
            await ear.until(lambda: line.stats().packets_received == 5)
            stats = line.stats()
            assert (stats.remote_lost, stats.remote_fraction_lost) == (4, 0.5)
            assert (stats.malformed, stats.unknown_pt, stats.lost) == (0, 0, 0)
            line.close()
            assert any(rtcp.is_rtcp(data) for data in received(peer))
            assert not select.select([peer.rtcp], [], [], 0)[0]


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
async def test_packets_leave_in_the_size_that_was_agreed(pool: PortPool, ptime_ms: int) -> None:
    with peer_of(pool) as peer:
        async with line_to(pool, peer, config_to(HOST, peer.port, ptime_ms=ptime_ms)) as (line, ear):
            line.play(speech(4 * ptime_ms))
            packets = await until_received(peer, 4)
            assert [len(packet.payload) for packet in packets] == [8 * ptime_ms] * 4
            steps = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)}
            assert steps == {8 * ptime_ms}
            await ear.until(lambda: ear.drained == 1)


async def test_any_packet_size_is_heard_and_may_change(pool: PortPool) -> None:
    sizes = [160, 480, 40, 80, 640, 7, 161, 1_000, 160, 160]
    with peer_of(pool) as peer:
        async with line_to(pool, peer, config_to(HOST, peer.port)) as (line, ear):
            timestamp = 0
            for n, size in enumerate(sizes):
                data = rtp.build(RtpPacket(0, False, n, timestamp, FAR_SSRC, bytes([0x80 + n]) * size))
                peer.rtp.sendto(data, (HOST, line.pair.port))
                timestamp += size
            await ear.until(lambda: len(ear.pcm) >= 2 * sum(sizes))
            assert [len(chunk) // 2 for _, chunk in ear.audio][: len(sizes)] == sizes
            assert line.stats().lost == 0


async def test_media_that_comes_before_the_answer_is_kept_and_after_close_ignored(pool: PortPool) -> None:
    """A caller may speak as soon as the offer is out: what waits in the socket is received when the line starts."""
    with peer_of(pool) as peer:
        clock = MediaClock()
        line = UdpLine(acquire(pool), config_to(HOST, peer.port), "PCMU", clock=clock)
        ear = Listener(line)
        for n in range(5):
            data = rtp.build(RtpPacket(0, n == 0, n, 160 * n, FAR_SSRC, speech(20)))
            peer.rtp.sendto(data, (HOST, line.pair.port))
        line.start()
        await ear.until(lambda: len(ear.pcm) >= 5 * 320)
        port = line.pair.port
        line.close()
        clock.close()
        received = len(ear.pcm)
        for n in range(5, 10):
            data = rtp.build(RtpPacket(0, False, n, 160 * n, FAR_SSRC, speech(20)))
            peer.rtp.sendto(data, (HOST, port))
        async with line_to(pool, peer, config_to(HOST, peer.port)) as (later, other):
            peer.rtp.sendto(data, (HOST, later.pair.port))
            await other.until(lambda: len(other.pcm) > 0)
        assert len(ear.pcm) == received


async def test_strangers_reports_are_counted_while_media_flows(pool: PortPool) -> None:
    with peer_of(pool) as peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        async with line_to(pool, peer, config_to(HOST, peer.port)) as (line, ear):

            async def send(first: int, last: int) -> None:
                for n in range(first, last):
                    data = rtp.build(RtpPacket(0, False, n, 160 * n, FAR_SSRC, speech(20)))
                    peer.rtp.sendto(data, (HOST, line.pair.port))
                await ear.until(lambda: len(ear.pcm) == 320 * last)

            await send(0, 3)
            for _ in range(2):
                stranger.sendto(rtcp.build_compound(ReceiverReport(1, ())), (HOST, line.pair.port + 1))
            await send(3, 6)
            await send(6, 9)
            assert line.stats().rejected_source == 2
