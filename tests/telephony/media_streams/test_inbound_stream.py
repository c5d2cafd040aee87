"""Times are in seconds, audio in pieces of 20 ms: mu-law octet n in every sample of piece n."""

import pytest

from offhook.telephony.codec import codec_named
from offhook.telephony.media_streams.inbound_stream import STALL_STEP_S, STALLED_S, SWAP_S, InboundStream
from offhook.telephony.media_streams.limits import LEAD_SAMPLES
from offhook.telephony.media_streams.messages import MediaDetails

PCMU = codec_named("PCMU")


class Ear:
    def __init__(self) -> None:
        self.pieces: list[tuple[bytes, int]] = []
        self.inbound = InboundStream(lambda pcm, at_tick: self.pieces.append((pcm, at_tick)))

    def say(self, n: int, now: float, *, stamp_ms: int | None = None, chunk: int | None = None) -> None:
        """Piece number `n` (from 1 on) arrives."""
        stamp_ms = 20 * (n - 1) if stamp_ms is None else stamp_ms
        self.inbound.media(MediaDetails(bytes([n % 256]) * 160, chunk or n, stamp_ms), now)

    @property
    def samples(self) -> int:
        """Given so far. Also checks that positions have no holes."""
        position = 0
        for pcm, at_tick in self.pieces:
            assert at_tick == position
            position += len(pcm) // 2
        assert position == self.inbound.position
        return position


def test_pieces_pass_at_once_and_unchanged() -> None:
    ear = Ear()
    for n in range(1, 6):
        ear.say(n, n * 0.02)
        assert ear.pieces[-1] == (PCMU.decode(bytes([n]) * 160), (n - 1) * 160)
    assert ear.samples == 800
    assert (ear.inbound.gaps, ear.inbound.duplicate, ear.inbound.received) == (0, 0, 5)


def test_a_hole_is_filled_by_time() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    ear.say(5, 0.08)
    assert ear.samples == 5 * 160
    assert (ear.inbound.gaps, ear.inbound.concealed_ticks) == (1, 480)


def test_a_hole_of_which_only_the_timestamps_tell_is_filled() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    ear.say(2, 0.5, stamp_ms=500)
    assert ear.samples == 4_000 + 160


def test_timestamps_read_off_a_clock_make_no_holes() -> None:
    ear = Ear()
    for n, jitter_ms in enumerate((0, 15, -9, 20, 3, 0), start=1):
        ear.say(n, n * 0.02, stamp_ms=100 + 20 * n + jitter_ms)
    assert ear.samples == 6 * 160
    assert ear.inbound.gaps == 0


@pytest.mark.parametrize("stamps", ["relative", "unix"])
def test_a_wall_clock_parts_nothing_that_is_contiguous(stamps: str) -> None:
    ear = Ear()
    if stamps == "relative":
        ear.inbound = InboundStream(lambda pcm, at: ear.pieces.append((pcm, at)), clock_stamps=True)
    base_ms = 0 if stamps == "relative" else 1_700_000_000_000
    for n, step_ms in enumerate((0, 100, 700, -400, 9_000, 0, 250), start=1):
        ear.say(n, n * 0.02, stamp_ms=base_ms + 20 * n + step_ms)
    assert ear.samples == 7 * 160
    assert ear.inbound.gaps == 0


def test_by_a_wall_clock_a_hole_is_as_long_as_what_its_numbers_leave_out() -> None:
    ear = Ear()
    ear.say(1, 0.0, stamp_ms=1_700_000_000_000)
    ear.say(4, 0.5, stamp_ms=1_700_000_009_000)
    assert ear.samples == 4 * 160
    assert (ear.inbound.gaps, ear.inbound.concealed_ticks) == (1, 320)


