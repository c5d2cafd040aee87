import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony import pcm
from offhook.telephony.codec import PCMA, PCMU, Codec, codec_named, codec_of_payload_type

ALL_OCTETS = bytes(range(256))
LAWS = pytest.mark.parametrize("codec", [PCMU, PCMA], ids=["PCMU", "PCMA"])

# G.711 tables 1 and 2, decoder output scaled to 16 bits: both ends and the middle of the positive and
# negative halves.
ULAW = {0x00: -32_124, 0x0F: -16_764, 0x7E: -8, 0x7F: 0, 0x80: 32_124, 0x8F: 16_764, 0xFE: 8, 0xFF: 0}
ALAW = {0x2A: -32_256, 0xAA: 32_256, 0x55: -8, 0xD5: 8, 0x54: -24, 0xD4: 24, 0x00: -5_504, 0x80: 5_504}


def _squared_mean(samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float((samples**2).mean())


@pytest.mark.parametrize(("codec", "table"), [(PCMU, ULAW), (PCMA, ALAW)], ids=["PCMU", "PCMA"])
def test_known_values(codec: Codec, table: dict[int, int]) -> None:
    for octet, sample in table.items():
        assert pcm.to_array(codec.decode(bytes([octet]))).tolist() == [sample]


def test_mu_law_of_every_octet_comes_back_but_for_the_negative_zero() -> None:
    expected = ALL_OCTETS.replace(b"\x7f", b"\xff")
    assert PCMU.encode(PCMU.decode(ALL_OCTETS)) == expected


def test_a_law_of_every_octet_comes_back() -> None:
    assert PCMA.encode(PCMA.decode(ALL_OCTETS)) == ALL_OCTETS


@LAWS
@given(samples=st.lists(st.integers(-32_000, 32_000), min_size=1, max_size=160))
def test_error_is_within_a_step(codec: Codec, samples: list[int]) -> None:
    decoded = pcm.to_array(codec.decode(codec.encode(pcm.from_array(samples)))).astype(int)
    original = np.array(samples)
    assert (np.abs(decoded - original) <= np.abs(original) / 16 + 16).all()


@LAWS
def test_a_tone_keeps_its_quality(codec: Codec) -> None:
    original = 8_000 * np.sin(np.arange(8_000) * 0.7)
    decoded = pcm.to_array(codec.decode(codec.encode(pcm.from_array(original)))).astype(np.float64)
    # G.712 asks for 33 dB.
    assert 10 * np.log10(_squared_mean(original) / _squared_mean(decoded - original)) > 35


@pytest.mark.parametrize(("codec", "octet"), [(PCMU, b"\xff"), (PCMA, b"\xd5")])
def test_silence(codec: Codec, octet: bytes) -> None:
    assert codec.silence == octet
    assert codec.encode(pcm.silence(160)) == octet * 160
    assert pcm.level_dbfs(codec.decode(octet * 160)) < -70


@LAWS
def test_empty_stays_empty(codec: Codec) -> None:
    assert codec.encode(b"") == b""
    assert codec.decode(b"") == b""


@LAWS
def test_half_a_sample_is_refused(codec: Codec) -> None:
    with pytest.raises(ValueError, match="321 bytes"):
        codec.encode(bytes(321))


@pytest.mark.parametrize(("name", "codec"), [("PCMU", PCMU), ("pcma", PCMA)])
def test_codec_by_name(name: str, codec: Codec) -> None:
    assert codec_named(name) is codec


def test_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"'G729'.*PCMA, PCMU"):
        codec_named("G729")


def test_static_payload_types() -> None:
    assert codec_of_payload_type(0) is PCMU
    assert codec_of_payload_type(8) is PCMA
    assert codec_of_payload_type(101) is None
