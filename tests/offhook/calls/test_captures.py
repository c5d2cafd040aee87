"""Signalling goes into the capture of its call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.calls import captures as module
from offhook.calls.captures import MAX_OF_STRANGERS, RECENT, Captures, SipDatagram, SipTap, is_rtcp, without_sound
from offhook.sip.commands import Reject
from offhook.sip.events import Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from tests.offhook.records.pcapfile import read

HOST = "127.0.0.1"


def request(method: str, call_id: str, name: str = "Call-ID") -> bytes:
    lines = [
        f"{method} sip:bot@{HOST} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:9;rport;branch=z9hG4bK-{call_id}",
        f"From: <sip:qa@{HOST}>;tag=1",
        f"To: <sip:bot@{HOST}>",
        f"{name}: {call_id}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:qa@{HOST}:9>",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Wire(asyncio.DatagramProtocol):
    """A far end that records what it receives."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.came.put_nowait(data)


class Bench:
    """An endpoint with a tap; the test tells the calls apart."""

    def __init__(self) -> None:
        self.reported: list[SipDatagram] = []
        self.calls: list[IncomingCall] = []

    async def open(self) -> None:
        self.endpoint = await Endpoint.open(HOST, 0, self._on_event)
        self.tap = SipTap(self.endpoint)
        loop = asyncio.get_running_loop()
        where = self.endpoint.address
        self.transport, self.wire = await loop.create_datagram_endpoint(Wire, remote_addr=(where.host, where.port))
        self.port = self.transport.get_extra_info("sockname")[1]

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self.calls.append(event)
            if "captured" in event.call_id:
                self.tap.begin(event.call, event.call_id, self.reported.append)

    async def ask(self, data: bytes) -> bytes:
        """Send, and the next that comes."""
        self.transport.sendto(data)
        return await asyncio.wait_for(self.wire.came.get(), 5)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    one = Bench()
    await one.open()
    yield one
    one.transport.close()
    one.endpoint.close()


@pytest.mark.parametrize("name", ["Call-ID", "call-id ", "i", "CALL-ID"])
async def test_all_of_a_call_from_its_first_datagram_on(bench: Bench, name: str) -> None:
    invite = request("INVITE", "captured", name)
    trying = await bench.ask(invite)
    (call,) = bench.calls
    bench.endpoint.do(Reject(call.call, 486))
    busy = await asyncio.wait_for(bench.wire.came.get(), 5)
    assert busy.startswith(b"SIP/2.0 486")
    assert [(one.data, one.received) for one in bench.reported] == [(invite, True), (trying, False), (busy, False)]
    assert {(one.call, one.local_port, one.peer) for one in bench.reported} == {
        (call.call, bench.endpoint.address.port, Address(HOST, bench.port))
    }
    times = [one.at_s for one in bench.reported]
    assert times == sorted(times)


async def test_datagrams_of_other_calls_are_not_reported(bench: Bench) -> None:
    await bench.ask(request("INVITE", "captured"))
    before = len(bench.reported)
    await bench.ask(request("INVITE", "other"))
    await bench.ask(request("OPTIONS", "x\r\nSubject: captured"))
    assert len(bench.reported) == before


async def test_a_call_id_in_the_body_is_none(bench: Bench) -> None:
    await bench.ask(request("INVITE", "captured"))
    before = len(bench.reported)
    bench.transport.sendto(request("OPTIONS", "x").replace(b"Call-ID: x\r\n", b"") + b"Call-ID: captured\r\n")
    await bench.ask(request("OPTIONS", "last"))
    assert len(bench.reported) == before


async def test_no_more_than_so_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIP_DATAGRAMS", 5)
    for _ in range(4):
        await bench.ask(request("INVITE", "captured"))
    assert len(bench.reported) == 5


