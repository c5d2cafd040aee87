"""Opus: packets that last as long as what they were made of, loss that is made up, and octets that are no Opus."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony import pcm, tones
from offhook.telephony.codec import LINEAR16, OPUS, codec_named, codec_of_payload_type
from offhook.telephony.codec.convert import line_codec, packet_encoder, stream_decoder
from offhook.telephony.codec.opus import MAX_CONCEALED_TICKS, OpusDecoder
from offhook.telephony.errors import WireError
from offhook.telephony.wire.opus import packet_ticks

library = pytest.importorskip("opuslib_next")

PACKET = 640
SPEECH = Path(__file__).parents[2] / "data" / "speech" / "check_my_balance.wav"
VOICE = tones.noise(2_000, level_dbfs=-20, seed=3, rate_hz=16_000)


def packets(audio: bytes = VOICE, octets: int = PACKET) -> list[bytes]:
    encode = OPUS.encoder()
    return [encode(audio[at : at + octets]) for at in range(0, len(audio) - octets + 1, octets)]


def test_it_is_found_by_name_and_has_no_number_of_its_own() -> None:
    assert codec_named("opus") is OPUS
    assert OPUS.payload_type is None
    assert codec_of_payload_type(111) is None
    assert line_codec(OPUS).name == "LINEAR16"


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_a_packet_lasts_as_long_as_what_it_was_made_of(ptime_ms: int) -> None:
    decode = OPUS.decoder()
    for packet in packets(octets=32 * ptime_ms):
        assert packet_ticks(packet) == 8 * ptime_ms
        assert len(packet) < 32 * ptime_ms / 3
        assert len(decode(packet)) == 32 * ptime_ms


@pytest.mark.parametrize("octets", [1, 2, 638, 960, 3_840])
def test_what_is_no_packet_time_cannot_be_coded(octets: int) -> None:
    with pytest.raises(ValueError, match="ms"):
        OPUS.encode(bytes(octets))


def test_it_sounds_alike_up_to_7_khz() -> None:
    audio = tones.tones((400.0, 2_100.0, 6_300.0), 1_000, level_dbfs=-12, rate_hz=16_000)
    decode = OPUS.decoder()
    received = pcm.to_array(b"".join(map(decode, packets(audio)))).astype(float)[4_000:12_000]
    spectrum = np.abs(np.fft.rfft(received * np.hanning(len(received))))
    for hertz in (400, 2_100, 6_300):
        assert spectrum[hertz // 2 - 3 : hertz // 2 + 4].max() > 20 * np.median(spectrum)


@pytest.mark.parametrize("bit_rate", [6_000, 12_000, 24_000])
def test_the_bit_rate_can_be_limited(bit_rate: int) -> None:
    encoder = packet_encoder(LINEAR16, OPUS, bit_rate)
    assert encoder is not None
    octets = [len(encoder.encode(VOICE[at : at + PACKET])) for at in range(0, len(VOICE), PACKET)]
    assert 0.5 * bit_rate < 8 * 50 * sum(octets) / len(octets) < 1.05 * bit_rate


def test_streams_do_not_share() -> None:
    one, other = OPUS.encoder(), OPUS.encoder()
    first = [one(VOICE[at : at + PACKET]) for at in range(0, 20 * PACKET, PACKET)]
    assert [other(VOICE[at : at + PACKET]) for at in range(0, 20 * PACKET, PACKET)] == first


def test_a_lost_packet_is_better_made_up_from_the_next_one() -> None:
    with wave.open(str(SPEECH)) as recording:
        sent = packets(recording.readframes(recording.getnframes()))
    whole = OpusDecoder()
    truth = [whole.decode(packet) for packet in sent]
    errors = {}
    for fec in (False, True):
        decoder = OpusDecoder()
        errors[fec] = 0.0
        for number, packet in enumerate(sent[:-1]):
            if number % 5 != 4:
                decoder.decode(packet)
                continue
            made_up = decoder.conceal(160, sent[number + 1] if fec else None)
            assert len(made_up) == PACKET
            difference = pcm.to_array(made_up).astype(float) - pcm.to_array(truth[number])
            errors[fec] += float(difference @ difference)
    assert errors[True] < 0.5 * errors[False]


@settings(max_examples=40, deadline=None)
@given(ticks=st.integers(0, 2_000), following=st.booleans(), before=st.integers(0, 5))
def test_a_gap_is_as_long_as_was_asked_for(ticks: int, following: bool, before: int) -> None:
    sent = packets(VOICE[: 10 * PACKET])
    decoder = OpusDecoder()
    for packet in sent[:before]:
        decoder.decode(packet)
    assert len(decoder.conceal(ticks, sent[before] if following else None)) == 4 * ticks


def test_a_long_gap_ends_in_silence() -> None:
    decoder = OpusDecoder()
    for packet in packets():
        decoder.decode(packet)
    made_up = decoder.conceal(10 * MAX_CONCEALED_TICKS, None)
    assert len(made_up) == 40 * MAX_CONCEALED_TICKS
    assert not any(made_up[4 * MAX_CONCEALED_TICKS :])


def test_a_packet_without_frames_keeps_its_time() -> None:
    sent = packets()
    decoder = OpusDecoder()
    decoder.decode(sent[0])
    for pause in (sent[0][:1], sent[0][:1] + b"\0"):
        assert len(decoder.decode(pause)) == PACKET
    assert len(decoder.decode(sent[1])) == PACKET


def test_stereo_is_mixed() -> None:
    coder = library.Encoder(48_000, 2, "voip")
    left = np.frombuffer(tones.tones((1_000.0,), 400, level_dbfs=-20, rate_hz=48_000), "<i2")
    audio = np.stack((left, np.zeros_like(left)), axis=1).astype("<i2").tobytes()
    decode = OPUS.decoder()
    received = [decode(bytes(coder.encode(audio[at : at + 3_840], 960))) for at in range(0, len(audio), 3_840)]
    assert {len(piece) for piece in received} == {PACKET}
    assert pcm.level_dbfs(b"".join(received[5:])) == pytest.approx(-26, abs=2)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=4), st.integers(0, 255))
def test_any_bytes_are_decoded_as_long_as_they_say(payloads: list[bytes], cut: int) -> None:
    sent = packets(VOICE[: 4 * PACKET])
    for codec_rate in (8_000, 16_000):
        stream = stream_decoder(OPUS, codec_rate)
        for payload in [sent[0], *payloads, sent[1][:cut], sent[2]]:
            try:
                expected = packet_ticks(payload) * 2 * codec_rate // 8_000
            except WireError:
                expected = 0
            assert len(stream.decode(payload)) == expected
            assert stream.conceal is not None
            assert len(stream.conceal(160, payload)) == 160 * 2 * codec_rate // 8_000


def test_a_narrow_queue_is_brought_to_packets() -> None:
    encoder = packet_encoder(codec_named("PCMU"), OPUS)
    assert encoder is not None
    assert packet_ticks(encoder.encode(encoder.silence * 160)) == 160
