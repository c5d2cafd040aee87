"""Silent frames skip the encoder: the decisions are those of a network that processes every frame."""

import numpy as np
import pytest

from offhook.pipeline.vad.engine import Pcm
from offhook.pipeline.vad.silero import SileroBank, SileroVad
from tests.pipeline.vad.audio import FRAME_SAMPLES, frames, phrase, silence, tone
from tests.pipeline.vad.corpus import dialogue
from tests.pipeline.vad.single import SingleGate
from tests.pipeline.vad.test_silero import ROUNDING

CALLS = 24
SECONDS = 20


def through(bank: SileroBank, calls: list[Pcm]) -> list[list[float]]:
    """The probabilities of all frames, [frame][call]."""
    slots = np.arange(len(calls))
    return [bank.infer(slots, np.stack(step)) for step in zip(*calls, strict=True)]


def alone(call: Pcm) -> list[float]:
    """The same from a network that processes every frame."""
    stream = SileroVad().stream()
    return [stream.infer(frame.tobytes()) for frame in call]


@pytest.mark.parametrize(
    ("codec", "noise_dbfs"), [("PCMU", None), ("PCMA", None), ("PCMU", -70), ("PCMU", -60), ("PCMU", -50)]
)
def test_on_a_corpus_every_decision_is_the_same(codec: str, noise_dbfs: float | None) -> None:
    calls = [dialogue(seed, SECONDS, noise_dbfs, codec) for seed in range(CALLS)]
    bank = SileroVad().bank(CALLS)
    found = through(bank, calls)
    starts = 0
    for number, call in enumerate(calls):
        expected = alone(call)
        assert [step[number] for step in found] == pytest.approx(expected, abs=ROUNDING)
        gate = SingleGate()
        for index, (frame, probability) in enumerate(zip(call, expected, strict=True)):
            starts += bool(gate.push(probability, frame.tobytes(), index * FRAME_SAMPLES))
    assert starts > CALLS
    silent = sum(bool((frame == frame[0]).all()) for call in calls for frame in call)
    if noise_dbfs is None:
        assert silent > CALLS * SECONDS * 31 * 0.4
        assert bank.silent_frames > 0.5 * silent
    else:
        assert bank.silent_frames <= silent


def test_silence_begins_when_the_whole_window_is_silent() -> None:
    sounds = [tone(2_560), silence(5_120), tone(2_600), silence(5_080)]
    call = np.stack([np.frombuffer(frame, "<i2") for frame in frames(np.concatenate(sounds))])
    bank = SileroVad().bank(1)
    assert [step[0] for step in through(bank, [call])] == pytest.approx(alone(call), abs=ROUNDING)
    # The first time there is still sound in the context of the first of 20 frames; the second time, there are 19.
    assert bank.silent_frames == 19 + 19


@pytest.mark.parametrize("value", [-8, 0, 8])
def test_the_silences_of_both_codecs_are_known(value: int) -> None:
    call = np.full((10, FRAME_SAMPLES), value, np.int16)
    bank = SileroVad().bank(1)
    assert [step[0] for step in through(bank, [call])] == pytest.approx(alone(call), abs=ROUNDING)
    assert bank.silent_frames == (10 if value == 0 else 9)


@pytest.mark.parametrize("value", [-9, 1, 16, 8_000, -32_768])
def test_a_constant_other_than_silence_is_inferred(value: int) -> None:
    call = np.full((10, FRAME_SAMPLES), value, np.int16)
    bank = SileroVad().bank(1)
    assert [step[0] for step in through(bank, [call])] == pytest.approx(alone(call), abs=ROUNDING)
    assert bank.silent_frames == 0


def test_one_sample_makes_a_sound() -> None:
    call = np.zeros((6, FRAME_SAMPLES), np.int16)
    call[2, 100] = 8
    bank = SileroVad().bank(1)
    assert [step[0] for step in through(bank, [call])] == pytest.approx(alone(call), abs=ROUNDING)
    assert bank.silent_frames == 5


def test_silent_frames_are_separated_only_if_most_are_silent() -> None:
    loud = np.stack([np.frombuffer(frame, "<i2") for frame in frames(phrase())])
    quiet = np.zeros_like(loud)
    for silent in (4, 5):
        bank = SileroVad().bank(8)
        found = through(bank, [quiet] * silent + [loud] * (8 - silent))
        assert (bank.silent_frames >= silent * len(loud)) is (silent == 5)
        assert [step[0] for step in found] == pytest.approx(alone(quiet), abs=ROUNDING)
        assert [step[-1] for step in found] == pytest.approx(alone(loud), abs=ROUNDING)
