import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.records.wav import MAX_SAMPLES, RATE_HZ, WINDOW_SAMPLES, StereoTimeline, header


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


def apply(image: bytearray, pieces: list[tuple[int, bytes]]) -> None:
    for at_tick, data in pieces:
        end = at_tick * 4 + len(data)
        image.extend(bytes(max(0, end - len(image))))
        image[at_tick * 4 : end] = data


def samples(image: bytearray) -> list[list[int]]:
    return [[int(left), int(right)] for left, right in np.frombuffer(bytes(image), "<i2").reshape(-1, 2)]


def test_the_header_is_what_others_read() -> None:
    data = pcm(1, 2, 3, 4)
    with wave.open(io.BytesIO(header(len(data)) + data)) as file:
        assert file.getparams()[:4] == (2, 2, 8_000, 2)
        assert file.readframes(2) == data


def test_two_channels_and_silence_between() -> None:
    line, image = StereoTimeline(), bytearray()
    assert line.put(0, pcm(1, 2), 0)
    assert line.put(1, pcm(9), 3)
    apply(image, line.take())
    assert samples(image) == [[1, 0], [2, 0], [0, 0], [0, 9]]
    assert line.take() == []


def test_a_late_piece_changes_what_was_written() -> None:
    line, image = StereoTimeline(), bytearray()
    line.put(0, pcm(1, 2, 3), 0)
    apply(image, line.take())
    assert line.put(1, pcm(7), 1)
    pieces = line.take()
    assert pieces[0][0] == 1
    apply(image, pieces)
    assert samples(image) == [[1, 0], [2, 7], [3, 0]]


def test_what_comes_later_than_the_window_is_counted() -> None:
    line, image = StereoTimeline(), bytearray()
    line.put(0, pcm(*[5] * (WINDOW_SAMPLES + 10)), 0)
    apply(image, line.take())
    assert not line.put(1, pcm(1, 2, 3), 8)
    assert line.late_samples == 2
    apply(image, line.take())
    assert samples(image)[8:12] == [[5, 0], [5, 0], [5, 3], [5, 0]]


def test_hours_of_silence_cost_nothing() -> None:
    line = StereoTimeline()
    later = 3 * 3_600 * RATE_HZ
    line.put(0, pcm(1), 0)
    assert line.put(0, pcm(2), later)
    assert line.put(1, pcm(3), later - 1)
    first, second = line.take()
    assert first == (0, pcm(1, 0))
    assert len(second[1]) <= 4 * (WINDOW_SAMPLES + 1)
    assert second[0] + len(second[1]) // 4 == later + 1
    assert second[1].endswith(pcm(0, 0, 0, 3, 2, 0))
    assert not any(second[1][:-8])


@pytest.mark.parametrize("at_tick", [-1, MAX_SAMPLES - 1, MAX_SAMPLES, 2**40, -(2**40)])
def test_beyond_the_limits_is_refused_but_what_fits_is_kept(at_tick: int) -> None:
    line = StereoTimeline()
    assert not line.put(0, pcm(1, 2), at_tick)
    assert line.end in (0, 1, MAX_SAMPLES)
    assert sum(len(data) for _, data in line.take()) <= 4 * (WINDOW_SAMPLES + 1)


def test_nothing_and_half_a_sample() -> None:
    line = StereoTimeline()
    assert line.put(0, b"", 100)
    assert line.put(0, b"\x01", 100)
    assert line.take() == []
    assert line.put(0, b"\x01\x00\xff", 0)
    assert line.take() == [(0, pcm(1, 0))]


PIECES = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 3_000),
        st.lists(st.integers(-32_768, 32_767), max_size=40),
        st.booleans(),
    ),
    max_size=30,
)


@given(PIECES)
def test_any_order_makes_the_same_as_a_plain_array(pieces: list[tuple[int, int, list[int], bool]]) -> None:
    line, image = StereoTimeline(), bytearray()
    expected = np.zeros((3_100, 2), np.int16)
    end = 0
    for channel, at_tick, values, take in pieces:
        assert line.put(channel, pcm(*values), at_tick)
        expected[at_tick : at_tick + len(values), channel] = values
        end = max(end, at_tick + len(values)) if values else end
        if take:
            apply(image, line.take())
    apply(image, line.take())
    assert samples(image) == expected[:end].tolist()
