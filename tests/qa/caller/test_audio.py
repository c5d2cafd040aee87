"""What the caller sends, and what comes back, packet by packet."""

from random import Random

import numpy as np
import pytest

from offhook.qa.caller.clips import at_level, mumble, trimmed
from offhook.qa.caller.incoming import LEAST_TICKS, MAX_AHEAD_S, MAX_LEAP_TICKS, ReceivedAudio
from offhook.qa.caller.outgoing import FRAME, CallerAudio
from offhook.qa.verdict.speech_quality import holes
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.dtmf_tones import DtmfTones
from offhook.telephony.pcm import RATE_HZ, level_dbfs, to_array
from offhook.telephony.rtp.dtmf_sender import EventSlot
from offhook.telephony.tones import silence, tones
from offhook.telephony.wire import rtp
from offhook.usererror import UserError
from tests.qa.prompts import prompt

SPEECH = prompt("hours")


def send(audio: CallerAudio, frames: int, from_s: float = 0.0) -> list[tuple[bytes, EventSlot | None]]:
    return [audio.frame(from_s + 0.02 * n, 160 * n)[:2] for n in range(frames)]


def test_speech_leaves_in_frames_and_its_times_are_noted() -> None:
    audio = CallerAudio(seed=1)
    send(audio, 5)
    audio.say(SPEECH, "hours")
    sent = b"".join(pcm for pcm, _ in send(audio, 100, 0.1))
    assert sent[: len(SPEECH)] == SPEECH and not any(sent[len(SPEECH) :])
    (sound,) = audio.sounds
    assert sound.is_over and not audio.busy
    # The first sample was spoken a packet's length before it left.
    assert sound.began_s == pytest.approx(0.08)
    assert sound.ended_s == pytest.approx(0.08 + len(SPEECH) / 16_000)


def test_keys_wait_for_what_was_said_before_and_are_pressed_once() -> None:
    audio = CallerAudio(seed=1)
    audio.say(SPEECH[: 2 * FRAME * 3], "x")
    audio.press("1#")
    slots = [slot for _, slot in send(audio, 40)]
    assert slots[:3] == [None] * 3
    timestamps = {slot.timestamp for slot in slots if slot is not None}
    assert len(timestamps) == 2, "one timestamp for each key"
    speech, keys = audio.sounds
    assert (speech.kind, keys.kind, keys.what, keys.is_over) == ("speech", "keys", "1#", True)
    # Each key is 100 ms long, and 80 ms of pause are between them.
    assert keys.ended_s - keys.began_s == pytest.approx(0.28, abs=0.021)


def test_keys_by_tones_are_in_the_audio_and_have_the_same_times() -> None:
    audio, events = CallerAudio(seed=1, inband=True), CallerAudio(seed=1)
    for each in (audio, events):
        each.press("155#")
    sent = send(audio, 60)
    send(events, 60)
    heard = DtmfTones().receive(b"".join(pcm for pcm, _ in sent))
    assert "".join(key.digit for key in heard) == "155#"
    assert all(slot is None for _, slot in sent)
    assert audio.sounds == events.sounds and not audio.busy


def test_keys_by_signalling_are_handed_out_when_they_are_pressed() -> None:
    pressed: list[str] = []
    audio = CallerAudio(seed=1, on_key=pressed.append)
    audio.say(SPEECH[: 2 * FRAME * 3], "x")
    audio.press("1#")
    send(audio, 3)
    assert pressed == [], "what was said before has not left"
    sent = send(audio, 1)
    assert pressed == ["1"]
    sent += send(audio, 30)
    assert pressed == ["1", "#"] and not audio.busy
    assert all(slot is None and not any(pcm) for pcm, slot in sent)


def test_what_is_broken_off_is_not_sent_any_more() -> None:
    audio = CallerAudio(seed=1)
    audio.say(SPEECH, "x")
    send(audio, 10)
    audio.break_off()
    assert not audio.busy and audio.sounds[0].is_over
    assert not any(b"".join(pcm for pcm, _ in send(audio, 10)))
    audio.press("5")
    assert any(slot is not None for _, slot in send(audio, 2)), "keys are not behind what was broken off"


def test_noise_and_echo_are_the_same_for_the_same_seed() -> None:
    one, same, other = (CallerAudio(seed=seed, noise_dbfs=-40.0, echo_db=20.0) for seed in (3, 3, 4))
    heard = tones((500,), 20)
    frames = [audio.frame(0.0, 0, heard)[0] for audio in (one, same, other)]
    assert frames[0] == frames[1] != frames[2]
    noise = b"".join(pcm for pcm, _ in send(one, 100))
    assert level_dbfs(noise) == pytest.approx(-40.0, abs=0.5)


