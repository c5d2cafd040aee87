import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import WireError
from offhook.telephony.wire import comfort_noise
from offhook.telephony.wire.comfort_noise import MAX_ORDER, ComfortNoise


def test_the_level_alone() -> None:
    assert comfort_noise.parse(b"\x40") == ComfortNoise(64)
    assert comfort_noise.build(ComfortNoise(64)) == b"\x40"


def test_the_unused_bit_is_left_alone() -> None:
    assert comfort_noise.parse(b"\xc0").level == 64


def test_coefficients_by_the_formula_of_section_3_2() -> None:
    noise = comfort_noise.parse(bytes((60, 0, 127, 254)))
    assert noise.reflection == (-127 * 258 / 32_768, 0.0, 127 * 258 / 32_768)
    assert all(abs(each) < 1 for each in noise.reflection)


def test_a_reserved_coefficient_ends_the_model() -> None:
    assert len(comfort_noise.parse(bytes((60, 100, 255, 100))).reflection) == 1


def test_the_order_is_bounded() -> None:
    assert len(comfort_noise.parse(bytes((60,)) + bytes(1_400)).reflection) == MAX_ORDER


def test_an_empty_payload_is_none() -> None:
    with pytest.raises(WireError):
        comfort_noise.parse(b"")


@given(st.integers(0, 127), st.lists(st.integers(0, 254), max_size=MAX_ORDER))
def test_what_is_read_is_written(level: int, coefficients: list[int]) -> None:
    payload = bytes((level, *coefficients))
    assert comfort_noise.build(comfort_noise.parse(payload)) == payload


@pytest.mark.parametrize("noise", [ComfortNoise(-1), ComfortNoise(128), ComfortNoise(60, (1.0,))])
def test_what_does_not_fit_is_refused(noise: ComfortNoise) -> None:
    with pytest.raises(ValueError, match="out of range"):
        comfort_noise.build(noise)
