"""Streams of one source: SSRC changes, restarts, payload types, rates, key presses between audio."""

from collections import deque

import pytest

from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.events import AudioPayload, DigitReceived, RtpEvent
from offhook.telephony.rtp.receiver import Receiver
from offhook.telephony.wire import rtp
from tests.telephony.rtp.support import (
    FAR_SSRC,
    STARTS16,
    STARTS32,
    audio,
    check_continuous,
    config,
    digits,
    gap_ticks,
    indices,
    key,
)

PACKET_S = 0.02
OTHER_SSRC = 0xBEEF


class Ear:
    """A receiver, all its events, its timers served in time."""

    def __init__(self, limits: RtpLimits | None = None, **changes: object) -> None:
        self.queue: deque[RtpEvent] = deque()
        self.subject = Receiver(config(**changes), limits or RtpLimits(), self.queue)

    def hear(self, data: bytes, now: float) -> None:
        self.wait(now)
        self.subject.receive(rtp.parse(data), now)

    def wait(self, until: float) -> None:
        while (due := self.subject.get_timer()) is not None and due < until:
            self.subject.handle_timer(due)


@pytest.mark.parametrize("sequence", STARTS16)
@pytest.mark.parametrize("timestamp", STARTS32[:4])
def test_a_stream_over_the_wrap(sequence: int, timestamp: int) -> None:
    ear = Ear()
    for n in range(200):
        if n % 10 != 3:
            ear.hear(audio(n, sequence=sequence, timestamp=timestamp), n * PACKET_S)
    assert indices(ear.queue) == [n for n in range(200) if n % 10 != 3]
    assert check_continuous(ear.queue) == 200 * 160
    assert (ear.subject.lost, ear.subject.expected) == (20, 200)


def test_another_ssrc_replaces_the_stream_after_two_packets_and_loses_none() -> None:
    ear = Ear()
    for n in range(10):
        ear.hear(audio(n), n * PACKET_S)
    for n in range(10, 20):
        ear.hear(audio(n, ssrc=OTHER_SSRC, sequence=40_000, timestamp=77), n * PACKET_S)
        assert ear.subject.ssrc == (FAR_SSRC if n == 10 else OTHER_SSRC)
    assert indices(ear.queue) == list(range(20))
    assert check_continuous(ear.queue) == 20 * 160
    assert ear.subject.ssrc_changes == 1
    assert ear.subject.lost == 0


@pytest.mark.parametrize("stray", [[3], [3, 5], [5, 4], [3, 3]])
def test_stray_packets_of_another_ssrc_change_nothing(stray: list[int]) -> None:
    ear = Ear()
    ear.hear(audio(0), 0.0)
    for n in stray:
        ear.hear(audio(n, ssrc=OTHER_SSRC), 0.005)
    ear.hear(audio(1), PACKET_S)
    assert ear.subject.ssrc == FAR_SSRC
    assert indices(ear.queue) == [0, 1]
    assert ear.subject.ssrc_changes == 0


def test_a_stream_that_goes_on_is_not_replaced() -> None:
    ear = Ear()
    for n in range(50):
        ear.hear(audio(n), n * PACKET_S)
        ear.hear(audio(n, ssrc=OTHER_SSRC), n * PACKET_S + 0.01)
    assert indices(ear.queue) == list(range(50))


def test_ssrcs_on_probation_are_bounded() -> None:
    ear = Ear()
    ear.hear(audio(0), 0.0)
    for n in range(8):
        ear.hear(audio(0, ssrc=100 + n), 0.001)
    ear.hear(audio(0, ssrc=200), 0.001)
    ear.hear(audio(1, ssrc=100), 0.001)
    assert ear.subject.ssrc == FAR_SSRC
    ear.hear(audio(1, ssrc=107), 0.001)
    assert ear.subject.ssrc == 107


@pytest.mark.parametrize("leap", [3_000, 20_000, 32_768, 60_000, 65_000])
def test_sequence_numbers_that_leap_begin_anew_after_two_packets(leap: int) -> None:
    ear = Ear()
    for n in range(10):
        ear.hear(audio(n), n * PACKET_S)
    for n in range(10, 20):
        ear.hear(audio(n, sequence=leap), n * PACKET_S)
    assert indices(ear.queue) == list(range(20))
    assert check_continuous(ear.queue) == 20 * 160
    assert (ear.subject.ssrc_changes, ear.subject.lost) == (0, 0)


def test_a_single_leap_is_a_stray_packet() -> None:
    ear = Ear()
    ear.hear(audio(0), 0.0)
    ear.hear(audio(1, sequence=30_000), 0.01)
    ear.hear(audio(1), 0.02)
    ear.hear(audio(2), 0.04)
    assert indices(ear.queue) == [0, 1, 2]
    assert ear.subject.lost == 0


