from itertools import pairwise

import pytest

from offhook.telephony.rtp.sender import KEEP_ALIVE_S, Sender
from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import SSRC, START, STARTS16, STARTS32, config


def sender(sequence: int = 0, timestamp: int = 0, **changes: object) -> Sender:
    return Sender(config(**changes), START, ssrc=SSRC, sequence=sequence, timestamp=timestamp)


def taken(of: Sender) -> list[RtpPacket]:
    packets = [rtp.parse(data) for data in of.to_send]
    of.to_send.clear()
    return packets


def speak(subject: Sender, start: float = START, packet_s: float = 0.02) -> bytes:
    """Tick until there is nothing left; returns what the ticks said they took."""
    took = b""
    n = 0
    while subject.active:
        took += subject.tick(start + n * packet_s) or b""
        n += 1
    return took


def pattern(ticks: int) -> bytes:
    return bytes(n * 7 % 251 for n in range(ticks))


@pytest.mark.parametrize("sequence", STARTS16)
@pytest.mark.parametrize("timestamp", STARTS32)
def test_a_talk_spurt(sequence: int, timestamp: int) -> None:
    subject = sender(sequence, timestamp)
    audio = pattern(160 * 5)
    subject.play(audio)
    assert speak(subject) == audio
    packets = taken(subject)
    assert b"".join(packet.payload for packet in packets) == audio
    assert [packet.sequence for packet in packets] == [(sequence + n) & 0xFFFF for n in range(5)]
    assert [packet.timestamp for packet in packets] == [(timestamp + 160 * n) & 0xFFFFFFFF for n in range(5)]
    assert [packet.marker for packet in packets] == [True, False, False, False, False]
    assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(SSRC, 0)}


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_the_last_packet_is_filled_up_with_silence_that_does_not_count(ptime_ms: int) -> None:
    subject = sender(ptime_ms=ptime_ms, silence=b"\xd5")
    audio = pattern(1_001)
    subject.play(audio)
    assert speak(subject, packet_s=ptime_ms / 1_000) == audio
    payload = b"".join(packet.payload for packet in taken(subject))
    assert len(payload) % (ptime_ms * 8) == 0
    assert payload == audio + b"\xd5" * (len(payload) - 1_001)
    assert (subject.sent_ticks, subject.queued_ticks) == (1_001, 0)


@pytest.mark.parametrize("size", [1, 7, 159, 160, 161, 333, 4_000])
def test_pieces_are_joined_without_padding(size: int) -> None:
    subject = sender()
    audio = pattern(4_000)
    for start in range(0, len(audio), size):
        subject.play(audio[start : start + size])
    assert subject.queued_ticks == 4_000
    assert speak(subject) == audio
    assert b"".join(packet.payload for packet in taken(subject)) == audio


def test_what_is_played_before_the_queue_is_dry_follows_without_a_seam() -> None:
    subject = sender()
    audio = pattern(480)
    subject.play(audio[:200])
    subject.tick(START)
    subject.play(audio[200:])
    for n in range(1, 3):
        subject.tick(START + 0.02 * n)
    packets = taken(subject)
    assert b"".join(packet.payload for packet in packets) == audio
    assert [packet.marker for packet in packets] == [True, False, False]


def test_a_long_queue_is_not_slow() -> None:
    subject = sender()
    audio = pattern(8_000 * 60)
    subject.play(audio)
    for n in range(0, 8_000, 80):
        subject.play(audio[n : n + 80])
    assert speak(subject) == audio + audio[:8_000]


def test_drained_is_reported_with_the_last_packet_only() -> None:
    subject = sender()
    subject.play(bytes(320))
    subject.tick(START)
    assert not subject.drained
    subject.tick(START + 0.02)
    assert subject.drained


def test_clear_takes_effect_with_the_next_packet() -> None:
    subject = sender()
    subject.play(b"a" * 1_000)
    subject.tick(START)
    assert subject.clear() == 840
    assert not subject.active
    assert subject.tick(START + 0.02) is None
    assert len(taken(subject)) == 1
    assert not subject.drained
    subject.play(b"b" * 160)
    assert subject.tick(START + 0.04) == b"b" * 160
    assert (subject.sent_ticks, subject.queued_ticks) == (320, 0)


