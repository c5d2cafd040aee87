"""Captures of keys (RFC 4733) as SIPp plays them: what senders do that are not quite right."""

import struct
from dataclasses import dataclass
from pathlib import Path

SSRC = 0x0FF400C
TICKS = 160  # of 20 ms
PACKET_S = 0.02


@dataclass(frozen=True, slots=True)
class Event:
    """One packet of a press."""

    key: str
    number: int
    timestamp: int
    duration: int
    end: bool = False
    marker: bool = False
    payload_type: int = 101


def press(key: str, number: int, timestamp: int, packets: int = 5, **changes: bool | int) -> list[Event]:
    """A press as it should be: the marker at its beginning, the end three times."""
    marker = bool(changes.pop("marker", True))
    payload_type = int(changes.pop("payload_type", 101))
    held = [
        Event(key, number + at, timestamp, TICKS * (at + 1), marker=marker and at == 0, payload_type=payload_type)
        for at in range(packets)
    ]
    ends = [
        Event(key, number + packets + at, timestamp, TICKS * (packets + 1), end=True, payload_type=payload_type)
        for at in range(int(changes.pop("ends", 3)))
    ]
    return held + ends


def out_of_order() -> list[Event]:
    """In order at first: SIPp's port is another one than its description says, and has to be believed."""
    events = press("5", 1, 1_000, packets=10)
    events[6], events[7] = events[7], events[6]
    events[9], events[10] = events[10], events[9]  # the first end before the last packet that is none
    return events


CAPTURES: dict[str, list[Event]] = {
    "no_marker": press("1", 1, 1_000, marker=False) + press("2", 20, 4_000, marker=False),
    "lost_ends": press("3", 1, 1_000, ends=0) + press("4", 20, 4_000, ends=0),
    "out_of_order": out_of_order(),
    "long": press("6", 1, 1_000, packets=50),
    "one_timestamp": press("7", 1, 1_000) + press("8", 20, 1_000) + press("9", 40, 1_000),
    "undeclared": press("1", 1, 1_000, payload_type=96),
}


def write_capture(path: Path, events: list[Event]) -> None:
    """A pcap of UDP over Ethernet; SIPp takes the payload and the pauses, and addresses of its own."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for at, event in enumerate(events):
            frame = ethernet(packet(event))
            microseconds = round(at * PACKET_S * 1e6)
            file.write(
                struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(frame), len(frame))
            )
            file.write(frame)


def packet(event: Event) -> bytes:
    kind = event.payload_type | (0x80 if event.marker else 0)
    header = struct.pack("!BBHII", 0x80, kind, event.number, event.timestamp, SSRC)
    code = "0123456789*#".index(event.key)
    return header + struct.pack("!BBH", code, 10 | (0x80 if event.end else 0), min(event.duration, 0xFFFF))


def ethernet(payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 4_000, 4_000, 8 + len(payload), 0) + payload
    host = bytes((127, 0, 0, 1))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, host, host)
    return bytes(12) + b"\x08\x00" + ip + udp
