"""A far end in virtual time: its packets, and what a session makes of them."""

from collections.abc import Iterable

from offhook.telephony.rtp import (
    Address,
    AudioGap,
    AudioPayload,
    DigitReceived,
    PlayoutDrained,
    RtpConfig,
    RtpEvent,
    RtpLimits,
    RtpSession,
)
from offhook.telephony.wire import rtp, telephone_event
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import TelephoneEvent

REMOTE: Address = ("192.0.2.10", 4000)
REMOTE_RTCP: Address = ("192.0.2.10", 4001)
SIGNALLING = "198.51.100.7"
SSRC = 0x0FF0_0001
FAR_SSRC = 0xFA00_0001
START = 1_000.0

STARTS16 = (0, 1, 2, 127, 128, 255, 256, 32766, 32767, 32768, 32769, 65407, 65408, 65533, 65534, 65535)
STARTS32 = tuple((value << 16 | 0xFFFF) - 160 * (value % 3) for value in STARTS16)


def config(**changes: object) -> RtpConfig:
    values: dict[str, object] = {
        "payload_type": 0,
        "receive_payload_types": frozenset((0, 8)),
        "dtmf_payload_type": 101,
        "receive_dtmf_payload_type": 101,
        "remote": REMOTE,
        "remote_rtcp": REMOTE_RTCP,
        "signalling_host": SIGNALLING,
    }
    return RtpConfig(**(values | changes))  # type: ignore[arg-type]


def session(
    *,
    sequence: int = 100,
    timestamp: int = 1_000,
    limits: RtpLimits = RtpLimits(),  # noqa: B008 - frozen
    now: float = START,
    **changes: object,
) -> RtpSession:
    return RtpSession(
        config(**changes),
        now,
        ssrc=SSRC,
        sequence=sequence,
        timestamp=timestamp,
        cname="bot@test",
        limits=limits,
        rtcp_random=lambda: 0.5,
    )


def events(of: RtpSession) -> list[RtpEvent]:
    collected = []
    while (event := of.next_event()) is not None:
        collected.append(event)
    return collected


def sent(of: RtpSession) -> list[RtpPacket]:
    return [rtp.parse(data) for data, _ in of.rtp_to_send()]


def audio(
    index: int,
    *,
    sequence: int = 0,
    timestamp: int = 0,
    ssrc: int = FAR_SSRC,
    ticks: int = 160,
    payload_type: int = 0,
    marker: bool = False,
) -> bytes:
    """Packet `index` of a far end that began with `sequence` and `timestamp`; its payload names it."""
    packet = RtpPacket(
        payload_type,
        marker,
        (sequence + index) & 0xFFFF,
        (timestamp + ticks * index) & 0xFFFFFFFF,
        ssrc,
        body(index, ticks),
    )
    return rtp.build(packet)


def body(index: int, ticks: int = 160) -> bytes:
    return index.to_bytes(4, "big") + bytes(ticks - 4)


def key(
    sequence: int,
    timestamp: int,
    digit: str,
    duration: int,
    *,
    end: bool = False,
    marker: bool = False,
    ssrc: int = FAR_SSRC,
) -> bytes:
    event = TelephoneEvent(telephone_event.DIGITS.index(digit), end, 10, duration)
    payload = telephone_event.build(event)
    return rtp.build(RtpPacket(101, marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload))


def indices(of: Iterable[RtpEvent]) -> list[int]:
    """The packets that came out, by the names their payloads carry."""
    return [int.from_bytes(event.payload[:4], "big") for event in of if isinstance(event, AudioPayload)]


def digits(of: Iterable[RtpEvent]) -> str:
    return "".join(event.digit for event in of if isinstance(event, DigitReceived))


def gap_ticks(of: Iterable[RtpEvent]) -> int:
    return sum(event.ticks for event in of if isinstance(event, AudioGap))


def check_continuous(of: Iterable[RtpEvent], position: int = 0) -> int:
    """Assert that audio time has neither holes nor overlaps; returns where it ends."""
    for event in of:
        match event:
            case AudioPayload(payload, _, at_tick):
                assert at_tick == position
                position += len(payload)
            case AudioGap(ticks, at_tick):
                assert ticks > 0
                assert at_tick == position
                position += ticks
            case DigitReceived(_, _, at_tick):
                assert at_tick == position
            case PlayoutDrained():
                continue
    return position


def run_timers(of: RtpSession, until: float) -> None:
    """Serve the session's timer up to `until`, each at its time."""
    while (due := of.get_timer()) is not None and due <= until:
        of.handle_timer(due)
