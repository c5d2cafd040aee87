import asyncio
import random
import socket
import time
from collections.abc import Callable

import numpy as np
import pytest
import uvloop

from offhook.telephony import pcm
from offhook.telephony.codec import codec_named
from offhook.telephony.errors import LocalError
from offhook.telephony.line import MediaLine
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import RtpConfig
from offhook.telephony.wire.rtp import build_plain
from tests.signals import sine
from tests.telephony.net.calls import HOST, TIMEOUT_S, Listener, acquire, call, config_to, peer_of, speech

pytestmark = pytest.mark.usefixtures("media_twin")


async def test_nothing_is_sent_before_start(pool: PortPool) -> None:
    clock = MediaClock()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.setblocking(False)
        line = UdpLine(acquire(pool), config_to(HOST, peer.getsockname()[1]), "PCMU", clock=clock)
        ear = Listener(line)
        line.play(speech(40))
        assert clock.active == 0
        line.start()
        line.start()
        await ear.until(lambda: ear.drained == 1)
        assert len(peer.recv(2_000)) == 12 + 160
        line.close()


async def test_media_time_out_is_reported_when_nothing_ever_comes(pool: PortPool) -> None:
    line = UdpLine(
        acquire(pool),
        config_to(HOST, 9),
        "PCMU",
        clock=MediaClock(),
        media_timeout_s=0.05,
        first_media_timeout_s=0.2,
    )
    ear = Listener(line)
    began = time.monotonic()
    line.start()
    await ear.until(lambda: ear.silent == 1)
    assert 0.19 < time.monotonic() - began < 1.5
    line.close()


async def test_media_time_out_comes_again_only_after_media_came_back(pool: PortPool) -> None:
    clock = MediaClock()
    ports = acquire(pool), acquire(pool)
    a = UdpLine(ports[0], config_to(HOST, ports[1].port), "PCMU", clock=clock)
    b = UdpLine(ports[1], config_to(HOST, ports[0].port), "PCMU", clock=clock, media_timeout_s=0.1)
    speaker, ear = Listener(a), Listener(b)
    a.start()
    b.start()
    a.play(speech(60))
    await ear.until(lambda: ear.silent == 1)
    checks = b.stats().packets_received
    pause = asyncio.Event()
    asyncio.get_running_loop().call_later(0.25, pause.set)
    await pause.wait()
    assert (ear.silent, b.stats().packets_received) == (1, checks)
    a.play(speech(60))
    await speaker.until(lambda: speaker.drained == 2)
    await ear.until(lambda: ear.silent == 2)
    a.close()
    b.close()


async def test_no_media_time_out_on_hold(pool: PortPool) -> None:
    held = config_to(HOST, 9, receive=False)
    line = UdpLine(acquire(pool), held, "PCMU", clock=MediaClock(), media_timeout_s=0.05, first_media_timeout_s=0.05)
    ear = Listener(line)
    line.start()
    pause = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, pause.set)
    await pause.wait()
    assert ear.silent == 0
    line.reconfigure(config_to(HOST, 9), "PCMU")
    await ear.until(lambda: ear.silent == 1)
    line.close()


async def test_hold_keeps_the_queue_and_resume_plays_it(pool: PortPool) -> None:
    payload = speech(200)
    async with call(pool) as (a, b):
        to_b = b.line.pair.port
        a.line.reconfigure(config_to(HOST, to_b, send=False), "PCMU")
        a.line.play(payload)
        assert a.line.queued_ticks == 1_600
        a.line.reconfigure(config_to(HOST, to_b), "PCMU")
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 1_600)
        assert b.ear.pcm[: 2 * 1_600] == codec_named("PCMU").decode(payload)


async def test_another_codec_in_mid_speech(pool: PortPool) -> None:
    payload = speech(400)
    async with call(pool) as (a, b):
        switching: list[int] = []
        switched: list[int] = []

        def switch(sent: bytes, ordinal: int, at_s: float) -> None:
            if ordinal >= 5 * 160 and not switching:
                switching.append(ordinal)
                asyncio.get_running_loop().call_soon(reconfigure)
            received.append(sent)

        def reconfigure() -> None:
            switched.append(a.line.sent_ticks)
            b.line.reconfigure(
                RtpConfig(
                    8,
                    frozenset({0, 8}),
                    101,
                    101,
                    (HOST, a.line.pair.port),
                    (HOST, a.line.pair.port + 1),
                    None,
                ),
                "PCMA",
            )
            a.line.reconfigure(config_to(HOST, b.line.pair.port, "PCMA"), "PCMA")

        received: list[bytes] = []
        a.line.add_listener(sent=switch)
        a.line.play(payload)
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 3_200)
        assert a.line.encoding == "PCMU"
        expected = pcm.to_array(codec_named("PCMU").decode(payload)).astype(int)
        result = pcm.to_array(b.ear.pcm[: 2 * 3_200]).astype(int)
        assert (result[: switched[0]] == expected[: switched[0]]).all()
        assert (np.abs(result - expected) <= np.abs(expected) / 16 + 16).all()
        # What is reported as sent is in the line's own encoding, whatever the wire has.
        reported = pcm.to_array(codec_named("PCMU").decode(b"".join(received))).astype(int)
        assert (np.abs(reported - expected) <= np.abs(expected) / 8 + 32).all()


