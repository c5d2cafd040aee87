"""What a caller received, in its place in time."""

import pytest

from offhook.testing.received import Received

TONE = b"\x00\x10" * 800
"""A tenth of a second."""


def received(*pieces: tuple[bytes, int]) -> Received:
    """Audio at these ticks of a call that began at 10 s."""
    found = Received()
    for pcm, at_tick in pieces:
        found.on_audio(pcm, at_tick, 10.0 + (at_tick + len(pcm) // 2) / 8_000)
    return found


def test_what_never_came_is_silence() -> None:
    found = received((TONE, 0), (TONE, 1_600))
    assert found.pcm == TONE + bytes(1_600) + TONE
    assert found.until(10.1) == TONE
    assert found.between(10.1, 10.2) == bytes(1_600)


def test_spurts_and_the_silences_between_two_moments() -> None:
    found = received((TONE, 0), (TONE, 1_600), (TONE, 8_000))
    assert found.spurts() == [pytest.approx(each) for each in ((10.0, 10.1), (10.2, 10.3), (11.0, 11.1))]
    assert found.spurts(0.2) == [pytest.approx(each) for each in ((10.0, 10.3), (11.0, 11.1))]
    assert found.silences(10.25, 12.0) == pytest.approx([0.0, 0.7, 0.9])
    assert found.silences(10.4, 10.9) == pytest.approx([0.5])


def test_what_comes_late_has_its_place() -> None:
    assert received((b"aabb", 10), (b"dd", 14), (b"cc", 12)).pcm == b"aabbcc" + bytes(2) + b"dd"


def test_nothing() -> None:
    found = Received()
    assert found.pcm == b"" and found.spurts() == [] and found.silences(1.0, 3.0) == [2.0]


def test_the_first_audio_may_come_late() -> None:
    assert received((TONE, 4_000)).spurts() == [pytest.approx((10.5, 10.6))]
