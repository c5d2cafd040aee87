"""The relays with real sockets: what goes in comes out at the other end, and the other way round."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from offhook.testing import relay as command
from offhook.testing import sipwire
from offhook.testing.impair import Impairment
from offhook.testing.sip_relay import SipRelay
from offhook.testing.tcp_relay import TcpRelay, TcpSettings
from offhook.testing.udp import Address, Outbox, UdpPort
from offhook.testing.udp_relay import RelaySettings, UdpRelay

HOST = "127.0.0.1"
PORTS = range(27_200, 27_600)
SOON_S = 5.0


class Peer:
    """A socket that notes what comes."""

    def __init__(self) -> None:
        self._got: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self._port = UdpPort((HOST, 0), lambda data, source, _: self._got.put_nowait((data, source)))

    @property
    def address(self) -> Address:
        return self._port.address

    def send(self, data: bytes, to: Address) -> None:
        self._port.send(data, to)

    async def receive(self) -> tuple[bytes, Address]:
        async with asyncio.timeout(SOON_S):
            return await self._got.get()

    @property
    def waiting(self) -> int:
        return self._got.qsize()

    def close(self) -> None:
        self._port.close()


@pytest.fixture
async def peer() -> Any:
    """Makes peers."""
    peers: list[Peer] = []

    def make() -> Peer:
        peers.append(Peer())
        return peers[-1]

    yield make
    for one in peers:
        one.close()


async def test_datagrams_pass_both_ways_and_callers_are_kept_apart(peer: Callable[[], Peer]) -> None:
    bot, one, other = peer(), peer(), peer()
    relay = UdpRelay((HOST, 0), bot.address, RelaySettings())
    one.send(b"one", relay.address)
    data, seen_one = await bot.receive()
    assert data == b"one"
    other.send(b"other", relay.address)
    data, seen_other = await bot.receive()
    assert data == b"other"
    assert seen_one != seen_other
    bot.send(b"to other", seen_other)
    bot.send(b"to one", seen_one)
    assert await other.receive() == (b"to other", relay.address)
    assert await one.receive() == (b"to one", relay.address)
    report = relay.report()
    assert report["callers"] == 2
    relay.close()
    relay.close()


async def test_each_way_has_its_own_impairments(peer: Callable[[], Peer]) -> None:
    bot, caller = peer(), peer()
    settings = RelaySettings(1, Impairment(loss_percent=50), Impairment(duplicate_percent=100))
    relay = UdpRelay((HOST, 0), bot.address, settings)
    for number in range(100):
        caller.send(bytes([number]), relay.address)
    _, seen = await bot.receive()
    bot.send(b"back", seen)
    assert [(await caller.receive())[0] for _ in range(2)] == [b"back", b"back"]
    report: Any = relay.report()
    assert report["up"]["received"] == 100
    assert 30 < report["up"]["lost"] < 70
    assert (report["down"]["sent"], report["down"]["duplicated"]) == (1, 1)
    assert bot.waiting == report["up"]["sent"] - 1
    relay.close()


async def test_delayed_datagrams_come_in_order(peer: Callable[[], Peer]) -> None:
    bot, caller = peer(), peer()
    relay = UdpRelay((HOST, 0), bot.address, RelaySettings(1, Impairment(delay_ms=50, jitter_ms=50)))
    began = asyncio.get_running_loop().time()
    for number in range(50):
        caller.send(bytes([number]), relay.address)
    assert [(await bot.receive())[0][0] for _ in range(50)] == list(range(50))
    assert asyncio.get_running_loop().time() - began >= 0.05
    relay.close()


async def test_a_rebound_port_is_another_one_and_the_old_one_is_dead(peer: Callable[[], Peer]) -> None:
    bot, caller = peer(), peer()
    relay = UdpRelay((HOST, 0), bot.address, RelaySettings(rebind_s=0.05))
    caller.send(b"before", relay.address)
    _, before = await bot.receive()
    seen = before
    async with asyncio.timeout(SOON_S):
        while seen == before:
            caller.send(b"after", relay.address)
            _, seen = await bot.receive()
    bot.send(b"to nobody", before)
    bot.send(b"to the new one", seen)
    assert (await caller.receive())[0] == b"to the new one"
    relay.close()


async def test_a_full_outbox_drops_and_a_closed_one_forgets() -> None:
    outbox, called = Outbox(), list[int]()
    outbox.at(0.0, lambda: called.append(1), 1.0)
    outbox.at(asyncio.get_running_loop().time() + 0.05, lambda: called.append(2), 0.0)
    outbox.close()
    assert called == [1]


def invite(caller: Address, relay: Address, media_port: int) -> bytes:
    body = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {media_port} RTP/AVP 0\r\n"
    return (
        f"INVITE sip:bot@{relay[0]}:{relay[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {caller[0]}:{caller[1]};branch=z9hG4bK1\r\n"
        f"Contact: <sip:me@{caller[0]}:{caller[1]}>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def rtp_port(message: bytes) -> int:
    (stream,) = sipwire.media_streams(sipwire.session_description(message))
    assert stream.rtp[0] == HOST
    assert stream.rtcp == (HOST, stream.rtp[1] + 1)
    return stream.rtp[1]


async def test_signalling_and_media_of_a_call_go_through_the_relay(peer: Callable[[], Peer]) -> None:
    bot, bot_media, caller, caller_media = peer(), peer(), peer(), peer()
    settings = RelaySettings(1, Impairment(corrupt_percent=100))
    relay = SipRelay((HOST, 0), bot.address, sip=RelaySettings(), media=settings, ports=PORTS)
    caller.send(invite(caller.address, relay.address, caller_media.address[1]), relay.address)
    offer, seen = await bot.receive()
    # To the bot the relay is the caller.
    assert offer.startswith(f"INVITE sip:bot@{HOST}:{bot.address[1]} SIP/2.0\r\n".encode())
    assert f"Via: SIP/2.0/UDP {HOST}:{seen[1]};".encode() in offer
    assert f":{caller.address[1]}".encode() not in offer
    for_bot = rtp_port(offer)
    body = sipwire.session_description(offer).replace(str(for_bot).encode(), str(bot_media.address[1]).encode())
    contact = f"Contact: <sip:bot@{HOST}:{bot.address[1]}>\r\n".encode()
    head = offer.partition(b"\r\n\r\n")[0].replace(b"INVITE sip", b"SIP/2.0 200 OK\r\nX: sip") + b"\r\n" + contact
    bot.send(sipwire.with_body(head + b"\r\n", body), seen)
    answer, source = await caller.receive()
    # To the caller the relay is the bot.
    assert source == relay.address
    assert f"Via: SIP/2.0/UDP {HOST}:{caller.address[1]};".encode() in answer
    assert f"Contact: <sip:bot@{HOST}:{relay.address[1]}>".encode() in answer
    for_caller = rtp_port(answer)
    caller_media.send(b"up" * 50, (HOST, for_caller))
    data, source = await bot_media.receive()
    assert (len(data), source) == (100, (HOST, for_bot))
    assert data != b"up" * 50
    bot_media.send(b"down", (HOST, for_bot))
    assert await caller_media.receive() == (b"down", (HOST, for_caller))
    report: Any = relay.report()
    assert (report["rtp"]["up"]["corrupted"], report["rtp"]["down"]["corrupted"]) == (1, 0)
    assert (report["sip"]["up"]["received"], report["streams"]) == (1, 1)
    relay.close()


async def test_a_repeated_offer_gets_the_same_ports_and_noise_passes(peer: Callable[[], Peer]) -> None:
    bot, caller = peer(), peer()
    relay = SipRelay((HOST, 0), bot.address, sip=RelaySettings(), media=RelaySettings(), ports=PORTS)
    message = invite(caller.address, relay.address, 4_000)
    for data in (message, message, b"\xff" * 40, b"\r\n\r\n"):
        caller.send(data, relay.address)
    first, second, noise, keep_alive = [(await bot.receive())[0] for _ in range(4)]
    assert first == second
    assert (noise, keep_alive) == (b"\xff" * 40, b"\r\n\r\n")
    assert relay.report()["streams"] == 1
    relay.close()


async def test_without_free_ports_the_sdp_passes_as_it_is(peer: Callable[[], Peer]) -> None:
    bot, caller, taken = peer(), peer(), peer()
    port = taken.address[1]
    relay = SipRelay((HOST, 0), bot.address, sip=RelaySettings(), media=RelaySettings(), ports=range(port, port + 1))
    caller.send(invite(caller.address, relay.address, 4_000), relay.address)
    assert b"m=audio 4000 " in (await bot.receive())[0]
    assert relay.report()["streams_without_ports"] == 1
    relay.close()


@pytest.fixture
async def echo() -> AsyncIterator[Address]:
    """The address of a server that sends everything back."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(OSError):
            while data := await reader.read(1_000):
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, HOST, 0)
    yield server.sockets[0].getsockname()
    server.close()
    async with asyncio.timeout(SOON_S):
        await asyncio.gather(*(task for task in tasks if task is not None))


