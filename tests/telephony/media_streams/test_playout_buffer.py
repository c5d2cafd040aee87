import json
import random

import pytest

from offhook.telephony.media_streams.messages import Writer
from offhook.telephony.media_streams.playout_buffer import (
    FRAME_SAMPLES,
    LEAD_S,
    MARK_GRACE_S,
    MARKS_LOST_MAX,
    PERIOD_S,
    PlayoutBuffer,
)
from tests.telephony.media_streams.far_end import FarEnd, Talk


def speech(ms: int) -> bytes:
    """Octets that tell where they are from."""
    return bytes((n * 7 + n // 251) % 256 for n in range(8 * ms))


def events(wire: list[bytes]) -> list[str]:
    return [json.loads(text)["event"] for text in wire]


def test_an_utterance_is_played_whole_without_a_gap() -> None:
    talk = Talk(FarEnd(there_s=0.03, back_s=0.04))
    said = speech(3_000)
    talk.play(said)
    assert talk.wire, "the first piece leaves at once"
    talk.run(3.2)
    assert bytes(talk.far.played) == said
    assert talk.far.gaps == []
    assert bytes(talk.reported) == said
    assert talk.caller_got == len(said)
    assert talk.drained_at == [pytest.approx(103.0 - 0.02, abs=0.002)]


def test_the_lead_is_bounded() -> None:
    talk = Talk()
    talk.play(speech(5_000))
    most = 0.0
    for _ in range(300):
        talk.run(0.01)
        most = max(most, talk.playout.octets_sent / 8_000 - (talk.now - 100.0))
    assert LEAD_S - PERIOD_S <= most <= LEAD_S + 0.001


def test_what_is_appended_in_time_continues_without_a_seam() -> None:
    talk = Talk()
    said = speech(2_000)
    for start in range(0, len(said), 800):
        talk.play(said[start : start + 800])
        talk.run(0.075)
    talk.run(1.0)
    assert bytes(talk.far.played) == said
    assert talk.far.gaps == []
    assert len(talk.drained_at) == 1


@pytest.mark.parametrize("stall_s", [0.05, 0.2, LEAD_S - PERIOD_S])
def test_a_stall_makes_no_gap(stall_s: float) -> None:
    for phase_ms in range(0, 90, 9):
        talk = Talk(FarEnd(there_s=0.02))
        said = speech(2_500)
        talk.play(said)
        talk.run(0.5 + phase_ms / 1_000)
        talk.run(stall_s, stalled=True)
        talk.run(2.5)
        assert bytes(talk.far.played) == said
        assert talk.far.gaps == []
        assert talk.playout.underruns == 0


def test_a_stall_beyond_the_lead_is_one_gap_and_no_burst() -> None:
    talk = Talk()
    said = speech(3_000)
    talk.play(said)
    talk.run(0.5)
    talk.run(1.0, stalled=True)
    talk.run(0.002)
    assert len(talk.far.gaps) == 1
    assert talk.playout.underruns == 1
    talk.run(3.5)
    assert bytes(talk.far.played) == said
    assert len(talk.far.gaps) == 1
    assert talk.caller_got == len(said)


def test_nothing_is_reported_played_before_the_timer() -> None:
    talk = Talk()
    talk.play(speech(10))
    assert talk.playout.sent_ticks == 0
    talk.run(0.001)
    assert talk.playout.sent_ticks == 80
    assert talk.drained_at == [100.001]


@pytest.mark.parametrize("far", [FarEnd(), FarEnd(0.04, 0.06), FarEnd(0.04, 0.06, wait_s=0.1)])
def test_clear_takes_back_what_has_not_been_played(far: FarEnd) -> None:
    talk = Talk(far, round_trip_s=far.there_s + far.back_s)
    said = speech(3_000)
    talk.play(said)
    talk.run(1.234)
    queued = talk.playout.queued_ticks
    dropped = talk.clear()
    cut = talk.playout.sent_ticks
    assert cut + dropped == len(said)
    assert abs(queued - dropped) <= 8_000 * PERIOD_S
    assert talk.playout.queued_ticks == 0
    talk.run(1.0)
    # The count matches what the caller has heard, to within a frame.
    assert far.played == said[: len(far.played)]
    assert len(far.played) <= cut <= len(far.played) + 2 * FRAME_SAMPLES
    assert talk.caller_got == cut
    assert talk.drained_at == []
    assert far.clears == 1


def test_what_is_said_after_a_clear_follows_at_the_cut() -> None:
    talk = Talk(FarEnd(0.02, 0.02))
    talk.play(speech(2_000))
    talk.run(0.7)
    talk.clear()
    cut = talk.playout.sent_ticks
    talk.run(0.3)
    before = bytes(talk.far.played)
    again = speech(500)
    talk.play(again)
    assert talk.playout.sent_ticks + talk.playout.queued_ticks == cut + len(again)
    talk.run(0.6)
    assert bytes(talk.far.played) == before + again
    assert talk.caller_got == cut + len(again)


def test_marks_that_a_clear_returns_are_not_heard() -> None:
    talk = Talk(FarEnd(0.05, 0.05))
    talk.play(speech(2_000))
    talk.run(0.3)
    talk.clear()
    cut = talk.playout.sent_ticks
    talk.run(0.2)
    assert talk.playout.marks_returned >= 1
    assert talk.caller_got == cut < 0.33 * 8_000


def test_a_far_end_that_stands_still_is_not_accepted_by_time() -> None:
    far = FarEnd(0.02, 0.02)
    talk = Talk(far)
    talk.play(speech(400))
    talk.run(0.5)
    assert talk.caller_got == 3_200
    far.wait_s = 0.6  # as if its network stood still
    far.spurt_over()
    talk.play(speech(2_000))
    talk.run(0.5)
    assert talk.caller_got <= 3_200 + 8_000 * LEAD_S, "no mark has come back"
    talk.run(2.5)
    assert talk.caller_got == 3_200 + 16_000


def test_played_is_never_ahead_of_what_was_played() -> None:
    generator = random.Random(4)
    for _ in range(30):
        one_way_s = generator.uniform(0, 0.2)
        far = FarEnd(one_way_s, one_way_s, wait_s=generator.choice((0.0, 0.08)))
        talk = Talk(far, round_trip_s=far.there_s + far.back_s if generator.random() < 0.5 else None)
        # Before the first echo the delay is not known; the marks bound it to one mark's distance.
        talk.play(speech(1_000))
        talk.run(1.6)
        talk.far.spurt_over()
        assert talk.caller_got == 8_000
        for _ in range(6):
            talk.play(speech(generator.randrange(100, 1_500)))
            for _ in range(generator.randrange(5, 60)):
                talk.run(0.011)
                assert talk.caller_got - 8 <= len(far.played)
            if generator.random() < 0.5:
                talk.clear()
                # From now on what was dropped no longer counts: begin anew, when all is quiet.
                talk.run(0.7)
                assert talk.caller_got == talk.playout.sent_ticks
                assert 0 <= talk.caller_got - len(far.played) <= 3 * FRAME_SAMPLES + 8_000 * far.wait_s
                break
            talk.run(2.0)
            talk.far.spurt_over()


def test_without_echoes_time_counts() -> None:
    talk = Talk(FarEnd(echoes=False))
    talk.play(speech(4_000))
    talk.run(1.0)
    assert talk.caller_got < 8_000 * (1.0 - MARK_GRACE_S / 2)
    talk.run(2.0)
    assert talk.playout.marks_lost >= 0
    assert talk.caller_got > 0
    talk.run(3.0)
    assert talk.caller_got == 32_000
    assert talk.playout.marks_lost >= MARKS_LOST_MAX
    talk.play(speech(1_000))
    talk.run(0.5)
    assert talk.caller_got == pytest.approx(32_000 + 4_000, abs=8_000 * PERIOD_S), "reported once in a period"


@pytest.mark.parametrize("name", ["", "x", "-1", "99", "1" * 100, "٣", "1.0", "0"])
def test_marks_that_are_none_of_ours_change_nothing(name: str) -> None:
    talk = Talk()
    talk.play(speech(1_000))
    talk.playout.echo(name, talk.now)
    assert talk.caller_got == 0
    assert talk.playout.marks_unknown == 1


def test_an_echo_that_comes_too_early_counts_what_was_played_and_no_more() -> None:
    talk = Talk(FarEnd(echoes=False))
    talk.play(speech(1_000))
    talk.run(0.1)
    for number in range(1, 5):
        talk.playout.echo(str(number), talk.now)
    assert talk.caller_got <= 8_000 * 0.1 + FRAME_SAMPLES


def test_while_the_far_end_does_not_read_what_is_due_is_dropped() -> None:
    talk = Talk()
    said = speech(3_000)
    talk.play(said)
    talk.run(0.5)
    wire = len(talk.wire)
    talk.run(1.0, writable=False)
    assert len(talk.wire) == wire
    talk.run(1.6)
    assert talk.drained_at == [pytest.approx(102.98, abs=0.005)], "what is left comes at its time"
    assert talk.playout.skipped_ticks == pytest.approx(8_000, abs=1_000)
    assert len(talk.far.played) + talk.playout.skipped_ticks == len(said)


def test_clear_with_nothing_said_sends_nothing() -> None:
    talk = Talk()
    assert talk.clear() == 0
    talk.play(speech(100))
    talk.run(0.3)
    assert talk.clear() == 0
    assert "clear" not in events(talk.wire)


def test_each_utterance_ends_with_a_mark() -> None:
    talk = Talk()
    talk.play(speech(900))
    talk.run(1.0)
    assert events(talk.wire)[-2:] == ["media", "mark"]
    assert events(talk.wire).count("mark") <= 900 / 200 + 1


def test_an_empty_payload_is_nothing() -> None:
    playout = PlayoutBuffer(Writer("MZ1"))
    playout.play(b"", 1.0)
    assert playout.get_timer() is None
    assert playout.messages == []