async def test_after_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.0)
    await bench.ask(request("INVITE", "captured"))
    seen = len(bench.reported)
    bench.tap.end(bench.calls[0].call)
    await asyncio.sleep(0.01)
    await bench.ask(request("INVITE", "captured"))
    assert len(bench.reported) == seen


async def test_what_belongs_to_nobody_is_forgotten(bench: Bench) -> None:
    """A flood of it does not even keep a call from being captured from its first datagram on."""
    for number in range(2 * RECENT):
        await bench.ask(request("OPTIONS", f"flood-{number}"))
    await bench.ask(request("INVITE", "captured"))
    assert bench.reported[0].data.startswith(b"INVITE")


async def test_signalling_and_media_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.0)
    captures = Captures(tmp_path)
    assert captures.begin("call", "a" * 32, "192.0.2.1") is None
    captures.want("call")
    capture = captures.begin("call", "a" * 32, "192.0.2.1")
    assert capture is not None
    peer = Address("192.0.2.2", 5060)
    captures.sip(SipDatagram("call", 1.0, b"INVITE", 5060, peer, True))
    captures.sip(SipDatagram("another", 1.0, b"INVITE", 5060, peer, True))
    capture.media(b"rtp", ("192.0.2.2", 4_000), 10_000, False)
    capture.keep()
    captures.end("call")
    captures.sip(SipDatagram("call", 2.0, b"200", 5060, peer, False))
    await asyncio.sleep(0.01)
    captures.sip(SipDatagram("call", 3.0, b"too late", 5060, peer, True))
    assert captures.close()
    found = read((tmp_path / f"{'a' * 32}.pcap").read_bytes())
    ours, theirs = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
    assert [(one.source, one.destination, one.payload) for one in found] == [
        (theirs, ours, b"INVITE"),
        (ours, theirs, b"200"),
        (("192.0.2.1", 10_000), ("192.0.2.2", 4_000), b"rtp"),
    ]


RTP = bytes.fromhex("8000000100000001deadbeef")


@pytest.mark.parametrize(
    ("packet", "kept"),
    [
        (RTP + b"speech" * 27, RTP + bytes(162)),
        (b"\x80\x65" + RTP[2:] + b"\x07\x0a\x00\xa0", None),  # an event
        (b"\x80\x65" + RTP[2:] + b"\x07\x0a\x00\xa0" * 5 + b"t" * 16, None),  # several, with a tag of SRTP
        (b"\x90" + RTP[1:] + b"secret77" * 20, b"\x80" + RTP[1:] + bytes(160)),  # with an extension
        (b"\x82" + RTP[1:] + b"\0" * 8 + b"s" * 80, b"\x82" + RTP[1:] + bytes(88)),  # with contributing sources
        (b"\x80\xc8" + RTP[2:] + b"\x07\x0a\x00\xa0", None),  # an event of type 72 with a marker
        (b"no RTP, but 7", bytes(13)),
        (b"\x8f" + RTP[1:], None),
        (b"", b""),
    ],
)
def test_a_packet_without_sound(packet: bytes, kept: bytes | None) -> None:
    assert without_sound(packet) == kept


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (b"\x80\xc8\x00\x06" + b"r" * 24, True),
        (b"\x80\xc9\x00\x01" + b"r" * 4 + b"\x81\xca\x00\x01" + b"r" * 4, True),  # several in one
        (b"\x80\xc8\x00\x06" + b"r" * 8, False),  # longer than it came
        (b"\x80\xc0\x00\x01" + b"r" * 4, False),
        (b"\x40\xc8\x00\x01" + b"r" * 4, False),
        (b"\x80\xc8\x00", False),
    ],
)
def test_what_looks_like_rtcp(packet: bytes, expected: bool) -> None:
    assert is_rtcp(packet) is expected