async def ended(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


async def test_connections_pass_and_end(echo: Address) -> None:
    relay = await TcpRelay.open((HOST, 0), echo, TcpSettings(Impairment(delay_ms=30), Impairment()))
    reader, writer = await asyncio.open_connection(*relay.address)
    began = asyncio.get_running_loop().time()
    writer.write(b"a" * 10_000)
    writer.write_eof()
    async with asyncio.timeout(SOON_S):
        assert await reader.read() == b"a" * 10_000
    assert asyncio.get_running_loop().time() - began >= 0.03
    assert relay.counters.up_bytes == relay.counters.down_bytes == 10_000
    await ended(writer)
    await relay.close()


async def test_a_connection_is_reset(echo: Address) -> None:
    relay = await TcpRelay.open((HOST, 0), echo, TcpSettings(Impairment(), Impairment(), reset_s=0.05))
    reader, writer = await asyncio.open_connection(*relay.address)
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(SOON_S):
            await reader.read()
    assert relay.counters.resets == 1
    await ended(writer)
    await relay.close()


async def test_a_slow_link_makes_the_sender_wait(echo: Address) -> None:
    """What is in the kernel's and the relay's buffers goes; the rest stays with the sender."""
    slow = Impairment(rate_kbps=64)
    relay = await TcpRelay.open((HOST, 0), echo, TcpSettings(slow, slow))
    with socket.create_connection(relay.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        sock.setblocking(False)
        sock.send(b"a")
        async with asyncio.timeout(SOON_S):
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b"a"
        with pytest.raises(BlockingIOError):
            while True:
                sock.send(bytes(65_536))
                await asyncio.sleep(0)
    await relay.close()


async def test_nobody_at_the_other_end() -> None:
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        relay = await TcpRelay.open((HOST, 0), nobody.getsockname(), TcpSettings(Impairment(), Impairment()))
        reader, writer = await asyncio.open_connection(*relay.address)
        async with asyncio.timeout(SOON_S):
            assert await reader.read() == b""
        assert relay.counters.failed == 1
        await ended(writer)
        await relay.close()


@pytest.mark.parametrize("mode", ["sip", "udp", "tcp"])
def test_the_command_says_where_it_is_and_what_it_did(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--mode", mode, "--listen", f"{HOST}:0", "--to", f"{HOST}:9", "--for", "0.05", "--seed", "7"]
    status = command.main([*arguments, "--loss", "5", "--burst", "3", "--down-loss", "0", "--stall", "1-2"])
    assert status == 0
    ready, report = capsys.readouterr().out.splitlines()
    assert ready.startswith(f"ready {HOST}:")
    printed = json.loads(report)
    assert (printed["seed"], printed["mode"]) == (7, mode)
    assert (printed["up"]["loss_percent"], printed["up"]["burst_packets"]) == (5.0, 3.0)
    assert printed["down"]["loss_percent"] == 0.0
    assert printed["up"]["blackholes"] == printed["down"]["blackholes"] == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (["--loss", "120"], "this network is impossible"),
        (["--listen", "127.0.0.1"], "is not an address"),
        (["--media-ports", "5"], "is not a range of ports"),
        (["--listen", "192.0.2.1:0"], "192.0.2.1:0 cannot be used"),
    ],
)
def test_the_command_explains_what_is_wrong(wrong: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--listen", f"{HOST}:0", "--to", f"{HOST}:9", *wrong]) == command.USAGE
    printed = capsys.readouterr().err
    assert what in printed
    assert "type:" in printed
