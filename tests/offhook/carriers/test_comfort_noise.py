"""The detectors do not take comfort noise for speech."""

import pytest

from offhook.pipeline.vad.energy import EnergyVad
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.silero import SileroVad
from offhook.telephony.rtp.comfort_noise import NoiseGenerator
from offhook.telephony.wire.comfort_noise import ComfortNoise

FRAME_SAMPLES = 256
SECONDS = 10
COLOURS = {"white": (), "low": (-0.9,), "room": (-0.95, 0.6, -0.2, 0.1), "hiss": (0.8,)}


def probabilities(engine: VadEngine, noise: ComfortNoise) -> list[float]:
    """A detector's probabilities for a pause, frame by frame, after its first quarter of a second."""
    stream, generator = engine.stream(), NoiseGenerator()
    found = [stream.infer(generator.make(noise, FRAME_SAMPLES)) for _ in range(SECONDS * 8_000 // FRAME_SAMPLES)]
    return found[8:]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("level", [30, 40, 50, 60, 70])
def test_silero_hears_no_speech_in_it(level: int, colour: str) -> None:
    # 0.3 is `vad.barge_in_threshold`, where the bot would pause.
    assert max(probabilities(SileroVad(), ComfortNoise(level, COLOURS[colour]))) < 0.3


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("level", [55, 60, 70, 127])
def test_the_detector_by_loudness_hears_none_either(level: int, colour: str) -> None:
    assert max(probabilities(EnergyVad(), ComfortNoise(level, COLOURS[colour]))) < 0.5
