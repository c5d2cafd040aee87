"""Signalling goes into the capture of its call."""

import asyncio
from pathlib import Path

import pytest

from offhook.calls import captures as module
from offhook.calls.captures import MAX_OF_STRANGERS, Captures, DatagramReport, SipDatagram, is_rtcp, without_sound
from offhook.ladder.traces import SeenMessage
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from tests.offhook.records.pcapfile import read


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


def report(reported: list[SipDatagram]) -> DatagramReport:
    return DatagramReport("call", reported.append)


def seen(data: bytes) -> SeenMessage:
    flow = Flow(Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5070))
    return SeenMessage(1.0, data, flow, received=True)


def test_what_is_passed_to_the_process_with_the_media() -> None:
    reported: list[SipDatagram] = []
    report(reported)(seen(b"INVITE"), True)
    assert reported == [SipDatagram("call", 1.0, b"INVITE", 5060, Address("192.0.2.2", 5070), True)]


def test_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIP_DATAGRAMS", 5)
    reported: list[SipDatagram] = []
    passes = report(reported)
    for _ in range(8):
        passes(seen(b"INVITE"), True)
    assert len(reported) == 5


def test_strangers_use_up_no_room_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIP_DATAGRAMS", MAX_OF_STRANGERS + 3)
    reported: list[SipDatagram] = []
    passes = report(reported)
    for _ in range(2 * MAX_OF_STRANGERS):
        passes(seen(b"OPTIONS"), False)
    for _ in range(3):
        passes(seen(b"ACK"), True)
    assert [one.data for one in reported] == [b"OPTIONS"] * MAX_OF_STRANGERS + [b"ACK"] * 3


async def test_a_further_dialog_of_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that goes on with another far end has one file, and leaves nothing behind."""
    monkeypatch.setattr(module, "LINGER_S", 0.0)
    captures = Captures(tmp_path)
    captures.want("call")
    capture = captures.begin("call", "e" * 32, "192.0.2.1")
    assert capture is not None
    capture.keep()
    captures.join("moved", "call")
    captures.want("moved")  # it is one that is there
    captures.join("of another", "another")
    peer = Address("192.0.2.2", 5060)
    for dialog in ("call", "moved", "of another"):
        captures.sip(SipDatagram(dialog, 1.0, dialog.encode(), 5060, peer, True))
    captures.end("call")
    await asyncio.sleep(0.01)
    captures.sip(SipDatagram("moved", 2.0, b"too late", 5060, peer, True))
    assert captures.begin("moved", "f" * 32, "192.0.2.1") is None
    assert captures.close()
    found = read((tmp_path / f"{'e' * 32}.pcap").read_bytes())
    assert [one.payload for one in found] == [b"call", b"moved"]


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
