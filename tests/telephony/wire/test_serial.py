import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.wire.serial import delta32

STARTS16 = (0, 1, 2, 127, 128, 255, 256, 32766, 32767, 32768, 32769, 65407, 65408, 65533, 65534, 65535)


@pytest.mark.parametrize("start", [value << 16 | 0xFFFF for value in STARTS16])
@pytest.mark.parametrize("step", [1, 160, 2**31 - 1])
def test_order_of_timestamps_survives_the_wrap(start: int, step: int) -> None:
    later = (start + step) & 0xFFFFFFFF
    assert delta32(later, start) == step
    assert delta32(start, later) == -step


def test_half_way_round_is_before() -> None:
    assert delta32(1 << 31, 0) == -(1 << 31)


@given(st.integers(0, 1 << 50), st.integers(-(1 << 31), (1 << 31) - 1))
def test_the_distance_of_timestamps_finds_the_number_again(near: int, off: int) -> None:
    assert near + delta32((near + off) & 0xFFFFFFFF, near) == near + off
