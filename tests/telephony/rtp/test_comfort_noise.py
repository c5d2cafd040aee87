"""Silence that is described instead of sent (RFC 3389), in both directions."""

import random

import numpy as np
import pytest

from offhook.telephony import pcm
from offhook.telephony.rtp import AudioGap, AudioPayload, RtpEvent, RtpSession
from offhook.telephony.rtp.comfort_noise import LOUDEST_DBOV, NoiseGenerator
from offhook.telephony.rtp.sender import KEEP_ALIVE_S, LINE_NOISE
from offhook.telephony.wire import comfort_noise, rtp
from offhook.telephony.wire.comfort_noise import ComfortNoise
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    START,
    body,
    check_continuous,
    events,
    indices,
    run_timers,
    sent,
    session,
)

CN = 13
PACKET_S = 0.02
HISS = ComfortNoise(60)


class DtxPhone:
    """A far end that sends speech, or a description of its silence, packet time by packet time."""

    def __init__(self, subject: RtpSession, *, sequence: int = 65_530, timestamp: int = 0xFFFFF000) -> None:
        self.subject = subject
        self.sequence = sequence
        self.timestamp = timestamp
        self.now = START
        self.received: list[RtpEvent] = []

    def speak(self, packets: int, *, delay_s: float = 0.0) -> None:
        for _ in range(packets):
            self._send(0, body(self.sequence), delay_s)
            self.wait(PACKET_S)

    def announce(self, noise: bytes = b"\x3c", *, lost: bool = False) -> None:
        if lost:
            self.sequence += 1
        else:
            self._send(CN, noise, 0.0)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.timestamp += round(seconds * 8_000)

    def run(self, until: float | None = None) -> list[RtpEvent]:
        run_timers(self.subject, self.now if until is None else until)
        new = events(self.subject)
        self.received += new
        return new

    def _send(self, payload_type: int, payload: bytes, delay_s: float) -> None:
        self.run(self.now + delay_s)
        packet = RtpPacket(payload_type, False, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, FAR_SSRC, payload)
        self.subject.receive_rtp(rtp.build(packet), REMOTE, self.now + delay_s)
        self.sequence += 1
        self.received += events(self.subject)


def listener() -> RtpSession:
    return session(receive_comfort_noise_payload_type=CN)


def noise_of(received: list[RtpEvent]) -> list[ComfortNoise | None]:
    return [event.noise for event in received if isinstance(event, AudioGap)]


# ---- the sound


@pytest.mark.parametrize("level", [30, 45, 60, 75, 84])
@pytest.mark.parametrize("reflection", [(), (-0.9,), (0.8,), (-0.95, 0.6, -0.2)])
def test_noise_is_as_loud_as_described_whatever_its_colour(level: int, reflection: tuple[float, ...]) -> None:
    made = NoiseGenerator().make(ComfortNoise(level, reflection), 16_000)
    samples = pcm.to_array(made) / 32_768
    assert 10 * np.log10(np.mean(samples * samples)) == pytest.approx(-level, abs=0.7)


def test_the_colour_is_that_of_the_model() -> None:
    """A single pole at 0.9 on the real axis: the spectrum falls by 10 log((1.9/0.1)²) = 25.6 dB from bottom to top."""
    samples = pcm.to_array(NoiseGenerator().make(ComfortNoise(40, (-0.9,)), 80_000)).astype(float)
    spectrum = np.mean(
        [np.abs(np.fft.rfft(part * np.hanning(256))) ** 2 for part in samples[:79_872].reshape(-1, 256)], 0
    )
    assert 10 * np.log10(spectrum[1:4].mean() / spectrum[-4:-1].mean()) == pytest.approx(25.6, abs=2.0)


def test_neighbouring_samples_resemble_each_other_as_the_model_says() -> None:
    samples = pcm.to_array(NoiseGenerator().make(ComfortNoise(40, (-0.9,)), 80_000)).astype(float)
    assert samples[1:] @ samples[:-1] / (samples @ samples) == pytest.approx(0.9, abs=0.02)


def test_it_is_never_louder_than_a_line_can_be() -> None:
    assert pcm.level_dbfs(NoiseGenerator().make(ComfortNoise(0), 8_000)) == pytest.approx(LOUDEST_DBOV, abs=0.5)


def test_the_lowest_level_is_digital_silence() -> None:
    assert NoiseGenerator().make(ComfortNoise(127), 160) == pcm.silence(160)


