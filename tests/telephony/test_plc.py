import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony import pcm, tones
from offhook.telephony.plc import Concealer
from tests.signals import sine

FRAME = 160


def frames_of(audio: bytes) -> list[bytes]:
    return [audio[i : i + 2 * FRAME] for i in range(0, len(audio), 2 * FRAME)]


def through(frames: list[bytes], lost: set[int]) -> list[bytes]:
    concealer = Concealer()
    return [concealer.lost(FRAME) if i in lost else concealer.good(frame) for i, frame in enumerate(frames)]


def test_without_loss_nothing_changes() -> None:
    frames = frames_of(tones.noise(400, level_dbfs=-10))
    assert through(frames, set()) == frames


@pytest.mark.parametrize("frequency_hz", [80, 150, 220, 400, 1_000])
def test_one_lost_frame_of_a_tone_is_hardly_missed(frequency_hz: int) -> None:
    frames = frames_of(sine(frequency_hz, 600))
    result = through(frames, {20})
    assert pcm.level_dbfs(result[20]) == pytest.approx(-16, abs=1.5)
    # The appendix fades after 10 ms; up to there it is the tone itself.
    error = pcm.to_array(result[20])[:80].astype(int) - pcm.to_array(frames[20])[:80]
    assert pcm.level_dbfs(pcm.from_array(error)) < -16 - 14


def test_fades_to_silence_after_60_ms() -> None:
    frames = frames_of(sine(200, 600))
    levels = [pcm.level_dbfs(frame) for frame in through(frames, {10, 11, 12, 13, 14})[10:15]]
    assert levels[0] > levels[1] > levels[2] > levels[3]
    assert levels[0] > -18
    assert levels[3:] == [pcm.SILENCE_DBFS] * 2


@pytest.mark.parametrize("lost", [{10}, {10, 11}, {10, 11, 12, 13, 14, 15}])
def test_no_clicks_at_either_seam(lost: set[int]) -> None:
    frames = frames_of(sine(150, 600))
    step = np.abs(np.diff(pcm.to_array(b"".join(frames)).astype(int))).max()
    result = pcm.to_array(b"".join(through(frames, lost))).astype(int)
    assert np.abs(np.diff(result)).max() <= 1.3 * step


def test_after_the_cross_fade_the_first_frame_back_is_untouched() -> None:
    frames = frames_of(tones.noise(400, level_dbfs=-10))
    result = through(frames, {5, 6, 7, 8})
    assert result[9] != frames[9]
    assert result[9][2 * 30 :] == frames[9][2 * 30 :]
    assert result[10:] == frames[10:]


def test_loss_before_anything_came_is_silence() -> None:
    assert Concealer().lost(FRAME) == pcm.silence(FRAME)


def test_loss_in_silence_is_silence() -> None:
    frames = frames_of(tones.silence(400))
    assert through(frames, {10, 11}) == frames


def test_a_long_hole_in_one_piece_is_as_in_many() -> None:
    audio = sine(180, 100)
    at_once, in_pieces = Concealer(), Concealer()
    at_once.good(audio)
    in_pieces.good(audio)
    pieces = [7, 80, 1, 72, 160, 0, 320, 160]
    assert b"".join(map(in_pieces.lost, pieces)) == at_once.lost(sum(pieces))


def test_noise_stays_as_loud() -> None:
    frames = frames_of(tones.noise(400, level_dbfs=-30))
    result = through(frames, {10})
    assert pcm.level_dbfs(result[10][:160]) == pytest.approx(-30, abs=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 700)), max_size=12), st.floats(-60, 0))
def test_every_sample_is_accounted_for_and_never_louder(steps: list[tuple[bool, int]], level_dbfs: float) -> None:
    concealer = Concealer()
    loudest = 0
    for is_good, samples in steps:
        if is_good:
            frame = tones.noise(samples / 8, level_dbfs=level_dbfs)
            result = concealer.good(frame)
            loudest = max(loudest, int(np.abs(pcm.to_array(frame).astype(int)).max(initial=0)))
        else:
            result = concealer.lost(samples)
        assert pcm.samples_in(result) == samples
        assert np.abs(pcm.to_array(result).astype(int)).max(initial=0) <= loudest


def test_a_wide_stream_is_concealed_as_a_narrow_one() -> None:
    audio = tones.tones((200.0, 5_000.0), 200, rate_hz=16_000)
    concealer = Concealer(16_000)
    concealer.good(audio[: 2 * 1_600])
    made_up = pcm.to_array(concealer.lost(960)).astype(int)
    expected = pcm.to_array(audio)[1_600:2_560].astype(int)
    error = made_up[:160] - expected[:160]
    assert pcm.level_dbfs(pcm.from_array(error)) < pcm.level_dbfs(pcm.from_array(expected[:160])) - 14
    assert abs(made_up[959]) < 20
    assert concealer.lost(160) == pcm.silence(160)