async def test_lost_packets_are_concealed(pool: PortPool) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    tone = codec_named("PCMU").encode(sine(200, 600))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind((HOST, 0))
        relay.setblocking(False)
        relay_port = relay.getsockname()[1]
        clock = MediaClock()
        pair = acquire(pool)
        hearing = UdpLine(pair, config_to(HOST, relay_port), "PCMU", clock=clock)
        speaking = UdpLine(acquire(pool), config_to(HOST, relay_port), "PCMU", clock=clock)
        ear = Listener(hearing)
        loop.add_reader(relay.fileno(), lambda: received.put_nowait(relay.recv(2_000)))
        hearing.start()
        speaking.start()
        speaking.play(tone)
        async with asyncio.timeout(TIMEOUT_S):
            for i in range(30):
                packet = await received.get()
                if i not in (10, 20):
                    relay.sendto(packet, (HOST, pair.port))
        await ear.until(lambda: len(ear.pcm) >= 2 * 4_800)
        loop.remove_reader(relay.fileno())
        hearing.close()
        speaking.close()
    for i in (10, 20):
        assert pcm.level_dbfs(ear.pcm[320 * i : 320 * (i + 1)]) == pytest.approx(-16, abs=1.5)
    assert hearing.stats().lost == 2


async def test_more_datagrams_than_one_wake_up_reads(pool: PortPool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        pair = acquire(pool)
        line = UdpLine(pair, config_to(HOST, peer.getsockname()[1]), "PCMU", clock=MediaClock())
        ear = Listener(line)
        line.start()
        for i in range(80):
            header = bytes([0x80, 0, 0, i]) + (80 * i).to_bytes(4, "big") + b"ssrc"
            peer.sendto(header + bytes([i]) * 80, (HOST, pair.port))
        await ear.until(lambda: len(ear.pcm) >= 80 * 160)
        assert ear.pcm[: 80 * 160] == codec_named("PCMU").decode(b"".join(bytes([i]) * 80 for i in range(80)))
        line.close()


def send_while_the_loop_is_busy(packets: list[bytes], sock: socket.socket, port: int) -> None:
    for packet in packets:
        time.sleep(0.02)
        sock.sendto(packet, (HOST, port))


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_arrived_while_the_loop_was_busy_is_not_taken_for_lost(
    pool: PortPool, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scenario() -> None:
        with peer_of(pool) as peer:
            pair = acquire(pool)
            line = UdpLine(pair, config_to(HOST, peer.port), "PCMU", clock=MediaClock())
            ear = Listener(line)
            line.start()
            packets = [
                bytes([0x80, 0, 0, i]) + (160 * i).to_bytes(4, "big") + b"ssrc" + bytes([i]) * 160 for i in range(12)
            ]
            peer.rtp.sendto(packets[0], (HOST, pair.port))
            await ear.until(lambda: bool(ear.audio))
            send_while_the_loop_is_busy(packets[1:], peer.rtp, pair.port)
            await ear.until(lambda: len(ear.pcm) >= 12 * 320)
            assert ear.pcm[: 12 * 320] == codec_named("PCMU").decode(b"".join(packet[12:] for packet in packets))
            assert line.stats().late == 0
            line.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(scenario())


async def test_rubbish_does_no_harm(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for size in (0, 1, 11, 12, 200, 1_501, 9_000):
                for port in (b.line.pair.port, b.line.pair.port + 1):
                    stranger.sendto(random.Random(size).randbytes(size), (HOST, port))
        payload = speech(100)
        a.line.play(payload)
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 800)
        assert b.ear.pcm[: 2 * 800] == codec_named("PCMU").decode(payload)


async def test_close_says_bye_and_frees_the_ports(pool: PortPool) -> None:
    loop = asyncio.get_running_loop()
    with peer_of(pool) as peer:
        clock = MediaClock()
        line = UdpLine(acquire(pool), config_to(HOST, peer.port), "PCMU", clock=clock)
        ear = Listener(line)
        line.start()
        line.play(speech(200))
        await ear.until(lambda: bool(ear.sent))
        in_use = pool.in_use
        line.close()
        line.close()
        assert pool.in_use == in_use - 1
        assert line.pair.rtp.fileno() == -1
        async with asyncio.timeout(TIMEOUT_S):
            datagram = await loop.sock_recv(peer.rtcp, 2_000)
        types = []
        while datagram:
            types.append(datagram[1])
            datagram = datagram[4 * (1 + int.from_bytes(datagram[2:4], "big")) :]
        assert 203 in types  # BYE, RFC 3550 §6.6
        sent = line.sent_ticks
        line.play(speech(20))
        line.send_dtmf("1")
        assert line.clear() >= 0
        pause = asyncio.Event()
        loop.call_later(0.05, pause.set)
        await pause.wait()
        assert line.sent_ticks == sent
        assert clock.active == 0


async def test_a_handler_may_close_the_line(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        closed = asyncio.Event()

        def hang_up(payload: bytes, ordinal: int, at_s: float) -> None:
            if ordinal >= 3 * 160:
                a.line.close()
                asyncio.get_running_loop().call_later(0.05, closed.set)

        b.line.add_listener(audio=lambda chunk, at_tick, at_s: b.line.close())
        a.line.add_listener(sent=hang_up)
        a.line.play(speech(1_000))
        await asyncio.wait_for(closed.wait(), TIMEOUT_S)
        assert 4 * 160 <= a.line.sent_ticks < 8_000
        assert b.line.stats().packets_received >= 1


async def test_a_handler_that_raises_stops_nothing(pool: PortPool) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with call(pool) as (a, b):

        def fail(payload: bytes, ordinal: int, at_s: float) -> None:
            raise RuntimeError("a handler's fault")

        a.line.add_listener(sent=fail)
        payload = speech(100)
        a.line.play(payload)
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 800)
        assert b.ear.pcm[: 2 * 800] == codec_named("PCMU").decode(payload)
        assert len(reported) == 5


async def test_what_the_system_will_not_send_is_counted_not_raised(pool: PortPool) -> None:
    # A broadcast needs a permission that the line's sockets do not have.
    line = UdpLine(acquire(pool), config_to("255.255.255.255", 4_000), "PCMU", clock=MediaClock())
    ear = Listener(line)
    line.start()
    line.play(speech(60))
    await ear.until(lambda: ear.drained == 1)
    assert line.dump()["send_errors"] == 3
    line.close()


async def test_what_cannot_work_is_refused(pool: PortPool) -> None:
    pair = acquire(pool)
    clock = MediaClock()
    with pytest.raises(LocalError, match="is not a numeric address"):
        UdpLine(pair, config_to("media.example.org", 4_000), "PCMU", clock=clock)
    with pytest.raises(LocalError, match="25 ms"):
        UdpLine(pair, config_to(HOST, 4_000, ptime_ms=25), "PCMU", clock=clock)
    with pytest.raises(LocalError, match="'G729'"):
        UdpLine(pair, config_to(HOST, 4_000), "G729", clock=clock)
    pair.release(0.0)


async def test_it_is_a_media_line_and_shows_its_state(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        line: MediaLine = a.line
        assert line.encoding == "PCMU"
        assert line.encode(pcm.silence(160)) == b"\xff" * 160
        dump = a.line.dump()
        assert dump["port"] == a.line.pair.port
        assert dump["speaking"] is False


def stand_still(clock: MediaClock, counter: str) -> None:
    """The pump's thread goes on while the event loop stands still, until it has counted something."""
    while clock.pump is not None and not clock.pump.counters()[counter]:  # type: ignore[literal-required]
        time.sleep(0.001)


async def test_hold_takes_effect_whatever_has_just_arrived(pool: PortPool) -> None:
    """A packet that the pump has handed over and is not collected yet must not lend outbound to the pump again
    while it is being changed."""
    clock = MediaClock()
    with peer_of(pool) as peer:
        line = UdpLine(acquire(pool), config_to(HOST, peer.port), "PCMU", clock=clock)
        ear = Listener(line)
        line.start()
        line.play(speech(2_000))
        await ear.until(lambda: len(ear.sent) >= 3)
        peer.rtp.sendto(build_plain(0, 1, 0, 1, speech(20)), (HOST, line.pair.port))
        stand_still(clock, "raw")
        line.reconfigure(config_to(HOST, peer.port, send=False), "PCMU")
        queued, sent = line.queued_ticks, line.sent_ticks
        assert queued
        pause = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, pause.set)
        await pause.wait()
        assert (line.queued_ticks, line.sent_ticks) == (queued, sent)
        line.close()
        clock.close()
