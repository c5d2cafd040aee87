"""Calls as they are on the wire, made for tests: packets that a test may lose, delay or change, and captures."""

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from offhook.qa.capture.files import CaptureFile
from offhook.qa.diagnosis.analysis import Analyser, Analysis
from offhook.qa.diagnosis.rules import judge
from offhook.qa.findings import Finding, Limits
from offhook.records.pcap import FILE_HEADER, packet
from offhook.telephony.codec import codec_named
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.rtp import RtpPacket, build
from offhook.telephony.wire.telephone_event import DIGITS, TelephoneEvent
from offhook.testing.sip_caller import read_recording

Address = tuple[str, int]
START_S = 1_700_000_000.0
PACKET_S, PACKET_TICKS = 0.02, 160
EVENT_TYPE = 101
TYPES = {"PCMU": 0, "PCMA": 8}


@dataclass(frozen=True, slots=True)
class Packet:
    at_s: float
    source: Address
    destination: Address
    payload: bytes


def capture(packets: Iterable[Packet]) -> bytes:
    """A pcap of raw IP, in the order of time."""
    ordered = sorted(packets, key=lambda each: each.at_s)
    return FILE_HEADER + b"".join(packet(each.at_s, each.source, each.destination, each.payload) for each in ordered)


def analysed(path: Path) -> Analysis:
    with path.open("rb") as file:
        read = CaptureFile(file)
        found = Analyser().take_all(read)
    found.problem = read.problem
    return found


def judged(packets: Iterable[Packet], directory: Path, limits: Limits | None = None) -> list[Finding]:
    path = directory / "capture.pcap"
    path.write_bytes(capture(packets))
    return judge(analysed(path), limits)


def kinds(findings: Iterable[Finding]) -> list[str]:
    return [each.kind for each in findings]


