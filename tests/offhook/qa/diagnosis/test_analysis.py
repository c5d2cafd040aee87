"""Captures as a whole: calls and streams put together, over UDP and TCP, IPv4 and IPv6, one call after another."""

import json
import random
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.qa.capture.files import Frame
from offhook.qa.diagnosis.analysis import Analyser, Analysis
from offhook.qa.diagnosis.report import Report
from offhook.qa.diagnosis.rules import judge
from offhook.records.pcap import packet
from offhook.telephony.wire.rtcp import ReceiverReport, ReportBlock, build_compound
from tests.offhook.qa.capture.frames import TCP, cooked, ethernet, ip, tcp, udp
from tests.offhook.qa.wire import START_S, Address, Dialog, Packet, analysed, both_ways, capture, sdp, with_key

IPV6_CALLER, IPV6_BOT = "2001:db8::7", "2001:db8::5"


def analyse(packets: list[Packet], tmp_path: Path) -> Analysis:
    path = tmp_path / "capture.pcap"
    path.write_bytes(capture(packets))
    return analysed(path)


def test_a_call(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    analysis = analyse([*dialog.packets(), *with_key(caller, "#", 100), *callee], tmp_path)
    (call,) = analysis.calls.by_id.values()
    assert (call.call_id, call.outcome, call.caller, call.callee) == (
        "one@198.51.100.7",
        "answered",
        ("198.51.100.7", 5_060),
        ("203.0.113.5", 5_060),
    )
    times = (call.first_response_s, call.ringing_s, call.answered_s, call.acked_s, call.ended_s)
    assert call.invite_s == START_S
    assert [round((each or 0) - START_S, 3) for each in times] == [0.01, 0.05, 0.1, 0.12, 10.3]
    up, down = analysis.streams
    assert (up.from_caller, down.from_caller) == (True, False) and up.call is down.call is call
    assert up.summary is not None and up.summary.digits == "#"
    assert up.sent_to is not None and up.sent_to.address == ("203.0.113.5", 5_000)


def test_media_before_its_description(tmp_path: Path) -> None:
    """The callee's first packets come before its answer."""
    dialog = Dialog(answered_s=2.0, acked_s=2.1)
    caller, callee = both_ways(Dialog())
    analysis = analyse([*dialog.packets(), *caller, *callee], tmp_path)
    assert [each.from_caller for each in analysis.streams] == [True, False]
    assert all(each.call is not None and each.summary and each.summary.packets == 500 for each in analysis.streams)


def test_calls_one_after_another_at_the_same_ports(tmp_path: Path) -> None:
    """Even with the same SSRC, as SIPp sends."""
    packets: list[Packet] = []
    for number in range(4):
        dialog = Dialog(call_id=f"call{number}", ended_s=2.4)
        media = [each for way in both_ways(dialog, 2.0) for each in way]
        packets += [replace(each, at_s=each.at_s + 3.0 * number) for each in (*dialog.packets(), *media)]
    analysis = analyse(packets, tmp_path)
    assert len(analysis.calls.by_id) == 4 and len(analysis.streams) == 8
    for call in analysis.calls.by_id.values():
        assert [each.from_caller for each in analysis.of_call(call)] == [True, False]
    assert judge(analysis) == []


def test_several_hops_of_one_call(tmp_path: Path) -> None:
    """A proxy on this machine that media goes around: times are those of the first hop."""
    dialog = Dialog()
    proxy = ("203.0.113.99", 5_060)
    first = [
        replace(each, destination=proxy) if each.source == dialog.caller else replace(each, source=proxy)
        for each in dialog.packets()
    ]
    second = [
        replace(each, source=proxy, at_s=each.at_s + 0.002)
        if each.source == dialog.caller
        else replace(each, destination=proxy, at_s=each.at_s - 0.002)
        for each in dialog.packets()
    ]
    caller, callee = both_ways(dialog)
    analysis = analyse([*first, *second, *caller, *callee], tmp_path)
    (call,) = analysis.calls.by_id.values()
    assert call.callee == proxy and call.answered_s == pytest.approx(START_S + 0.098, abs=0.0021)
    assert judge(analysis) == []


@pytest.mark.parametrize("size", [100, 1_400])
def test_sip_over_tcp_and_ipv6(size: int) -> None:
    dialog = Dialog(
        (IPV6_CALLER, 40_000),
        (IPV6_BOT, 5_060),
        (IPV6_CALLER, 4_000),
        (IPV6_BOT, 5_000),
        offer=sdp((IPV6_CALLER, 4_000)),
        answer=sdp((IPV6_BOT, 5_000)),
    )
    analyser, offsets = Analyser(), {dialog.caller: 7, dialog.callee: 7}
    frames: list[Frame] = []
    for each in dialog.packets():
        for at in range(0, len(each.payload), size):
            part = each.payload[at : at + size]
            content = tcp(each.source[1], each.destination[1], offsets[each.source], part)
            offsets[each.source] += len(part)
            frames.append(Frame(each.at_s, 1, ethernet(ip(each.source[0], each.destination[0], content, TCP)), False))
    for way in both_ways(dialog):
        frames += [_datagram(each) for each in way]
    analysis = analyser.take_all(sorted(frames, key=lambda each: each.at_s))
    (call,) = analysis.calls.by_id.values()
    assert call.transport == "TCP" and call.outcome == "answered" and len(analysis.of_call(call)) == 2
    assert judge(analysis) == []


def _datagram(each: Packet, link: int = 1) -> Frame:
    content = udp(each.source[1], each.destination[1], each.payload)
    return Frame(each.at_s, link, ethernet(ip(each.source[0], each.destination[0], content)), False)


def test_a_capture_on_any_interface() -> None:
    dialog = Dialog()
    packets = sorted(
        (*dialog.packets(), *(each for way in both_ways(dialog) for each in way)), key=lambda one: one.at_s
    )
    frames = []
    for number, each in enumerate(packets):
        content = udp(each.source[1], each.destination[1], each.payload)
        whole = ip(each.source[0], each.destination[0], content, number=number & 0xFFFF)
        frames += [Frame(each.at_s + way * 1e-5, 113, cooked(whole, 4 - 4 * way), False) for way in (0, 1)]
    analysis = Analyser().take_all(frames)
    assert [each.kind for each in judge(analysis)] == ["copies"]


def test_what_the_receiver_did_not_get(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    report = build_compound(ReceiverReport(0xB, (ReportBlock(0xA, 20, 40, 66_000, 8, 0, 0),)))
    rtcp = Packet(START_S + 9.0, (dialog.callee_media[0], 5_001), (dialog.caller_media[0], 4_001), report)
    findings = judge(analyse([*dialog.packets(), *caller, *callee, rtcp], tmp_path))
    assert [each.kind for each in findings] == ["loss_beyond"]
    assert "40 packets" in findings[0].what and "the caller's RTP" in findings[0].what


def test_other_traffic_is_no_rtp(tmp_path: Path) -> None:
    """Datagrams whose first byte could be RTP's: answers of DNS, noise of others."""
    packets = [
        Packet(
            START_S + number,
            ("192.0.2.1", port),
            ("192.0.2.2", 9_000 + number % 3),
            bytes((0x80, 0)) + bytes((number * 7 % 256,)) * 40,
        )
        for number in range(60)
        for port in (53, 7_000)
    ]
    assert analyse(packets, tmp_path).streams == []


def test_requests_outside_calls_are_counted(tmp_path: Path) -> None:
    dialog = Dialog()
    options = dialog.message("OPTIONS sip:bot@203.0.113.5 SIP/2.0", "1 OPTIONS").replace(b";tag=b", b"")
    analysis = analyse([Packet(START_S, dialog.caller, dialog.callee, options)], tmp_path)
    assert not analysis.calls.by_id and analysis.calls.others == {"OPTIONS": 1}
    broken = analyse([Packet(START_S, dialog.caller, dialog.callee, b"SIP/2.0 200 OK\r\nnothing\r\n\r\n")], tmp_path)
    assert not broken.calls.by_id and broken.calls.malformed == 1


def test_a_call_that_is_older_than_the_capture(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    late = [each for each in (*dialog.packets(), *caller, *callee) if each.at_s > START_S + 1]
    analysis = analyse(late, tmp_path)
    (call,) = analysis.calls.by_id.values()
    assert call.outcome == "in progress when the capture began" and len(analysis.streams) == 2
    assert judge(analysis) == []


def test_random_damage_never_raises(tmp_path: Path) -> None:
    chance, dialog = random.Random(2), Dialog(ended_s=1.4)
    caller, callee = both_ways(dialog, 1.0)
    packets = [*dialog.packets(), *with_key(caller, "5", 10), *callee]
    for _ in range(40):
        changed = []
        for each in packets:
            data = bytearray(each.payload)
            for _ in range(chance.randrange(4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            changed.append(replace(each, payload=bytes(data[: chance.randrange(1, 2 * len(data))])))
        analysis = analyse(changed, tmp_path)
        report = Report("damaged", "pcap", analysis, judge(analysis))
        assert report.text() and json.dumps(report.to_dict())


def test_hostile_messages_take_no_time(tmp_path: Path) -> None:
    """Lines on which a careless pattern would take hours."""
    dialog = Dialog()
    fields = ("Contact: " + "sip:" * 15_000, "To: " + ";tag" * 15_000, "X: " + " " * 60_000, "i:" + " " * 60_000 + "x")
    began_s = time.process_time()
    for line in fields:
        data = dialog.message("INVITE sip:a@b SIP/2.0", "1 INVITE", "", line)
        analyse([Packet(START_S, dialog.caller, dialog.callee, data[:65_000])], tmp_path)
    assert time.process_time() - began_s < 5


def test_memory_does_not_grow_with_the_length_of_a_stream() -> None:
    """Minutes of a stream take no more than the first one did."""
    one: tuple[Address, Address] = (("192.0.2.1", 4_000), ("192.0.2.2", 5_000))
    part = both_ways(Dialog(caller_media=one[0], callee_media=one[1]), 60.0)[0]
    frames = [
        Frame(each.at_s, 101, packet(each.at_s, each.source, each.destination, each.payload)[16:], False)
        for each in part
    ]
    analyser, sizes = Analyser(), []
    tracemalloc.start()
    try:
        for minute in range(4):
            for number, each in enumerate(frames):
                place = minute * len(frames) + number
                rtp = each.data[:28] + bytes((0x80, 0)) + (place & 0xFFFF).to_bytes(2, "big")
                data = rtp + (place * 160 & 0xFFFFFFFF).to_bytes(4, "big") + each.data[36:]
                analyser.take(Frame(each.at_s + minute * 60, 101, data, False))
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    (stream,) = analyser.finish().streams
    assert stream.summary is not None and stream.summary.packets == 12_000 and stream.summary.loss.lost == 0
    assert max(sizes[1:]) - sizes[0] < 100_000


@pytest.mark.parametrize("described", [True, False])
def test_packets_to_where_they_come_from(tmp_path: Path, described: bool) -> None:
    """A phone that calls itself, or a forged source: of a call, and of none."""
    dialog = Dialog(callee_media=("198.51.100.7", 4_000))
    packets = dialog.packets() if described else []
    analysis = analyse([*packets, *both_ways(dialog)[0]], tmp_path)
    (stream,) = analysis.streams
    assert stream.source == stream.destination and stream.summary is not None and stream.summary.packets == 500
    assert (stream.call is not None) is described
    assert Report("itself", "pcap", analysis, judge(analysis)).text()


def test_methods_that_nobody_knows_have_a_bound(tmp_path: Path) -> None:
    dialog = Dialog()
    methods = [f"INVENT{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(500)]
    packets = [
        Packet(START_S, dialog.caller, dialog.callee, dialog.message(f"{each} sip:b@c SIP/2.0", f"1 {each}"))
        for each in methods
    ]
    others = analyse(packets, tmp_path).calls.others
    assert len(others) <= 33 and sum(others.values()) == 500
