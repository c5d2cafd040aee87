import random

import pytest

from offhook.telephony.rtp.dtmf_receiver import Digit, DtmfReceiver
from offhook.telephony.wire.telephone_event import DIGITS, TelephoneEvent
from tests.telephony.rtp.support import STARTS32

SSRC = 7


class Keypad:
    """A receiver and the digits it reported, its timer served in time."""

    def __init__(self, **options: int) -> None:
        self.subject = DtmfReceiver(**options)
        self.digits: list[Digit] = []

    def event(
        self,
        timestamp: int,
        event: int,
        duration: int,
        now: float,
        *,
        end: bool = False,
        marker: bool = False,
        ssrc: int = SSRC,
    ) -> None:
        self.wait(now)
        packet = TelephoneEvent(event, end, 10, duration)
        self.digits += self.subject.receive(ssrc, timestamp & 0xFFFFFFFF, packet, now, marker=marker)

    def wait(self, until: float) -> None:
        while (due := self.subject.get_timer()) is not None and due < until:
            self.digits += self.subject.handle_timer(due)

    @property
    def text(self) -> str:
        return "".join(digit.digit for digit in self.digits)


def press(timestamp: int, event: int, start: float) -> list[tuple[int, int, int, float, bool, bool]]:
    """A key of 100 ms as it is sent: four updates, three ends."""
    packets = [(timestamp, event, 160 * (n + 1), start + 0.02 * n, False, n == 0) for n in range(4)]
    return packets + [(timestamp, event, 800, start + 0.02 * (4 + n), True, False) for n in range(3)]


@pytest.mark.parametrize("timestamp", STARTS32)
@pytest.mark.parametrize("event", range(16))
def test_a_key_is_one_digit(timestamp: int, event: int) -> None:
    pad = Keypad()
    for stamp, code, duration, now, end, marker in press(timestamp, event, 1.0):
        pad.event(stamp, code, duration, now, end=end, marker=marker)
    pad.wait(9.0)
    assert pad.digits == [Digit(DIGITS[event], 100)]


@pytest.mark.parametrize("kept", [(0,), (3,), (6,), (4, 6), (0, 1), (1, 2, 3, 4, 5, 6), (2, 5)])
def test_any_part_of_a_key_is_one_digit(kept: tuple[int, ...]) -> None:
    pad = Keypad()
    packets = press(0, 5, 1.0)
    for stamp, code, duration, now, end, marker in (packets[n] for n in kept):
        pad.event(stamp, code, duration, now, end=end, marker=marker)
    pad.wait(9.0)
    assert pad.text == "5"


def test_the_lost_end_is_inferred_after_100_ms() -> None:
    pad = Keypad()
    pad.event(0, 1, 160, 1.00)
    pad.event(0, 1, 320, 1.02)
    assert pad.subject.get_timer() == pytest.approx(1.12)
    assert pad.subject.handle_timer(1.119) == []
    assert pad.subject.handle_timer(1.12) == [Digit("1", 40)]
    assert pad.subject.get_timer() is None


def test_updates_after_the_inferred_end_are_the_same_key() -> None:
    pad = Keypad()
    pad.event(0, 1, 160, 1.0)
    pad.event(0, 1, 1_600, 1.2)
    pad.event(0, 1, 1_760, 1.22, end=True)
    pad.wait(9.0)
    assert pad.text == "1"


def test_a_falling_duration_is_reordering() -> None:
    pad = Keypad()
    for duration in (160, 480, 320, 0):
        pad.event(0, 1, duration, 1.0)
    pad.event(0, 1, 320, 1.0, end=True)
    assert pad.digits == [Digit("1", 60)]


def test_a_duration_of_nothing_is_a_key_all_the_same() -> None:
    pad = Keypad()
    pad.event(0, 1, 0, 1.0)
    pad.event(0, 1, 0, 1.02, end=True)
    assert pad.digits == [Digit("1", 0)]


def test_the_same_key_twice_is_two_digits() -> None:
    pad = Keypad()
    for n in range(2):
        for stamp, code, duration, now, end, marker in press(1_600 * n, 4, 1.0 + 0.2 * n):
            pad.event(stamp, code, duration, now, end=end, marker=marker)
    assert pad.text == "44"


def test_the_next_key_ends_one_whose_end_was_lost() -> None:
    pad = Keypad()
    pad.event(0, 1, 160, 1.00)
    pad.event(800, 2, 160, 1.05)
    assert pad.text == "1"
    pad.event(0, 1, 320, 1.06)
    pad.event(800, 2, 320, 1.07, end=True)
    assert pad.text == "12"


def test_a_straggler_of_a_key_nothing_was_heard_of_is_not_put_after_the_next() -> None:
    pad = Keypad()
    pad.event(800, 2, 160, 1.05)
    pad.event(0, 1, 800, 1.06, end=True)
    pad.event(800, 2, 320, 1.07, end=True)
    assert pad.text == "2"


@pytest.mark.parametrize("event", [16, 32, 255])
def test_events_that_are_no_keys_are_ignored(event: int) -> None:
    pad = Keypad()
    pad.event(0, event, 160, 1.0)
    pad.event(0, event, 800, 1.1, end=True)
    pad.wait(9.0)
    assert pad.digits == []


