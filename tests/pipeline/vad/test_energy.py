import pytest

from offhook.pipeline.vad.energy import EnergyVad
from offhook.pipeline.vad.engine import VadEngine
from tests.pipeline.vad.audio import frames, noise, phrase, silence, tone


def test_loud_is_speech_and_quiet_is_not() -> None:
    engine: VadEngine = EnergyVad()
    stream = engine.stream()
    assert max(stream.infer(frame) for frame in frames(silence(4_000))) < 0.01
    spoken = [stream.infer(frame) for frame in frames(phrase())]
    assert sum(probability > 0.5 for probability in spoken) > 0.7 * len(spoken)


@pytest.mark.parametrize("dbfs", [-60, -50, -40])
def test_steady_noise_becomes_the_floor(dbfs: float) -> None:
    stream = EnergyVad().stream()
    assert max([stream.infer(frame) for frame in frames(noise(24_000, dbfs))][60:]) < 0.1
    loud = noise(2_560, dbfs) + tone(2_560)
    assert min(stream.infer(frame) for frame in frames(loud)) > 0.9


def test_reset_forgets_the_noise() -> None:
    stream = EnergyVad().stream()
    first = [stream.infer(frame) for frame in frames(phrase())]
    for frame in frames(noise(16_000, -36)):
        stream.infer(frame)
    stream.reset()
    assert [stream.infer(frame) for frame in frames(phrase())] == first


@pytest.mark.parametrize("size", [0, 510, 514])
def test_refuses_frames_of_another_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"512 bytes, not {size}"):
        EnergyVad().stream().infer(bytes(size))
