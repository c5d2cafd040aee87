"""Chunks of any size to pieces of payload: the same audio and words, whatever the chunks."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.tts.clip import Clip, joined
from offhook.pipeline.tts.engine import SpeechChunk, Word
from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.tts.pace import Pace, spread
from offhook.pipeline.tts.pieces import PieceMaker
from offhook.telephony.codec import LINEAR16, PCMU
from offhook.telephony.resample import Resampler
from tests.signals import resample

TEXT = "Mind the gap"
RATES = st.sampled_from([(8_000, 8_000), (16_000, 8_000), (22_050, 8_000), (24_000, 16_000), (8_000, 16_000)])


def noise(samples: int) -> bytes:
    return np.random.default_rng(7).integers(-9_000, 9_000, samples).astype("<i2").tobytes()


def maker(
    source_hz: int, line_hz: int, encode: Callable[[bytes], bytes] = bytes, pace: Pace | None = None, text: str = TEXT
) -> PieceMaker:
    resampler = None if source_hz == line_hz else Resampler(source_hz, line_hz)
    return PieceMaker(text, normalize(text), source_hz, line_hz, encode, resampler, pace)


def made(maker: PieceMaker, chunks: list[SpeechChunk]) -> list[Clip]:
    return [piece for piece in [*map(maker.push, chunks), maker.finish()] if piece is not None]


def cut(pcm: bytes, sizes: list[int], words: tuple[Word, ...] = ()) -> list[SpeechChunk]:
    chunks: list[SpeechChunk] = []
    at = 0
    for size in sizes:
        chunks.append(SpeechChunk(pcm[at : at + size], () if chunks else words))
        at += size
    return [*chunks, SpeechChunk(pcm[at:], () if chunks else words)]


@given(RATES, st.integers(0, 3_000), st.lists(st.integers(0, 900), max_size=12))
def test_the_audio_is_that_of_the_whole(rates: tuple[int, int], samples: int, sizes: list[int]) -> None:
    source_hz, line_hz = rates
    pcm = noise(samples)
    pieces = made(maker(*rates), cut(pcm, sizes))
    whole = resample(pcm, source_hz, line_hz)
    whole += bytes(-len(whole) % (line_hz // 4_000))
    got = b"".join(piece.payload for piece in pieces)
    assert len(got) == len(whole)
    difference = np.frombuffer(got, "<i2").astype(int) - np.frombuffer(whole, "<i2")
    assert np.abs(difference).max(initial=0) <= 1  # the order of a sum
    assert all(piece.ticks == len(piece.payload) * 8_000 // line_hz // 2 for piece in pieces)
    assert all(piece.ticks and piece.ticks % 160 == 0 for piece in pieces[:-1])


@pytest.mark.parametrize("line_hz", [8_000, 16_000])
def test_an_encoding_is_that_of_the_whole(line_hz: int) -> None:
    encode = PCMU.encode if line_hz == 8_000 else LINEAR16.encode
    pcm = noise(3_001)
    pieces = made(maker(line_hz, line_hz, encode), cut(pcm, [1, 320, 641, 2]))
    assert b"".join(piece.payload for piece in pieces) == encode(pcm)


@given(RATES, st.lists(st.integers(0, 900), max_size=12))
def test_words_are_where_they_are_in_the_whole(rates: tuple[int, int], sizes: list[int]) -> None:
    source_hz, _ = rates
    second = source_hz // 10
    words = (
        Word("Mind", 0, 4, 0, second),
        Word("the", 5, 8, second, 2 * second),
        Word("gap", 9, 12, 2 * second, 9 * second),
    )
    pieces = made(maker(*rates), cut(noise(3 * second), sizes, words))
    assert joined(pieces).words == (
        Word("Mind", 0, 4, 0, 800),
        Word("the", 5, 8, 800, 1_600),
        Word("gap", 9, 12, 1_600, 2_400),  # not behind the audio
    )
    assert all(word.end_sample <= piece.ticks for piece in pieces for word in piece.words)


def test_a_word_without_a_position_in_the_text_is_dropped() -> None:
    words = (Word("Mind", 0, 4, 0, 80), Word("?", 4, 4, 80, 90), Word("?", 9, 99, 80, 90))
    assert [word.text for word in joined(made(maker(8_000, 8_000), [SpeechChunk(bytes(320), words)])).words] == ["Mind"]


def test_a_piece_comes_with_the_first_frame_that_is_whole() -> None:
    pieces = maker(8_000, 8_000)
    assert pieces.push(SpeechChunk(bytes(319))) is None
    assert pieces.push(SpeechChunk(b"\0")) == Clip(bytes(320), 160)
    assert pieces.push(SpeechChunk(bytes(10))) is None
    assert pieces.finish() == Clip(bytes(10), 5, tuple(w for w in Clip(b"", 0, spread(TEXT, 165)).moved(-160)))


def test_without_words_and_audio_there_is_nothing() -> None:
    for pace in (None, Pace()):
        assert made(maker(16_000, 8_000, pace=pace), [SpeechChunk(b"")]) == []


@pytest.mark.parametrize("ticks_per_char", [300, 550, 900])
def test_positions_are_estimated_by_pace_and_corrected_at_the_end(ticks_per_char: int) -> None:
    pace = Pace()
    text = "Please hold the line while we look for a person"
    total = len(text) * ticks_per_char // 160 * 160
    chunks = [SpeechChunk(bytes(320)) for _ in range(total // 160)]
    pieces = made(maker(8_000, 8_000, pace=pace, text=text), chunks)
    words = joined(pieces).words
    assert [word.text for word in words] == text.split()
    assert all(a.end_sample <= b.start_sample for a, b in pairwise(words))
    assert words[-1].end_sample == total
    # The next one goes by what was learned.
    again = joined(made(maker(8_000, 8_000, pace=pace, text=text), chunks)).words
    assert again[:-1] == spread(text, total)[:-1]
    assert all(text[word.char_start : word.char_end] == word.text for word in again)
