"""Wide codecs, and the way between them and G.711: every tick that goes in comes out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony import pcm, tones
from offhook.telephony.codec import G722_64K, LINEAR16, PCMA, PCMU, Codec, codec_of_payload_type
from offhook.telephony.codec.convert import is_plain, line_codec, packet_encoder, pcm_decoder, rate_converter

pytest.importorskip("G722")

CODECS: list[Codec] = [PCMU, PCMA, G722_64K, LINEAR16]
EACH = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def likeness_db(one: bytes, other: bytes, delay: int) -> float:
    """Signal to noise of `other`, which is `delay` samples late."""
    first, second = (pcm.to_array(audio).astype(np.float64) for audio in (one, other))
    first, second = first[: len(first) - delay], second[delay : len(first)]
    return float(10 * np.log10((first**2).sum() / max(1.0, ((first - second) ** 2).sum())))


def test_an_octet_of_g722_is_two_samples_and_sounds_alike() -> None:
    audio = tones.tones((440.0, 2_500.0, 6_000.0), 400, rate_hz=16_000)
    payload = G722_64K.encode(audio)
    assert len(payload) == 8 * 400
    assert max(likeness_db(audio, G722_64K.decode(payload), delay) for delay in range(20, 26)) > 15
    assert codec_of_payload_type(9) is G722_64K


def test_streams_of_g722_remember_and_do_not_share() -> None:
    audio = tones.noise(200, level_dbfs=-20, rate_hz=16_000)
    one, other = G722_64K.encoder(), G722_64K.encoder()
    pieces = b"".join(one(audio[at : at + 640]) for at in range(0, len(audio), 640))
    assert pieces == G722_64K.encode(audio) == other(audio)
    decoder = G722_64K.decoder()
    assert b"".join(decoder(pieces[at : at + 160]) for at in range(0, len(pieces), 160)) == G722_64K.decode(pieces)


def test_silence_of_g722_is_soft_from_wherever_it_begins() -> None:
    decoder = G722_64K.decoder()
    decoder(G722_64K.encode(tones.tones((300.0, 700.0), 200, level_dbfs=-6, rate_hz=16_000)))
    assert pcm.level_dbfs(decoder(G722_64K.silence * 400)[640:]) < -50


@pytest.mark.parametrize("octets", [1, 2, 3, 6])
def test_half_a_tick_cannot_be_coded(octets: int) -> None:
    with pytest.raises(ValueError, match="whole"):
        G722_64K.encode(bytes(octets))


def test_linear_is_what_it_is_in_whole_ticks() -> None:
    assert LINEAR16.encode(b"\1\0\2\0") == LINEAR16.decode(b"\1\0\2\0") == b"\1\0\2\0"
    assert LINEAR16.encode(b"\1\0") == b"\1\0\0\0"
    with pytest.raises(ValueError, match="whole"):
        LINEAR16.encode(b"\1")


@EACH
def test_a_tick_of_silence_is_one_tick_and_silent(codec: Codec) -> None:
    assert len(codec.silence) == codec.bytes_per_tick
    assert pcm.level_dbfs(codec.decode(codec.silence * 160)[160:]) < -40


def test_what_a_line_is_played() -> None:
    assert [line_codec(codec) for codec in CODECS] == [PCMU, PCMA, LINEAR16, LINEAR16]
    assert [is_plain(codec) for codec in CODECS] == [True, True, False, False]


@EACH
@pytest.mark.parametrize("wire", CODECS[:3], ids=lambda codec: codec.name)
@settings(max_examples=15, deadline=None)
@given(ticks=st.lists(st.integers(0, 400), max_size=5))
def test_a_packet_has_as_many_ticks_as_it_was_made_of(codec: Codec, wire: Codec, ticks: list[int]) -> None:
    encoder = packet_encoder(codec, wire)
    decoders = [pcm_decoder(wire, rate_hz) for rate_hz in (8_000, 16_000)]
    for count in ticks:
        payload = codec.silence * count if encoder is None else encoder.encode(encoder.silence * count)
        assert len(payload) == wire.bytes_per_tick * count
        assert [len(decode(payload)) for decode in decoders] == [2 * count, 4 * count]


def test_between_the_rates_what_both_have_stays() -> None:
    audio = tones.tones((300.0, 1_700.0, 3_000.0), 400, level_dbfs=-20)
    up, down = rate_converter(8_000, 16_000), rate_converter(16_000, 8_000)
    assert likeness_db(audio, down(up(audio)), 14 + 13) > 40
    assert rate_converter(8_000, 8_000)(audio) == audio