def test_pieces_follow_each_other_without_a_seam() -> None:
    noise = ComfortNoise(40, (-0.95, 0.3))
    whole, pieces = NoiseGenerator(7), NoiseGenerator(7)
    assert b"".join(pieces.make(noise, n) for n in (1, 159, 0, 3, 637)) == whole.make(noise, 800)


def test_any_description_gives_so_many_samples() -> None:
    rng = random.Random(3)
    generator = NoiseGenerator()
    for _ in range(300):
        noise = comfort_noise.parse(rng.randbytes(rng.randrange(1, 14)))
        samples = rng.randrange(400)
        assert pcm.samples_in(generator.make(noise, samples)) == samples


# ---- in


def test_an_announced_pause_is_filled_with_its_noise_and_nothing_is_lost() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(10)
    phone.announce(bytes((60, 100)))
    phone.wait(1.0)
    phone.speak(10)
    phone.run()
    check_continuous(phone.received)
    assert len(indices(phone.received)) == 20
    described = comfort_noise.parse(bytes((60, 100)))
    assert set(noise_of(phone.received)) == {described}
    stats = subject.stats()
    assert stats.noise_ticks == 8_000
    assert (stats.lost, stats.gaps, stats.concealed_ticks, stats.late, stats.unknown_pt) == (0, 0, 0, 0, 0)


def test_the_noise_begins_a_packet_after_the_announcement_not_after_the_wait_for_a_dead_network() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(50)
    phone.announce()
    announced = phone.now
    phone.run(announced + 0.0199)
    assert noise_of(phone.received) == []
    phone.run(announced + 0.0201)
    assert noise_of(phone.received) == [HISS]


def test_the_first_packet_after_the_pause_is_heard_at_once_and_whole() -> None:
    phone = DtxPhone(listener())
    phone.speak(5)
    phone.announce()
    phone.wait(0.5)
    phone.run()
    began = len(phone.received)
    first = phone.sequence
    phone.speak(1)
    after = [event for event in phone.received[began:] if isinstance(event, AudioPayload)]
    assert after[0].payload == body(first)
    assert after[0].at_tick == 5 * 160 + 4_000


def test_a_second_announcement_changes_the_noise() -> None:
    phone = DtxPhone(listener())
    phone.speak(5)
    phone.announce(b"\x3c")
    phone.wait(0.3)
    phone.announce(b"\x46")
    phone.wait(0.3)
    phone.run()
    assert list(dict.fromkeys(noise_of(phone.received))) == [ComfortNoise(60), ComfortNoise(70)]


def test_a_call_may_begin_with_a_silence() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.announce()
    phone.wait(1.0)
    phone.speak(3)
    assert len(indices(phone.received)) == 3
    position = check_continuous(phone.received)
    assert position == pytest.approx(8_000 + 480, abs=160)
    assert subject.stats().ssrc_changes == 0


def test_speech_lost_before_the_announcement_is_concealed_not_hissed() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(10)
    phone.sequence += 2
    phone.wait(2 * PACKET_S)
    phone.announce()
    phone.wait(0.5)
    phone.speak(2)
    phone.run()
    assert noise_of(phone.received)[0] is None
    assert subject.stats().concealed_ticks == 320
    assert subject.stats().lost == 2
    assert check_continuous(phone.received) == 12 * 160 + 4_000 + 320


def test_a_lost_announcement_costs_only_the_noise() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(10)
    phone.announce(lost=True)
    phone.wait(0.5)
    phone.speak(10)
    phone.run()
    assert len(indices(phone.received)) == 20
    assert set(noise_of(phone.received)) == {None}
    assert check_continuous(phone.received) == 20 * 160 + 4_000


def test_a_thousand_pauses_with_jitter_do_not_let_time_drift() -> None:
    rng = random.Random(5)
    subject = listener()
    phone = DtxPhone(subject)
    spoken = 0
    for _ in range(1_000):
        packets = rng.randrange(3, 12)
        for _ in range(packets):
            phone.speak(1, delay_s=rng.random() * 0.03)
        spoken += packets
        phone.announce()
        phone.wait(rng.randrange(5, 50) * PACKET_S)
    phone.run()
    position = check_continuous(phone.received)
    stats = subject.stats()
    assert len(indices(phone.received)) == spoken
    assert (stats.late, stats.lost, stats.rate_limited) == (0, 0, 0)
    assert abs(position - (phone.now - START) * 8_000) < 0.15 * 8_000


def test_a_malformed_announcement_is_counted_and_no_loss() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(3)
    phone.announce(b"")
    phone.speak(3)
    assert len(indices(phone.received)) == 6
    assert (subject.stats().malformed, subject.stats().lost) == (1, 0)


