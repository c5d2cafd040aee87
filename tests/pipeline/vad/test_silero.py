from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.errors import EngineError
from pipeline.vad.engine import VadEngine
from pipeline.vad.silero import SileroVad
from tests.pipeline.vad.audio import frames, noise, phrase, silence

needs_model = pytest.mark.skipif(find_spec("silero_vad") is None, reason="silero-vad's model is not installed")


@needs_model
def test_tells_speech_from_silence_and_noise() -> None:
    engine: VadEngine = SileroVad()
    stream = engine.stream()
    before = [stream.infer(frame) for frame in frames(noise(8_000, -50))]
    spoken = [stream.infer(frame) for frame in frames(phrase())]
    after = [stream.infer(frame) for frame in frames(silence(8_000))]
    assert max(before) < 0.35
    assert sum(probability > 0.5 for probability in spoken) > 0.8 * len(spoken)
    assert max(after[8:]) < 0.1


@needs_model
def test_streams_do_not_disturb_each_other() -> None:
    engine = SileroVad()
    alone, one, other = engine.stream(), engine.stream(), engine.stream()
    expected = [alone.infer(frame) for frame in frames(phrase())]
    found = []
    for frame, disturbance in zip(frames(phrase()), frames(noise(len(phrase()), -20)), strict=True):
        found.append(one.infer(frame))
        other.infer(disturbance)
    assert found == expected


@needs_model
def test_a_batch_hears_what_single_streams_hear() -> None:
    engine = SileroVad()
    sounds = [phrase(), noise(len(phrase()), -30), phrase()[::-1], silence(len(phrase()))]
    singles, batched = [engine.stream() for _ in sounds], [engine.stream() for _ in sounds]
    for index, step in enumerate(zip(*map(frames, sounds), strict=True)):
        expected = [stream.infer(frame) for stream, frame in zip(singles, step, strict=True)]
        if index % 5 == 4:  # both ways take turns on the same streams
            found = [stream.infer(frame) for stream, frame in zip(batched, step, strict=True)]
        else:
            found = engine.infer_batch(batched, step)
        assert found == pytest.approx(expected, abs=1e-4)


@needs_model
def test_a_batch_has_a_frame_for_each_stream() -> None:
    engine = SileroVad()
    assert engine.infer_batch([], []) == []
    with pytest.raises(ValueError, match="1 streams, 0 frames"):
        engine.infer_batch([engine.stream()], [])


@needs_model
def test_reset_forgets() -> None:
    stream = SileroVad().stream()
    first = [stream.infer(frame) for frame in frames(phrase())]
    stream.reset()
    assert [stream.infer(frame) for frame in frames(phrase())] == first


@needs_model
@pytest.mark.parametrize("size", [0, 510, 514])
def test_refuses_frames_of_another_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"512 bytes, not {size}"):
        SileroVad().stream().infer(bytes(size))


def test_a_missing_model_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"No such file.*pip install") as caught:
        SileroVad(tmp_path / "model.onnx")
    assert caught.value.engine == "silero"


def test_a_missing_package_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"silero-vad is not installed.*pip install --no-deps silero-vad"):
        SileroVad()


def test_a_file_that_is_no_model_is_an_engine_error(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(EngineError, match="cannot be read"):
        SileroVad(path)
