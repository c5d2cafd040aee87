"""Conversations to detect speech in: sentences of several voices, pauses, levels and noises, through mu-law."""

import wave
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt

from offhook.pipeline.vad.loudness import amplitude
from offhook.telephony.codec.base import codec_named
from tests.pipeline.vad.audio import FRAME_SAMPLES, Samples, phrase
from tests.pipeline.voices import spoken

VOICES = ("en-us", "en-gb-x-rp+f3", "en-gb-scotland+m4", "de+f3", "it", "es+m4")
TEXTS = ("yes", "no", "my balance please", "what are your opening hours", "seven four nine two", "thank you goodbye")
MOST_DBFS, LEAST_DBFS = -12.0, -40.0  # peaks of the sentences
LONGEST_PAUSE_S, SHORTEST_PAUSE_S = 8.0, 0.3


@lru_cache
def sentences() -> tuple[Samples, ...]:
    """The recorded ones, and those spoken by espeak-ng."""
    folder = files("offhook").joinpath("assets", "caller")
    recorded = [_read(path.read_bytes()) for path in sorted(folder.iterdir(), key=lambda path: path.name)]
    return phrase(), *recorded, *spoken(VOICES, TEXTS)


def dialogue(seed: int, seconds: int, noise_dbfs: float | None, codec: str = "PCMU") -> npt.NDArray[np.int16]:
    """Frames of int16, [frames, 256]. Without noise the pauses are digital silence."""
    rng = np.random.default_rng(seed)
    parts: list[Samples] = []
    while sum(map(len, parts)) < 8_000 * seconds:
        sentence = sentences()[int(rng.integers(len(sentences())))]
        level = amplitude(rng.uniform(LEAST_DBFS, MOST_DBFS)) / np.abs(sentence).max()
        parts += [np.zeros(int(8_000 * rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S))), sentence * level]
    audio = np.concatenate(parts)[: 8_000 * seconds // FRAME_SAMPLES * FRAME_SAMPLES]
    if noise_dbfs is not None:
        audio = audio + rng.normal(size=len(audio)) * amplitude(noise_dbfs)
    coder = codec_named(codec)
    pcm = coder.decode(coder.encode(audio.clip(-32_768, 32_767).astype("<i2").tobytes()))
    return np.frombuffer(pcm, "<i2").reshape(-1, FRAME_SAMPLES)


def _read(data: bytes) -> Samples:
    with wave.open(BytesIO(data)) as reader:
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2").astype(np.float64)
