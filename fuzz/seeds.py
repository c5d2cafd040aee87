"""Seeds: a few valid inputs of each kind."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from fuzz import jitter_buffer, media_stream, websocket
from fuzz.rtp_session import STEPS, Drive
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import make_offer
from offhook.telephony.wire import rtcp, rtp, telephone_event
from offhook.telephony.wire.rtcp import Bye, ReceiverReport, ReportBlock, SenderInfo, SenderReport, SourceDescription
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import TelephoneEvent

_BLOCK = ReportBlock(7, 12, -3, 70_000, 55, 0x1234_5678, 65_536)
_SDES = SourceDescription.of_cname(1, "somebody@example.com")
_INVITE = (
    b"INVITE sip:bot@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK1\r\n"
    b'Max-Forwards: 70\r\nFrom: "A. B." <sip:a@192.0.2.2>;tag=1\r\nTo: <sip:bot@192.0.2.1>\r\nCall-ID: 1@192.0.2.2\r\n'
    b"CSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.2:5060;transport=udp>;expires=60\r\nSupported: timer, 100rel\r\n"
    b"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n"
)
_OK = (
    b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;received=192.0.2.3\r\nf: <sip:a@b>;tag=1\r\n"
    b"t: <sip:b@c>;tag=2\r\ni: 1@192.0.2.2\r\nCSeq: 1 INVITE\r\nm: <sip:b@192.0.2.1>\r\nl: 0\r\n\r\n"
)


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    return {
        "rtp": _rtp(),
        "rtcp": [
            rtcp.build_compound(SenderReport(1, SenderInfo(1 << 60, 2, 3, 4), (_BLOCK,)), _SDES),
            rtcp.build_compound(ReceiverReport(1, (_BLOCK, _BLOCK)), _SDES, Bye((1, 2), b"over")),
            rtcp.build_compound(ReceiverReport(1), Bye((1,))) + b"\x80\xcc\x00\x02" + bytes(8),
        ],
        "event": [telephone_event.build(TelephoneEvent(code, code > 8, 10, 160 * code)) for code in (0, 11, 15)],
        "jitter": [bytes((0, 0, *steps)) for steps in _named(jitter_buffer.STEPS, _STREAMS)],
        "session": _sessions(),
        "twilio": _media_streams(),
        "websocket": _named(websocket.STEPS, _FAR_ENDS),
        "sdp": _descriptions(),
        "sip": [_INVITE, _OK, _INVITE.replace(b"Record-Route: ", b"Record-Route:\r\n ")],
    }


Step: TypeAlias = str | int
"""The name of a step, or the byte of a parameter."""

_TALK: list[Step] = ["in_time"] * 10
_STREAMS: tuple[list[Step], ...] = (
    [*_TALK, "timer", *_TALK],
    [*_TALK, "lost", 3, *_TALK, "timer"],
    [*_TALK, "overtaken", 2, *_TALK, "overtaken", 250],
    [*_TALK, "wait_ms", 200, "timer", "held_up", "held_up", "held_up", *_TALK],
    [*_TALK, "noise", "wait_long", 20, "timer", "paused", 9, *_TALK],
    [*_TALK, "other_stream", 5, 255, *_TALK, "lend", "jump", 3, 20, *_TALK],
)
_CALLS: tuple[list[Step], ...] = (
    ["sound", 0, "media", 1, "media", 2, "media", 4, "sound", 2, "other_message", 1],
    ["sound", 0, "play", 200, "wait", 10, "timer", 0, "sound", 7, "clear", "timer", 0],
    ["sound", 0, "media", 1, "play", 100, "suspend", "wait", 50, "late_timer", "resume", "media", 1, "closed"],
    ["odd_value", 0, 3, 1, "sound", 0, "odd_value", 1, 5, 7, "damaged", 2, 30, 2, 44, 44],
    ["sound", 0, "raw", 3, 123, 125, 10, "sound", 0],
    ["sound", 1, "binary", 4, 1, 2, 3, 4, "round_trip", 5, "media", 0],
)

_FAR_ENDS: tuple[list[Step], ...] = (
    ["short_text", 3, 97, 98, 99, "text", 8, "cut", 5, "cut", 200, "text", 9, "all", 3, "byte_by_byte", 3],
    ["fragment", 0, 4, "control", 128, 2, 1, 2, "fragment", 2, 6, "fragment", 130, 5, "all", 0, "text", 7],
    ["fragment", 1, 3, "fragments", 70, "all", 0, "short_text", 1, 97],
    ["fragment", 0, 3, "fragments", 63, "fragment", 130, 1, "text", 1, "all", 0],
    ["text", 8, "binary", 6, "text", 11, "cut", 250, "control", 255, 4, 1, 2, 3, 4, "byte_by_byte", 200],
    ["text", 8, "close_frame", 0, 3, 98, 121, 101, "text", 8, "all", 0, "raw", 2, 0, 0],
    ["text", 3, "all", 0, "close", "text", 8, "cut", 9, "control", 129, 1, 7, "close_frame", 1, 0],
    ["text", 3, "announced", 1, 5, 0, "all", 0, "text", 8],
    ["text", 3, "announced", 33, 2, 2, 1, 1, "unmasked", 3, 1, 1, 1, "byte_by_byte", 60],
)


def _named(functions: Sequence[Callable[..., None]], inputs: Iterable[list[Step]]) -> list[bytes]:
    """Encode steps, given by name, and their parameters."""
    number = {function.__name__: at for at, function in enumerate(functions)}
    return [bytes(number[step] if isinstance(step, str) else step for step in steps) for steps in inputs]


def _media_streams() -> list[bytes]:
    calls = _named(media_stream.STEPS, _CALLS)
    return [bytes((dialect,)) + call for dialect in range(len(media_stream.NAMES)) for call in calls]


def _rtp() -> list[bytes]:
    plain = RtpPacket(0, False, 65_535, 1 << 31, 7, bytes(20))
    return [
        rtp.build(plain),
        rtp.build(plain, padding=4),
        rtp.build(plain._replace(csrcs=(1, 2, 3), extension=(0xBEDE, bytes(8)), marker=True)),
        rtp.build(plain._replace(payload_type=101, payload=b"\x05\x8a\x03\x20")),
    ]


def _descriptions() -> list[bytes]:
    from fuzz.targets import LOCAL  # noqa: PLC0415 - targets take the session's steps from beside this file

    offer = make_offer(LOCAL, AudioCapabilities(("PCMU", "PCMA"), True, 20))
    return [
        offer,
        offer.replace(b"\r\n", b"\n"),
        offer.replace(b"a=sendrecv", b"a=sendonly\r\na=rtcp:53\r\na=rtcp-mux\r\na=maxptime:40"),
        offer + b"m=video 4002 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n",
    ]


def _sessions() -> list[bytes]:
    number = {step.__name__: at for at, step in enumerate(STEPS)}
    assert set(number) <= set(vars(Drive))

    def steps(*names: str) -> bytes:
        return bytes((0, 255, *(number[name] for name in names)))

    talk = ["next_packet"] * 10
    random_steps = random.Random(1)
    return [
        steps(*talk, "timer", *talk),
        steps(*talk, "repeated_packet", *talk, "timer"),
        steps(*talk) + bytes((number["other_packet"], 3, 6, 0, 80)) + bytes([number["next_packet"]] * 10),
        steps(*talk) + bytes((number["wait_long"], 30, number["timer"])) + bytes([number["next_packet"]] * 10),
        steps()
        + bytes((number["play"], 200))
        + bytes([number["tick"]] * 3)
        + bytes([number["clear"], number["timer"]]),
        steps(*talk) + bytes((number["other_stream"], 1)) + bytes([number["next_packet"]] * 5),
        *(random_steps.randbytes(40) for _ in range(5)),
    ]


def write(folder: Path, target: str) -> None:
    """Write the seeds of a target as files for the fuzzer."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()[target]):
        (folder / f"seed-{number}").write_bytes(data)