@cache
def speech(seconds: float) -> bytes:
    """Somebody speaks, again and again: 8 kHz 16-bit PCM."""
    said = read_recording(files("offhook").joinpath("assets", "caller", "check-my-balance.wav"))
    size = round(seconds * 8_000) * 2
    return (said * (size // len(said) + 1))[:size]


def audio(
    pcm: bytes,
    source: Address,
    destination: Address,
    *,
    codec: str = "PCMU",
    start_s: float = START_S + 0.2,
    ssrc: int = 0x1234,
    sequence: int = 65_500,
    drift_ppm: float = 0.0,
    jitter_ms: float = 1.0,
    seed: int = 1,
) -> list[Packet]:
    """A stream of packets of 20 ms. `drift_ppm`: how much slower than ours the sender's clock is."""
    payload, chance, found = codec_named(codec).encode(pcm), random.Random(seed), []
    for number in range(len(payload) // PACKET_TICKS):
        at_s = start_s + number * PACKET_S * (1 + drift_ppm * 1e-6) + chance.random() * jitter_ms / 1_000
        part = payload[number * PACKET_TICKS : (number + 1) * PACKET_TICKS]
        one = RtpPacket(
            TYPES[codec], number == 0, (sequence + number) & 0xFFFF, number * PACKET_TICKS & 0xFFFFFFFF, ssrc, part
        )
        found.append(Packet(at_s, source, destination, build(one)))
    return found


def press(key: str, like: Sequence[Packet], number: int, *, packets: int = 5, ends: int = 3) -> list[Packet]:
    """A key in place of so many packets of a stream, from that number on; its ends follow each other at once."""
    first = like[number].payload
    timestamp, ssrc = struct.unpack("!II", first[4:12])
    found = []
    for step in range(packets + ends):
        at = like[min(number + step, number + packets)]
        event = TelephoneEvent(DIGITS.index(key), step >= packets, 10, min(step + 1, packets + 1) * PACKET_TICKS)
        one = RtpPacket(
            EVENT_TYPE, step == 0, _sequence(first) + step & 0xFFFF, timestamp, ssrc, telephone_event.build(event)
        )
        found.append(replace(at, payload=build(one), at_s=at.at_s + max(0, step - packets) * 0.001))
    return found


def with_key(stream: Sequence[Packet], key: str, number: int, **changes: int) -> list[Packet]:
    """The stream with a key in place of the packets from that number on; later sequence numbers move."""
    pressed = press(key, stream, number, **changes)
    replaced = int(changes.get("packets", 5)) + 1
    moved = len(pressed) - replaced
    after = [replace(each, payload=_renumbered(each.payload, moved)) for each in stream[number + replaced :]]
    return [*stream[:number], *pressed, *after]


def _sequence(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big")


def _renumbered(data: bytes, by: int) -> bytes:
    return data[:2] + ((_sequence(data) + by) & 0xFFFF).to_bytes(2, "big") + data[4:]


def sdp(media: Address, *formats: str, attributes: Sequence[str] = (), protocol: str = "RTP/AVP") -> str:
    """Formats are "0 PCMU/8000" and the like."""
    chosen = [one.split(" ", 1) for one in formats or ("0 PCMU/8000", "101 telephone-event/8000")]
    family = "IP6" if ":" in media[0] else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {media[0]}", "s=-", f"c=IN {family} {media[0]}", "t=0 0"]
    lines.append(f"m=audio {media[1]} {protocol} {' '.join(number for number, _ in chosen)}")
    lines += [f"a=rtpmap:{number} {name}" for number, name in chosen]
    return "\r\n".join([*lines, *(f"a={each}" for each in attributes), ""])


@dataclass(slots=True)
class Dialog:
    """The signalling of a call, answered and ended by the caller. Times are in seconds after its beginning; None: not
    there."""

    caller: Address = ("198.51.100.7", 5_060)
    callee: Address = ("203.0.113.5", 5_060)
    caller_media: Address = ("198.51.100.7", 4_000)
    callee_media: Address = ("203.0.113.5", 5_000)
    call_id: str = "one@198.51.100.7"
    offer: str = ""
    answer: str = ""
    contact: str = ""
    trying_s: float | None = 0.01
    ringing_s: float | None = 0.05
    answered_s: float = 0.1
    status: str = "200 OK"
    acked_s: float | None = 0.12
    ended_s: float | None = 10.3
    bye_answered: bool = True
    extra: list[Packet] = field(default_factory=list)

    def packets(self) -> list[Packet]:
        up, down = (self.caller, self.callee), (self.callee, self.caller)
        found = [
            self._packet(
                0.0, up, "INVITE sip:bot@203.0.113.5 SIP/2.0", "1 INVITE", self.offer or sdp(self.caller_media)
            )
        ]
        for at_s, status in ((self.trying_s, "100 Trying"), (self.ringing_s, "180 Ringing")):
            if at_s is not None:
                found.append(self._packet(at_s, down, f"SIP/2.0 {status}", "1 INVITE"))
        answer = (self.answer or sdp(self.callee_media)) if self.status.startswith("2") else ""
        found.append(self._packet(self.answered_s, down, f"SIP/2.0 {self.status}", "1 INVITE", answer))
        if self.acked_s is not None:
            found.append(self._packet(self.acked_s, up, "ACK sip:bot@203.0.113.5 SIP/2.0", "1 ACK"))
        if self.ended_s is not None:
            found.append(self._packet(self.ended_s, up, "BYE sip:bot@203.0.113.5 SIP/2.0", "2 BYE"))
            if self.bye_answered:
                found.append(self._packet(self.ended_s + 0.01, down, "SIP/2.0 200 OK", "2 BYE"))
        return found + self.extra

    def message(self, start: str, cseq: str, body: str = "", *fields: str, kind: str = "application/sdp") -> bytes:
        host = self.contact or self.caller[0]
        lines = [
            start,
            f"Via: SIP/2.0/UDP {self.caller[0]}:{self.caller[1]};branch=z9hG4bK-{cseq.replace(' ', '-')}",
            f"From: <sip:qa@{self.caller[0]}>;tag=a",
            f"To: <sip:bot@{self.callee[0]}>" + ("" if start.startswith("INVITE") else ";tag=b"),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq}",
            *((f"Contact: <sip:qa@{host}:5060>",) if start.startswith("INVITE") else ()),
            *fields,
            *((f"Content-Type: {kind}",) if body else ()),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _packet(self, after_s: float, way: tuple[Address, Address], start: str, cseq: str, body: str = "") -> Packet:
        return Packet(START_S + after_s, *way, self.message(start, cseq, body))


def both_ways(dialog: Dialog, seconds: float = 10.0, codec: str = "PCMU") -> tuple[list[Packet], list[Packet]]:
    """What caller and callee send, from the answer on."""
    pcm = speech(seconds)
    start_s = START_S + dialog.answered_s + 0.05
    from_caller = audio(pcm, dialog.caller_media, dialog.callee_media, start_s=start_s, ssrc=0xA, codec=codec)
    from_callee = audio(pcm, dialog.callee_media, dialog.caller_media, start_s=start_s, ssrc=0xB, codec=codec, seed=2)
    return from_caller, from_callee