def test_comfort_noise_that_was_not_negotiated_is_dropped() -> None:
    subject = session()
    phone = DtxPhone(subject)
    phone.speak(3)
    phone.announce()
    phone.wait(0.3)
    phone.run()
    assert set(noise_of(phone.received)) == {None}
    assert subject.stats().unknown_pt == 1


def test_another_stream_does_not_inherit_the_noise() -> None:
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(3)
    phone.announce()
    phone.wait(0.2)
    phone.run()
    for n in range(2):
        packet = RtpPacket(0, False, 500 + n, 160 * n, FAR_SSRC + 1, body(n))
        subject.receive_rtp(rtp.build(packet), REMOTE, phone.now + PACKET_S * n)
    run_timers(subject, phone.now + 0.5)
    assert noise_of(events(subject))[-1] is None


def test_reports_are_a_sign_of_life_while_a_silence_is_announced_and_only_then() -> None:
    report = bytes.fromhex("80c90001fa000001")
    subject = listener()
    phone = DtxPhone(subject)
    phone.speak(3)
    spoken_at = phone.now - PACKET_S
    subject.receive_rtcp(report, (REMOTE[0], 4_001), phone.now + 5)
    assert subject.stats().last_received_at == pytest.approx(spoken_at)
    phone.announce()
    subject.receive_rtcp(report, (REMOTE[0], 4_001), phone.now + 10)
    assert subject.stats().last_received_at == pytest.approx(phone.now + 10)


# ---- out


def speaker(*, send: bool = True, ptime_ms: int = 20) -> RtpSession:
    return session(comfort_noise_payload_type=CN, send=send, ptime_ms=ptime_ms)


def test_the_silence_after_a_spurt_is_announced_once_and_then_sparsely() -> None:
    subject = speaker()
    subject.play(bytes(320), START)
    subject.tick(START)
    subject.tick(START + PACKET_S)
    audio = sent(subject)
    run_timers(subject, START + 12)
    noise = sent(subject)
    assert [packet.payload_type for packet in noise] == [CN, CN, CN]
    assert [packet.payload for packet in noise] == [LINE_NOISE] * 3
    assert not any(packet.marker for packet in noise)
    assert noise[0].sequence == audio[-1].sequence + 1
    # It begins where the speech ended (RFC 3389).
    assert noise[0].timestamp == audio[-1].timestamp + 160
    assert noise[1].timestamp - noise[0].timestamp == KEEP_ALIVE_S * 8_000


def test_speech_after_the_announcement_begins_a_spurt() -> None:
    subject = speaker()
    subject.play(bytes(160), START)
    subject.tick(START)
    run_timers(subject, START + 1.0)
    sent(subject)
    subject.play(bytes(160), START + 1.0)
    subject.tick(START + 1.0)
    (packet,) = sent(subject)
    assert (packet.payload_type, packet.marker) == (0, True)
    assert packet.timestamp == 1_000 + 8_000


def test_a_chunk_that_comes_just_in_time_is_no_silence() -> None:
    subject = speaker()
    subject.play(bytes(160), START)
    subject.tick(START)
    subject.play(bytes(160), START + 0.019)
    run_timers(subject, START + 0.0199)
    subject.tick(START + PACKET_S)
    assert [packet.payload_type for packet in sent(subject)] == [0, 0]


def test_what_is_cleared_is_followed_by_an_announcement() -> None:
    subject = speaker()
    subject.play(bytes(1_600), START)
    subject.tick(START)
    subject.clear(START + 0.001)
    run_timers(subject, START + 0.021)
    assert [packet.payload_type for packet in sent(subject)] == [0, CN]


def test_on_hold_nothing_is_announced() -> None:
    subject = speaker(send=False)
    run_timers(subject, START + 20)
    assert sent(subject) == []


def test_two_that_announce_their_silences_understand_each_other() -> None:
    mouth = speaker(ptime_ms=30)
    ear = listener()
    received: list[RtpEvent] = []
    now = START
    for step in range(400):
        if step % 100 == 0:
            mouth.play(bytes(240 * 20), now)
        run_timers(mouth, now)
        if mouth.active:
            mouth.tick(now)
        for data, _ in mouth.rtp_to_send():
            ear.receive_rtp(data, REMOTE, now)
        run_timers(ear, now)
        received += events(ear)
        now += 0.03
    stats = ear.stats()
    assert (stats.lost, stats.late, stats.gaps, stats.unknown_pt) == (0, 0, 0, 0)
    assert sum(isinstance(event, AudioPayload) for event in received) == 80
    assert check_continuous(received) == pytest.approx((now - START) * 8_000, abs=800)
