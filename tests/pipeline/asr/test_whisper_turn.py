"""What is decoded when, and that no audio is lost or doubled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.asr.whisper_turn import RATE_HZ, Recognised, TurnAudio, Work, cut_at

RNG = np.random.default_rng(3)


def sound(seconds: float, level: float = 2_000.0) -> bytes:
    return RNG.normal(scale=level, size=round(seconds * RATE_HZ)).astype("<i2").tobytes()


def turn(*pieces: bytes, window_s: float = 15.0) -> TurnAudio:
    audio = TurnAudio(window_s)
    for piece in pieces:
        audio.push(piece)
    return audio


def test_nothing_is_decoded_before_anything_was_said() -> None:
    audio = turn(sound(3.0, level=8.0))
    assert audio.due() is None
    assert not audio.is_audible
    audio.ended = True
    assert audio.due() is Work.FINAL


def test_partials_are_due_every_half_second() -> None:
    audio = turn(sound(0.4))
    assert audio.due() is None
    audio.push(sound(0.1))
    assert audio.due() is Work.PARTIAL
    audio.mark_partial()
    assert audio.due() is None
    audio.push(sound(0.48))
    assert audio.due() is None
    audio.push(sound(0.02))
    assert audio.due() is Work.PARTIAL


def test_a_pause_is_decoded_once_and_its_result_kept_while_it_lasts() -> None:
    audio = turn(sound(1.0), sound(0.2, level=20))
    assert audio.due() is Work.PAUSE
    audio.add_prepared(Recognised("yes"))
    audio.push(sound(0.6, level=20))
    assert audio.due() is None
    assert audio.prepared == Recognised("yes")
    audio.push(sound(0.1))
    assert audio.prepared is None
    audio.push(sound(0.2, level=20))
    assert audio.due() is Work.PAUSE


def test_the_end_is_more_urgent_than_anything() -> None:
    audio = turn(sound(16.0))
    assert audio.due() is Work.PIECE
    audio.ended = True
    assert audio.due() is Work.FINAL
    assert min(Work) is Work.FINAL and max(Work) is Work.PARTIAL


def test_long_speech_is_cut_in_a_pause() -> None:
    audio = turn(sound(9.0), sound(0.4, level=10), sound(7.0))
    piece = audio.take_piece()
    assert 9.0 < len(piece) / RATE_HZ < 9.4
    assert audio.due() is Work.PARTIAL


@given(st.lists(st.integers(1, 9_000), min_size=20, max_size=60))
def test_pieces_and_rest_are_the_audio(sizes: list[int]) -> None:
    audio = TurnAudio(1.0)
    whole = RNG.integers(-3_000, 3_000, sum(sizes)).astype("<i2").tobytes()
    taken, at = b"", 0
    for size in sizes:
        audio.push(whole[2 * at : 2 * (at + size)])
        at += size
        while audio.due() is Work.PIECE:
            taken += audio.take_piece().tobytes()
            audio.add_piece(Recognised("piece"))
    assert taken + audio.samples.tobytes() == whole
    assert audio.waiting_bytes < 2 * RATE_HZ + 18_000


def test_odd_bytes_wait_for_their_other_half() -> None:
    data = sound(1.0)
    audio = turn(*(data[at : at + 333] for at in range(0, len(data), 333)))
    assert audio.samples.tobytes() == data
    assert audio.due() is Work.PARTIAL


def test_results_of_pieces_are_joined_with_their_times() -> None:
    audio = turn(sound(8.0), sound(0.5, level=10), sound(8.0))
    piece_s = len(audio.take_piece()) / RATE_HZ
    audio.add_piece(Recognised("my name is", 0.9, (RecognisedWord("my", 0.5, 0.7),), weight=8.0))
    last = Recognised("Lena", 0.5, (RecognisedWord("Lena", 0.25, 0.75, 0.5),), weight=2.0)
    result = audio.result_with(last)
    assert result.text == audio.text_with(last) == "my name is Lena"
    assert result.confidence == pytest.approx(0.82)
    assert [word.start_s for word in result.words] == [0.5, pytest.approx(piece_s + 0.25)]
    assert audio.result_with(Recognised()).text == "my name is"


def test_nothing_said_has_no_confidence_in_it() -> None:
    assert TurnAudio(15.0).result_with(Recognised()) == Recognised()


@pytest.mark.parametrize("level", [0.0, 2_000.0])
def test_even_speech_is_cut_somewhere_in_its_second_half(level: float) -> None:
    samples: NDArray[np.int16] = np.frombuffer(sound(10.0, level), np.int16)
    assert 5.0 <= cut_at(samples) / RATE_HZ <= 10.0