def test_clips_are_trimmed_and_levelled() -> None:
    clip = trimmed(silence(500) + SPEECH + silence(300), "x")
    assert abs(len(clip) - len(SPEECH)) <= 2 * 160
    assert level_dbfs(at_level(clip, -26.0)) == pytest.approx(-26.0, abs=0.3)
    with pytest.raises(UserError, match="is silent"):
        trimmed(silence(500), "nothing")
    assert mumble(500, 1) == mumble(500, 1) != mumble(500, 2)
    assert len(mumble(500, 1)) == 8_000


# ---- what comes


def packets(pcm: bytes, payload_type: int = 0, ssrc: int = 9, sequence: int = 65_530) -> list[bytes]:
    codec = PCMA if payload_type == 8 else PCMU
    start = 0xFFFFFF00
    return [
        rtp.build(
            rtp.RtpPacket(
                payload_type,
                n == 0,
                (sequence + n) & 0xFFFF,
                (start + 160 * n) & 0xFFFFFFFF,
                ssrc,
                codec.encode(pcm[320 * n : 320 * (n + 1)]),
            )
        )
        for n in range(len(pcm) // 320)
    ]


def test_packets_stand_in_their_places_whatever_their_order() -> None:
    sent = packets(SPEECH)
    order = list(range(len(sent)))
    Random(1).shuffle(order)
    order.remove(0)
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n in [0, *order]:
        received.receive(sent[n], 1.0 + 0.02 * n)
    expected = PCMU.decode(PCMU.encode(SPEECH[: 320 * len(sent)]))
    assert bytes(received.pcm) == expected
    assert (received.lost, received.duplicates, received.codec_names()) == (0, 0, {"PCMU": len(sent)})


def test_losses_duplicates_and_jitter_are_counted() -> None:
    sent = packets(SPEECH)
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n, data in enumerate(sent):
        if n in (10, 11, 20):
            continue
        received.receive(data, 1.0 + 0.02 * n + (0.004 if n % 2 else 0.0))
        if n == 30:
            received.receive(data, 1.0 + 0.02 * n)
    assert (received.lost, received.duplicates) == (3, 1)
    assert received.loss_percent == pytest.approx(100 * 3 / len(sent))
    assert received.jitter_ticks / 8 == pytest.approx(4.0, abs=0.6)
    assert not np.any(to_array(received.between(1_600, 1_920))), "silence where nothing came"


def test_a_codec_that_was_not_agreed_on_is_named() -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    for data in packets(SPEECH, payload_type=8):
        received.receive(data, 1.0)
    assert list(received.codec_names()) == ["PCMA"]
    assert received.receive(b"no RTP", 1.0) is None and received.malformed == 1


def test_another_source_goes_on_where_the_last_one_ended() -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n, data in enumerate(packets(SPEECH[:3_200])):
        received.receive(data, 1.0 + 0.02 * n)
    piece = received.receive(packets(SPEECH, ssrc=10, sequence=5)[0], 1.0 + 0.5)
    assert piece is not None and piece.at_tick == pytest.approx(4_000, abs=1)
    assert received.lost == 0


def test_keys_come_once_each() -> None:
    audio = CallerAudio(seed=1)
    audio.press("42")
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n, (_, slot) in enumerate(send(audio, 40)):
        if slot is not None:
            data = rtp.build(rtp.RtpPacket(101, slot.marker, n, slot.timestamp, 3, slot.payload))
            assert received.receive(data, 0.02 * n) is None
    assert "".join(key for _, key in received.keys) == "42"


def stamped(sequence: int, timestamp: int, ssrc: int = 9) -> bytes:
    payload = PCMU.encode(SPEECH[:320])
    return rtp.build(rtp.RtpPacket(0, False, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload))


@pytest.mark.parametrize("step_s", [-400_000, -90, -6, 6, 59, 61, 200_000])
@pytest.mark.parametrize("sources", [1, 7])
def test_timestamps_that_leap_make_no_more_audio_than_there_was_time(step_s: int, sources: int) -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n in range(200):
        received.receive(stamped(n, n * step_s * 8_000, n % sources), 1.0 + 0.02 * n)
    assert len(received.pcm) <= 2 * 8_000 * (4 + 5 + 1)


def test_a_sender_whose_clock_was_set_goes_on_in_real_time() -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    places = []
    for n in range(150):
        late = 0 if n < 50 else 10 if n < 100 else -1_000_000
        piece = received.receive(stamped(n, 160 * n + late * 8_000), 1.0 + 0.02 * n)
        places.append(piece.at_tick if piece is not None else -1)
    assert places == pytest.approx([160 * n for n in range(150)], abs=1)


def test_a_pause_of_the_sender_is_a_pause_of_the_audio() -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    received.receive(stamped(0, 0), 1.0)
    piece = received.receive(stamped(1, 90 * 8_000), 91.0)
    assert piece is not None and piece.at_tick == 90 * 8_000 and received.lost == 0


def test_what_was_sent_before_the_first_that_came_is_not_lost() -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n, number in enumerate((3, 1, 2, 4, 65_535)):
        received.receive(stamped(number, 160 * (number if number < 10 else -1)), 1.0 + 0.02 * n)
    assert (received.lost, received.duplicates) == (1, 0), "number 0 has not come"
    assert 0 <= received.loss_percent <= 100


def test_jitter_goes_on_over_talk_spurts() -> None:
    """All packets count (RFC 3550 §6.4.1), those with a marker, too."""
    received = ReceivedAudio({0: "PCMU"}, 101)
    for n in range(200):
        data = rtp.build(rtp.RtpPacket(0, n % 2 == 0, n, 160 * n, 9, PCMU.encode(SPEECH[:320])))
        received.receive(data, 1.0 + 0.02 * n + (0.004 if n % 2 else 0.0))
    assert received.jitter_ticks / 8 == pytest.approx(4.0, abs=0.6)


@pytest.mark.parametrize("ppm", [-800.0, 0.0, 800.0])
def test_the_drift_is_that_of_the_clock_which_was_observed_for_longest(ppm: float) -> None:
    received = ReceivedAudio({0: "PCMU"}, 101)
    assert received.drift is None
    for n in range(500):
        began_anew = n >= 420
        at_s = 1.0 + 0.02 * n * (1 + (0 if began_anew else ppm * 1e-6))
        received.receive(stamped(n, 160 * n + (77_777 if began_anew else 0), int(began_anew)), at_s)
    drift = received.drift
    assert drift is not None and drift.ppm == pytest.approx(ppm, abs=20) and drift.over_s == pytest.approx(7, abs=1.5)


@pytest.mark.parametrize("payload", [b"\xff" * 1_400, b"\xff" * 160, b""])
@pytest.mark.parametrize("sources", [1, 5_000])
def test_a_flood_is_kept_as_far_as_a_call_has_room_and_then_counted(payload: bytes, sources: int) -> None:
    """Ten seconds of 2,000 packets a second, of one source or each of another."""
    received = ReceivedAudio({0: "PCMU"}, None)
    count, seconds = 20_000, 10.0
    for number in range(count):
        packet = rtp.build_plain(0, number & 0xFFFF, 160 * number & 0xFFFFFFFF, number % sources, payload)
        received.receive(packet, 5.0 + seconds * number / count)
    most_ticks = (seconds + MAX_AHEAD_S) * RATE_HZ
    assert len(received.arrivals) <= most_ticks / LEAST_TICKS
    assert len(received.pcm) <= 2 * (most_ticks + MAX_LEAP_TICKS)
    assert received.left_out == count - sum(received.payload_types.values()) - received.duplicates > 0
    assert received.receive(rtp.build_plain(0, 1, 1, 1, b"\xff" * 160), 5.0 + 600) is not None  # time has passed


@pytest.mark.parametrize(
    ("lost", "paused", "found"),
    [
        (0, 31, []),
        (1, 31, []),
        (2, 31, []),
        (3, 0, [60]),  # in the middle of a word
    ],
)
def test_a_pause_between_talk_spurts_is_no_hole_though_the_marker_is_lost(
    lost: int, paused: int, found: list[int]
) -> None:
    received, loud = ReceivedAudio({0: "PCMU"}, None), PCMU.encode(tones((300,), 20, level_dbfs=-10))
    for number in (*range(50), *range(50 + lost, 100)):
        place = number + paused * (number >= 50)
        packet = rtp.RtpPacket(0, number == 0 or (number == 50 and paused > 0), number, 160 * place, 7, loud)
        assert received.receive(rtp.build(packet), 5.0 + 0.02 * place) is not None
    assert [round(each.hole_ms) for each in holes(received.arrivals)] == found