@pytest.mark.parametrize("timestamp", STARTS32)
@pytest.mark.parametrize("segment", [0xFFFF, 0x10000, 65_440])
def test_a_long_key_over_segments_is_one_digit(timestamp: int, segment: int) -> None:
    pad = Keypad()
    last = 0
    for packet in range(1_200):
        elapsed = 160 * (packet + 1)
        last = (elapsed - 1) // segment
        pad.event(
            timestamp + last * segment,
            9,
            min(0xFFFF, elapsed - last * segment),
            1.0 + 0.02 * packet,
            marker=packet == 0,
        )
    assert pad.digits == []
    pad.event(timestamp + last * segment, 9, 192_000 - last * segment, 25.0, end=True)
    assert pad.digits == [Digit("9", 24_000)]


def test_a_pause_between_segments_is_no_second_key() -> None:
    pad = Keypad()
    pad.event(0, 9, 0xFFFF, 9.0)
    pad.event(0xFFFF, 9, 160, 9.3)
    pad.event(0xFFFF, 9, 320, 9.32, end=True)
    pad.wait(20.0)
    assert pad.text == "9"


def test_the_same_key_pressed_again_after_eight_seconds_is_another() -> None:
    pad = Keypad()
    pad.event(0, 9, 800, 1.0, end=True)
    pad.event(0xFFFF, 9, 160, 9.2)
    pad.event(0xFFFF, 9, 800, 9.3, end=True)
    assert pad.text == "99"


@pytest.mark.parametrize("timestamp", STARTS32)
@pytest.mark.parametrize("repeats_move", [False, True])
def test_a_timestamp_that_advances_within_a_key_is_one_digit(timestamp: int, repeats_move: bool) -> None:
    pad = Keypad()
    for again in range(2):
        began, start = 1.0 + 0.2 * again, timestamp + 1_600 * again
        for n in range(4):
            pad.event(start + 160 * n, 5, 160 * (n + 1), began + 0.02 * n, marker=n == 0)
        for n in range(3):
            pad.event(start + 640 + (20 * n if repeats_move else 0), 5, 800, began + 0.08 + 0.001 * n, end=True)
    pad.wait(9.0)
    assert pad.digits == [Digit("5", 100)] * 2


def test_keys_of_different_sources_are_different() -> None:
    pad = Keypad()
    pad.event(0, 1, 800, 1.0, end=True)
    pad.event(0, 1, 800, 1.1, end=True, ssrc=8)
    assert pad.text == "11"


@pytest.mark.parametrize("timestamp", STARTS32)
def test_different_keys_of_one_timestamp_are_distinguished_by_their_events(timestamp: int) -> None:
    pad = Keypad()
    for n, event in enumerate((1, 2, 3, 4)):
        for stamp, code, duration, now, end, marker in press(timestamp, event, 1.0 + 0.3 * n):
            pad.event(stamp, code, duration, now, end=end, marker=marker)
    # A straggler of the first key is no fifth.
    pad.event(timestamp, 1, 800, 2.3, end=True)
    pad.wait(9.0)
    assert pad.digits == [Digit(digit, 100) for digit in "1234"]


def test_different_keys_of_one_timestamp_whose_ends_were_lost() -> None:
    pad = Keypad()
    for event, now in ((5, 1.0), (5, 1.02), (6, 1.06), (6, 1.08), (7, 1.12)):
        pad.event(800, event, 160, now)
    pad.wait(9.0)
    assert pad.text == "567"


def test_no_more_than_twenty_digits_a_second() -> None:
    pad = Keypad()
    for n in range(100):
        pad.event(80 * n, n % 16, 80, 1.0 + 0.009 * n, end=True)
    assert len(pad.digits) == 20
    assert pad.subject.rate_limited == 80
    pad.event(80_000, 1, 80, 3.0, end=True)
    assert len(pad.digits) == 21


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_digits_through_loss_reordering_and_duplicates(seed: int) -> None:
    generator = random.Random(seed)
    pad = Keypad()
    dialled = [generator.randrange(16) for _ in range(1_000)]
    packets = []
    for n, event in enumerate(dialled):
        for stamp, code, duration, now, end, marker in press(STARTS32[seed] + 1_440 * n, event, 0.18 * n):
            if generator.random() < 0.1:
                continue
            for _ in range(1 + (generator.random() < 0.1)):
                packets.append((now + generator.uniform(0, 0.03), stamp, code, duration, end, marker))
    for now, stamp, code, duration, end, marker in sorted(packets):
        pad.event(stamp, code, duration, now, end=end, marker=marker)
    pad.wait(1e9)
    assert pad.text == "".join(DIGITS[event] for event in dialled)


def test_a_key_pressed_again_under_its_old_timestamp() -> None:
    # A replayed recording, or a sender whose clock stands while it sends no audio.
    pad = Keypad()
    for again in range(3):
        for stamp, code, duration, now, end, marker in press(4_000, 5, 1.0 + again):
            pad.event(stamp, code, duration, now, end=end, marker=marker)
    pad.wait(9.0)
    assert pad.digits == [Digit("5", 100)] * 3


def test_a_late_copy_of_the_first_packet_is_no_press() -> None:
    pad = Keypad()
    packets = press(4_000, 5, 1.0)
    for stamp, code, duration, now, end, marker in packets:
        pad.event(stamp, code, duration, now, end=end, marker=marker)
    stamp, code, duration, _, end, marker = packets[0]
    pad.event(stamp, code, duration, 1.3, end=end, marker=marker)
    pad.wait(9.0)
    assert pad.text == "5"