def test_both_payload_types_are_distinguished() -> None:
    ear = Ear()
    ear.hear(audio(0, payload_type=0), 0.0)
    ear.hear(audio(1, payload_type=8), 0.02)
    assert [event.payload_type for event in ear.queue if isinstance(event, AudioPayload)] == [0, 8]


def test_unknown_payload_types_are_counted_and_are_no_loss() -> None:
    ear = Ear()
    ear.hear(audio(0, payload_type=18), 0.0)
    assert ear.subject.ssrc is None
    for n in range(10):
        ear.hear(audio(n, payload_type=13 if n in (4, 5) else 0), n * PACKET_S)
    assert indices(ear.queue) == [0, 1, 2, 3, 6, 7, 8, 9]
    assert ear.subject.unknown_pt == 3
    assert ear.subject.lost == 0
    assert check_continuous(ear.queue) == 10 * 160


def test_the_rate_is_capped() -> None:
    ear = Ear(RtpLimits(packets_per_s=100))
    for n in range(300):
        ear.hear(audio(n, ticks=80), n / 300)
    assert ear.subject.rate_limited == 200
    ear.hear(audio(300, ticks=80), 1.1)
    assert ear.subject.rate_limited == 200


def test_when_media_came_last() -> None:
    ear = Ear()
    assert ear.subject.last_at is None
    ear.hear(audio(0), 5.0)
    assert ear.subject.last_at == 5.0


def test_keys_take_their_time_in_audio() -> None:
    ear = Ear()
    for n in range(10):
        ear.hear(audio(n), n * PACKET_S)
    for n in range(10, 50):
        ear.hear(key(n, 1_600, "5", 160 * (n - 9), end=n >= 47), n * PACKET_S)
    for n in range(50, 60):
        ear.hear(audio(n), n * PACKET_S)
    assert digits(ear.queue) == "5"
    assert indices(ear.queue) == [*range(10), *range(50, 60)]
    assert check_continuous(ear.queue) == 60 * 160
    assert gap_ticks(ear.queue) == 40 * 160
    (digit,) = (event for event in ear.queue if isinstance(event, DigitReceived))
    assert 47 * 160 - 960 <= digit.at_tick <= 47 * 160
    assert ear.subject.lost == 0


def test_keys_between_audio_that_goes_on() -> None:
    ear = Ear()
    sequence = 0
    for n in range(30):
        ear.hear(audio(n, sequence=sequence), n * PACKET_S)
        if 10 <= n < 17:
            sequence += 1
            ear.hear(key(n + sequence, 1_600, "7", 160 * (n - 9), end=n > 13), n * PACKET_S + 0.001)
    assert digits(ear.queue) == "7"
    assert indices(ear.queue) == list(range(30))
    assert gap_ticks(ear.queue) == 0


def test_a_lost_key_packet_is_no_lost_audio() -> None:
    ear = Ear()
    ear.hear(audio(0), 0.0)
    ear.hear(key(1, 160, "7", 160), 0.001)
    ear.hear(audio(2, timestamp=-160), PACKET_S)
    ear.wait(0.06)
    assert gap_ticks(ear.queue) == 0
    assert indices(ear.queue) == [0, 2]


def test_keys_under_another_ssrc_are_heard_beside_the_audio() -> None:
    ear = Ear()
    for n in range(20):
        ear.hear(audio(n), n * PACKET_S)
        if 5 <= n < 12:
            ear.hear(key(n, 800, "*", 160 * (n - 4), end=n > 8, ssrc=OTHER_SSRC), n * PACKET_S + 0.01)
    assert digits(ear.queue) == "*"
    assert indices(ear.queue) == list(range(20))
    assert ear.subject.ssrc == FAR_SSRC


def test_a_key_without_its_end() -> None:
    ear = Ear()
    ear.hear(audio(0), 0.0)
    ear.hear(key(1, 160, "3", 160, marker=True), 0.02)
    ear.wait(0.119)
    assert digits(ear.queue) == ""
    ear.wait(0.121)
    assert digits(ear.queue) == "3"


def test_a_malformed_key_is_counted() -> None:
    ear = Ear()
    ear.hear(rtp.build_plain(101, 0, 0, FAR_SSRC, b"\x01\x02\x03"), 0.0)
    assert ear.subject.malformed == 1


def test_what_is_not_wanted_is_dropped_and_time_goes_on() -> None:
    ear = Ear()
    for n in range(5):
        ear.hear(audio(n), n * PACKET_S)
    ear.subject.reconfigure(config(receive=False))
    for n in range(5, 50):
        ear.hear(audio(n), n * PACKET_S)
    ear.hear(key(50, 8_000, "1", 800, end=True), 50 * PACKET_S)
    ear.subject.reconfigure(config())
    for n in range(51, 60):
        ear.hear(audio(n), n * PACKET_S)
    assert indices(ear.queue) == [*range(5), *range(51, 60)]
    assert digits(ear.queue) == ""
    assert check_continuous(ear.queue) == 60 * 160
    assert ear.subject.lost == 0
