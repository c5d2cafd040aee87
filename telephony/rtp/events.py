"""What an RTP session reports, in the order of audio time."""

from dataclasses import dataclass, field

from offhook.telephony.wire.comfort_noise import ComfortNoise


@dataclass(frozen=True, slots=True)
class AudioPayload:
    """One received packet's audio as it came; `at_tick` is its first sample."""

    payload: bytes
    payload_type: int
    at_tick: int


@dataclass(frozen=True, slots=True)
class AudioGap:
    """`ticks` of audio time for which nothing came: to be concealed at first, then silence.

    With `noise` the far end said that it would send nothing, and what its pause sounds like: nothing is missing.
    `following` is the packet right behind lost ones, payload type and payload: it may carry what they carried.
    """

    ticks: int
    at_tick: int
    noise: ComfortNoise | None = None
    following: tuple[int, bytes] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """One key press, reported once, at its end. `at_tick` is the audio time reached by then."""

    digit: str
    duration_ms: int
    at_tick: int


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """The last queued sample has left; `sent_ticks` is the session's count of them."""

    sent_ticks: int


RtpEvent = AudioPayload | AudioGap | DigitReceived | PlayoutDrained
