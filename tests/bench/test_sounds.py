"""The sounds of the measurements are sounds, and recordings are read as they are."""

import io
import struct
import wave

import numpy as np
import pytest

from bench.nonspeech import FITTED, HELD_OUT
from bench.nonspeech_around import AROUND
from bench.nonspeech_held_out import FRESH
from bench.phone_line import read_narrow, riff_chunks, wav_narrow
from bench.recorded_sounds import sound_font
from bench.waves import RATE_HZ, Make

ALL = (*FITTED, *HELD_OUT, *AROUND, *FRESH)


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_sound_is_audible_and_of_a_turns_length(make: Make) -> None:
    for seed in range(5):
        sound = make(np.random.default_rng(seed))
        assert np.isfinite(sound).all()
        assert sound.std() > 0
        assert 0.1 < len(sound) / RATE_HZ < 5.0
        assert np.abs(read_narrow(sound).astype(int)).max() > 500


def test_no_sound_is_in_two_sets() -> None:
    assert len({make.__name__ for make in ALL}) == len(ALL)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def header(name: bytes, begin: int, end: int, rate_hz: int) -> bytes:
    return struct.pack("<20s5IBbHH", name, begin, end, begin, end, rate_hz, 60, 0, 0, 1)


def test_one_sample_of_each_instrument_is_read_from_a_sound_font() -> None:
    pcm = np.arange(40_000, dtype="<i2")
    headers = [header(b"Flute C4", 0, 10_000, 22_050), header(b"Flute D4", 10_000, 20_000, 22_050)]
    headers += [header(b"Drum", 20_000, 40_000, 44_100), header(b"Tick", 0, 100, 44_100), header(b"EOS", 0, 0, 0)]
    lists = chunk(b"LIST", b"sdta" + chunk(b"smpl", pcm.tobytes()))
    lists += chunk(b"LIST", b"pdta" + chunk(b"shdr", b"".join(headers)))
    found = list(sound_font(chunk(b"RIFF", b"sfbk" + lists)))
    assert [(name, rate_hz, len(samples)) for name, rate_hz, samples in found] == [
        ("Flute C4", 22_050, 10_000),
        ("Drum", 44_100, 20_000),
    ]
    assert found[1][2][0] == 20_000


def test_chunks_of_odd_length_are_padded() -> None:
    assert list(riff_chunks(chunk(b"odd ", b"abc") + chunk(b"next", b"d"))) == [(b"odd ", b"abc"), (b"next", b"d")]


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2)])
def test_a_wav_file_of_any_kind_becomes_narrow(width: int, channels: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(11_025) / 11_025)
    samples = (128 + 100 * tone).astype(np.uint8) if width == 1 else (20_000 * tone).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(11_025)
        writer.writeframes(np.repeat(samples, channels).tobytes())
    narrow = wav_narrow(file.getvalue()).astype(float)
    assert len(narrow) == 8_000
    expected = 23_000 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000)
    assert np.abs(narrow - expected)[400:-400].max() < 600