@pytest.mark.parametrize("payload_type", [64, 71, 72, 79, 80, 95, 101])
async def test_a_key_of_a_type_that_looks_like_rtcp(tmp_path: Path, payload_type: int) -> None:
    captures = Captures(tmp_path)
    captures.want("call")
    capture = captures.begin("call", "c" * 32, "192.0.2.1")
    assert capture is not None
    capture.keep()
    capture.keep_private(True)
    peer, key, report = ("192.0.2.9", 4000), b"\x07\x0a\x00\xa0", b"\x80\xc9\x00\x01" + b"r" * 4
    # The first packet of an event has the marker bit, and any sequence number: one that would be a fitting length, too.
    capture.media(bytes([0x80, 0x80 | payload_type]) + b"\x00\x03" + RTP[4:] + key, peer, 30_000, True)
    capture.media(report, peer, 30_001, True)
    capture.close()
    assert captures.close()
    found = [one.payload for one in read((tmp_path / f"{'c' * 32}.pcap").read_bytes())]
    assert found == [report]


async def test_strangers_use_up_no_room_of_a_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIP_DATAGRAMS", MAX_OF_STRANGERS + 4)
    await bench.ask(request("INVITE", "captured"))
    loop = asyncio.get_running_loop()
    where = bench.endpoint.address
    transport, stranger = await loop.create_datagram_endpoint(
        Wire, local_addr=("127.0.0.2", 0), remote_addr=(where.host, where.port)
    )
    for _ in range(MAX_OF_STRANGERS):
        transport.sendto(request("OPTIONS", "captured"))
        await asyncio.wait_for(stranger.came.get(), 5)
    transport.close()
    bench.endpoint.do(Reject(bench.calls[0].call, 486))
    await asyncio.wait_for(bench.wire.came.get(), 5)
    own = [one for one in bench.reported if one.peer.host == HOST]
    assert len(own) == 3 and len(bench.reported) == 3 + MAX_OF_STRANGERS


def info(key: str) -> bytes:
    return f"INFO sip:a SIP/2.0\r\nCall-ID: x\r\nCSeq: 2 INFO\r\n\r\nSignal={key}\r\nDuration=100\r\n".encode()


async def test_what_is_keyed_in_private_is_not_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.0)
    captures = Captures(tmp_path)
    captures.want("call")
    capture = captures.begin("call", "b" * 32, "192.0.2.1")
    assert capture is not None
    capture.keep()
    peer, event = ("192.0.2.9", 4000), b"\x80\x65" + RTP[2:] + b"\x07\x0a\x00\xa0"

    def everything(sound: bytes, key: str) -> None:
        capture.media(RTP + sound * 160, peer, 30_000, True)
        capture.media(event, peer, 30_000, True)
        capture.signalling(1.0, info(key), ("192.0.2.9", 5060), 5060, True)

    everything(b"a", "1")
    capture.keep_private(True)
    everything(b"b", "2")
    capture.keep_private(False)
    everything(b"c", "3")  # still under way
    monkeypatch.setattr(module, "LATE_MEDIA_S", 0.0)
    everything(b"d", "4")  # an INFO may be sent again for longer
    monkeypatch.setattr(module, "LATE_INFO_S", 0.0)
    everything(b"e", "5")
    capture.signalling(2.0, b"INVITE sip:a SIP/2.0\r\n\r\na=crypto:1 X inline:c2VjcmV0\r\n", peer, 5060, True)
    captures.end("call")
    await asyncio.sleep(0.01)
    assert captures.close()
    found = [one.payload for one in read((tmp_path / f"{'b' * 32}.pcap").read_bytes())]
    sounds = [each[12:13] for each in found if len(each) == 172]
    assert sorted(sounds) == [b"\0", b"\0", b"a", b"d", b"e"]
    assert found.count(event) == 3
    signals = sorted(each.partition(b"Signal=")[2][:1] for each in found if each.startswith(b"INFO"))
    assert signals == [b"*", b"*", b"*", b"1", b"5"]
    assert not [each for each in found if b"c2VjcmV0" in each]