def test_clear_and_play_between_two_ticks_go_on_in_the_same_spurt() -> None:
    subject = sender()
    subject.play(b"a" * 1_000)
    subject.tick(START)
    subject.clear()
    subject.play(b"b" * 160)
    subject.tick(START + 0.02)
    first, second = taken(subject)
    assert second.payload == b"b" * 160
    assert (second.timestamp - first.timestamp, second.marker) == (160, False)


@pytest.mark.parametrize("pause_s", [0.05, 1.0, 100.0])
@pytest.mark.parametrize("timestamp", STARTS32)
def test_between_spurts_timestamps_follow_real_time(pause_s: float, timestamp: int) -> None:
    subject = sender(65_535, timestamp)
    subject.play(bytes(160))
    subject.tick(START)
    subject.play(bytes(160))
    subject.tick(START + pause_s)
    first, second = taken(subject)
    assert second.marker
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == round(pause_s * 8_000)


def test_a_chunk_that_comes_just_in_time_continues_the_spurt() -> None:
    subject = sender()
    for n in range(50):
        subject.play(bytes(160))
        subject.tick(START + 0.02 * n + (0.01 if n else 0.0))
    packets = taken(subject)
    assert [packet.timestamp for packet in packets] == [160 * n for n in range(50)]
    assert sum(packet.marker for packet in packets) == 1


@pytest.mark.parametrize("late_s", [0.0, 0.005, 0.015, 0.019])
def test_an_unpunctual_tick_sends_one_packet(late_s: float) -> None:
    subject = sender()
    subject.play(bytes(160 * 100))
    for n in range(100):
        subject.tick(START + 0.02 * n + (late_s if n % 3 == 1 else 0.0))
        assert len(taken(subject)) == 1


@pytest.mark.parametrize("missed", [1, 2, 3, 5, 8])
def test_missed_ticks_are_made_up_for_in_small_bursts(missed: int) -> None:
    subject = sender()
    subject.play(bytes(160 * 100))
    packets = []
    bursts = []
    for n in (*range(10), *range(10 + missed, 40)):
        subject.tick(START + 0.02 * n)
        bursts.append(len(subject.to_send))
        packets += taken(subject)
    assert max(bursts) == min(3, 1 + missed)
    assert len(packets) == 40
    assert [packet.timestamp for packet in packets] == [160 * n for n in range(40)]
    assert sum(packet.marker for packet in packets) == 1


def test_a_clock_that_repeats_missed_ticks_does_not_run_ahead() -> None:
    subject = sender()
    subject.play(bytes(160 * 100))
    sent_by = []
    for n in range(40):
        # Ticks 10 to 15 all come when the loop is free again, at 300 ms.
        now = START + 0.02 * (15 if 10 <= n <= 15 else n)
        subject.tick(now)
        sent_by.append(len(subject.to_send))
    assert sent_by[9] == 10
    assert sent_by[15] == 16
    assert sent_by[16:] == list(range(17, 41))


def test_after_a_stall_the_spurt_starts_again_at_real_time() -> None:
    subject = sender()
    subject.play(bytes(160 * 100))
    for n in range(10):
        subject.tick(START + 0.02 * n)
    taken(subject)
    subject.tick(START + 0.7)
    subject.tick(START + 0.72)
    first, second = taken(subject)
    assert (first.timestamp, first.marker) == (5_600, True)
    assert (second.timestamp, second.marker) == (5_760, False)
    assert (first.sequence, second.sequence) == (10, 11)


def test_timestamps_never_go_back_when_a_spurt_follows_early() -> None:
    subject = sender()
    stamps = []
    now = START
    for n in range(30):
        subject.play(bytes(160 * (1 + n % 3)))
        while subject.active:
            now += 0.013
            subject.tick(now)
        now += 0.001 * n
        stamps += [packet.timestamp for packet in taken(subject)]
    assert all(later - earlier >= 160 for earlier, later in pairwise(stamps))