@pytest.mark.parametrize("order", [(1, 3, 2, 4), (1, 2, 4, 3), (1, 3, 2, 5, 4, 6), (1, 3, 2, 2, 4)])
def test_neighbours_that_changed_places_change_back(order: tuple[int, ...]) -> None:
    ear = Ear()
    ear.inbound = InboundStream(lambda pcm, at: ear.pieces.append((pcm, at)), may_swap=True)
    for n in order:
        ear.say(n, 0.02 * n)
    assert [pcm for pcm, _ in ear.pieces] == [PCMU.decode(bytes([n]) * 160) for n in sorted(set(order))]
    assert (ear.samples, ear.inbound.concealed_ticks) == (len(set(order)) * 160, 0)


def test_a_piece_does_not_wait_long_for_one_that_is_lost() -> None:
    ear = Ear()
    ear.inbound = InboundStream(lambda pcm, at: ear.pieces.append((pcm, at)), may_swap=True)
    ear.say(1, 0.02)
    ear.say(3, 0.06)
    assert ear.samples == 160
    due = ear.inbound.get_timer()
    assert due is not None
    assert due == pytest.approx(0.06 + SWAP_S)
    ear.inbound.handle_timer(due)
    assert (ear.samples, ear.inbound.concealed_ticks) == (3 * 160, 160)
    ear.say(5, 0.1)
    ear.say(6, 0.12)
    assert (ear.samples, ear.inbound.concealed_ticks) == (6 * 160, 320)


def test_numbers_that_begin_again_are_followed() -> None:
    ear = Ear()
    for n in (*range(1, 101), *range(1, 101)):
        ear.say(n, 0.0 if ear.inbound.position < 8_000 else 5.0)
    assert ear.samples == (200 - 4) * 160
    assert ear.inbound.duplicate == 4


def test_a_timestamp_that_jumps_by_hours_fills_nothing() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    ear.say(3, 0.02, stamp_ms=10_000_000)
    assert ear.samples == 320


def test_a_piece_that_came_before_is_dropped() -> None:
    ear = Ear()
    for n in (1, 2, 2, 1, 3):
        ear.say(n, 0.06)
    assert ear.samples == 480
    assert ear.inbound.duplicate == 2


def test_without_numbers_pieces_follow_one_another() -> None:
    ear = Ear()
    for _ in range(3):
        ear.inbound.media(MediaDetails(b"\xff" * 160), 0.0)
    assert ear.samples == 480


def test_a_short_stall_is_waited_for_and_loses_nothing() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    ear.inbound.handle_timer(0.9)
    for n in range(2, 47):
        ear.say(n, 0.9)
    assert ear.samples == 46 * 160
    assert ear.inbound.concealed_ticks == 0


def test_when_nothing_arrives_time_goes_on_in_silence() -> None:
    ear = Ear()
    ear.say(1, 10.0)
    now = ear.inbound.get_timer()
    assert now == 10.0 + STALLED_S
    while now is not None and now < 13.0:
        ear.inbound.handle_timer(now)
        now = ear.inbound.get_timer()
    assert ear.samples == pytest.approx(8_000 * 3.0, abs=8_000 * 2 * STALL_STEP_S)
    assert ear.pieces[-1][0] == bytes(len(ear.pieces[-1][0]))
    assert ear.inbound.gaps == 1


def test_who_sends_nothing_in_silence_does_not_get_it_twice() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    for step in range(20):
        ear.inbound.handle_timer(1.0 + step / 10)
    ear.say(2, 3.0, stamp_ms=3_000)
    assert ear.samples == pytest.approx(24_160, abs=2_000)


def test_a_flood_is_cut_off_a_second_ahead_of_real_time() -> None:
    ear = Ear()
    for n in range(1, 1_001):
        ear.say(n, 2.0)
    assert ear.samples == LEAD_SAMPLES
    assert ear.inbound.rate_limited == 1_000 - LEAD_SAMPLES // 160
    ear.say(1_001, 2.02)
    assert ear.samples == LEAD_SAMPLES + 160


def test_holes_do_not_lead_ahead_of_real_time_either() -> None:
    ear = Ear()
    ear.say(1, 0.0)
    for n in range(2, 10):
        ear.say(n, 0.0, chunk=100 * n, stamp_ms=9_000 * n)
    assert ear.samples <= LEAD_SAMPLES
