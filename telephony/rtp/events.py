"""What an RTP session reports, in the order of audio time."""

from dataclasses import dataclass, field

from offhook.telephony.wire.comfort_noise import ComfortNoise


@dataclass(frozen=True, slots=True)
class AudioPayload:
    """One received packet's payload; `at_tick` is its first sample."""

    payload: bytes
    payload_type: int
    at_tick: int


@dataclass(frozen=True, slots=True)
class AudioGap:
    """`ticks` of audio time without packets: conceal the beginning, then silence.

    With `noise` the far end announced a silence and described its sound: nothing is lost.
    `following` is the packet right after lost ones, payload type and payload: its FEC may cover them.
    """

    ticks: int
    at_tick: int
    noise: ComfortNoise | None = None
    following: tuple[int, bytes] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """One DTMF digit, reported once, at its end. `at_tick` is the audio time reached by then."""

    digit: str
    duration_ms: int
    at_tick: int


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """The last queued sample has left; `sent_ticks` is the session's count of them."""

    sent_ticks: int


RtpEvent = AudioPayload | AudioGap | DigitReceived | PlayoutDrained