def test_silence_is_kept_alive() -> None:
    subject = sender(silence=b"\xd5", payload_type=8)
    due = subject.get_timer()
    assert due == START + KEEP_ALIVE_S
    subject.handle_timer(START + 4.9)
    assert taken(subject) == []
    subject.handle_timer(START + 5.0)
    (packet,) = taken(subject)
    assert packet == RtpPacket(8, True, 0, 40_000, SSRC, b"\xd5" * 160)
    assert subject.get_timer() == START + 10.0
    assert (subject.sent_ticks, subject.drained) == (0, False)
    subject.tick(START + 10.0)
    assert [packet.timestamp for packet in taken(subject)] == [80_000]


def test_speech_puts_the_keep_alive_off() -> None:
    subject = sender()
    subject.play(bytes(320))
    assert subject.get_timer() is None
    subject.handle_timer(START + 6.0)
    assert subject.to_send == []
    subject.tick(START + 3.0)
    subject.tick(START + 3.02)
    assert subject.get_timer() == START + 3.02 + KEEP_ALIVE_S


def test_speech_after_a_keep_alive_begins_a_spurt() -> None:
    subject = sender()
    subject.handle_timer(START + 5.0)
    subject.play(bytes(160))
    subject.tick(START + 5.5)
    keep_alive, speech = taken(subject)
    assert speech.marker
    assert speech.timestamp - keep_alive.timestamp == 4_000


def test_on_hold_nothing_leaves_and_the_queue_stays() -> None:
    subject = sender(send=False)
    subject.play(bytes(320))
    subject.send_dtmf("1", 10)
    assert not subject.active
    assert subject.get_timer() is None
    assert subject.tick(START) is None
    subject.handle_timer(START + 100)
    assert subject.to_send == []
    subject.reconfigure(config())
    assert subject.active
    assert subject.tick(START + 101.0) == bytes(160)
    assert taken(subject)[0].marker


def test_another_packet_time_takes_effect_in_the_spurt() -> None:
    subject = sender()
    audio = pattern(1_600)
    subject.play(audio)
    subject.tick(START)
    subject.reconfigure(config(ptime_ms=40, payload_type=8))
    assert speak(subject, start=START + 0.02, packet_s=0.04) == audio[160:]
    packets = taken(subject)
    assert [len(packet.payload) for packet in packets[:3]] == [160, 320, 320]
    assert [packet.payload_type for packet in packets[:2]] == [0, 8]
    assert [packet.timestamp for packet in packets[:3]] == [0, 160, 480]


def test_keys_go_between_the_audio_before_and_after_them() -> None:
    subject = sender(65_530)
    subject.play(b"a" * 200)
    subject.send_dtmf("12", 10)
    subject.play(b"b" * 160)
    assert speak(subject) == b"a" * 200 + b"b" * 160
    packets = taken(subject)
    assert [packet.sequence for packet in packets] == [(65_530 + n) & 0xFFFF for n in range(len(packets))]
    assert [packet.payload_type for packet in packets] == [0, 0] + [101] * 14 + [0]
    assert packets[1].payload == b"a" * 40 + b"\xff" * 120
    first_key, second_key, after = packets[2], packets[9], packets[16]
    assert (first_key.timestamp, second_key.timestamp) == (320, 320 + 9 * 160)
    assert first_key.marker
    assert second_key.marker
    assert (after.timestamp, after.marker) == (320 + 18 * 160, True)
    assert after.payload == b"b" * 160


def test_clear_leaves_keys_alone() -> None:
    subject = sender()
    subject.play(bytes(1_600))
    subject.send_dtmf("1", 10)
    subject.tick(START)
    assert subject.clear() == 1_440
    assert subject.active
    assert speak(subject, start=START + 0.02) == b""
    assert [packet.payload_type for packet in taken(subject)] == [0] + [101] * 7


def test_keys_are_forgotten_when_they_are_negotiated_away() -> None:
    subject = sender()
    subject.send_dtmf("123", 10)
    subject.reconfigure(config(dtmf_payload_type=None))
    assert not subject.active
