from pathlib import Path

import numpy as np
import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.silero import SileroVad
from tests.pipeline.vad.audio import frames, noise, phrase, silence

ROUNDING = 1e-4
"""Of a probability: kernels for batches of other sizes may round differently, and the network's memory adds it up."""


def test_tells_speech_from_silence_and_noise() -> None:
    engine: VadEngine = SileroVad()
    stream = engine.stream()
    before = [stream.infer(frame) for frame in frames(noise(8_000, -50))]
    spoken = [stream.infer(frame) for frame in frames(phrase())]
    after = [stream.infer(frame) for frame in frames(silence(8_000))]
    assert max(before) < 0.35
    assert sum(probability > 0.5 for probability in spoken) > 0.8 * len(spoken)
    assert max(after[8:]) < 0.1


def test_streams_do_not_disturb_each_other() -> None:
    engine = SileroVad()
    alone, one, other = engine.stream(), engine.stream(), engine.stream()
    expected = [alone.infer(frame) for frame in frames(phrase())]
    found = []
    for frame, disturbance in zip(frames(phrase()), frames(noise(len(phrase()), -20)), strict=True):
        found.append(one.infer(frame))
        other.infer(disturbance)
    assert found == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 33, 64])
def test_a_bank_agrees_with_single_streams(size: int) -> None:
    engine = SileroVad()
    kinds = [phrase(), noise(len(phrase()), -30), phrase()[::-1], silence(len(phrase()))]
    sounds = [frames(kinds[number % 4] / (1 + number // 4)) for number in range(size)]
    bank, singles = engine.bank(size), [engine.stream() for _ in sounds]
    order = np.random.default_rng(size).permutation(size)  # slots in any order
    for step in zip(*sounds, strict=True):
        expected = [stream.infer(frame) for stream, frame in zip(singles, step, strict=True)]
        pcm = np.frombuffer(b"".join(step[slot] for slot in order), "<i2").reshape(size, -1)
        assert bank.infer(order, pcm) == pytest.approx([expected[slot] for slot in order], abs=ROUNDING)


def test_a_bank_infers_some_of_its_streams_resets_and_grows() -> None:
    engine = SileroVad()
    bank, stream = engine.bank(2), engine.stream()
    expected = [stream.infer(frame) for frame in frames(phrase())]
    for number, frame in enumerate(frames(phrase())):
        slot = np.array([1, 0] if number % 3 else [1], np.intp)
        hiss = frames(noise(256, -20, number))[0]
        assert bank.infer(slot, np.frombuffer(frame + hiss, "<i2").reshape(2, -1)[: len(slot)])[0] == pytest.approx(
            expected[number], abs=ROUNDING
        )
        if number == 10:
            bank.grow(5)
        bank.reset(0)
    bank.reset(1)
    slots, pair = (
        np.array([4, 1], np.intp),
        [np.frombuffer(2 * frame, "<i2").reshape(2, -1) for frame in frames(phrase())],
    )
    for pcm, probability in zip(pair, expected, strict=True):
        assert bank.infer(slots, pcm) == pytest.approx([probability] * 2, abs=ROUNDING)


def test_reset_forgets() -> None:
    stream = SileroVad().stream()
    first = [stream.infer(frame) for frame in frames(phrase())]
    stream.reset()
    assert [stream.infer(frame) for frame in frames(phrase())] == first


@pytest.mark.parametrize("size", [0, 510, 514])
def test_refuses_frames_of_another_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"512 bytes, not {size}"):
        SileroVad().stream().infer(bytes(size))


def test_a_missing_model_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"No such file.*pip install") as caught:
        SileroVad(tmp_path / "model.onnx")
    assert caught.value.engine == "silero"


def test_a_build_without_the_model_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.pipeline.vad.silero.BUNDLED", tmp_path / "silero_vad.onnx")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"was not built.*pip install --force-reinstall offhook"):
        SileroVad()


def test_a_file_that_is_not_a_model_is_an_engine_error(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(EngineError, match="cannot be read"):
        SileroVad(path)
