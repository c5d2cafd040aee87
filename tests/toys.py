"""The small models of tests/data/models (tools.toy_models makes them), and speech that they know."""

import wave
from pathlib import Path

from offhook.models.unpack import unpack
from offhook.telephony.resample import Downsampler

DATA = Path(__file__).parent / "data"


def unpacked(name: str, folder: Path) -> Path:
    """The model `name`, vosk or sherpa, in `folder`."""
    unpack(DATA / "models" / f"{name}-toy.tar.xz", folder / name)
    return folder / name / f"{name}-toy"


def spoken(name: str, before_s: float = 0.3, behind_s: float = 0.4) -> bytes:
    """One of tests/data/speech as 8 kHz PCM, with silence around it."""
    with wave.open(str(DATA / "speech" / f"{name}.wav")) as file:
        pcm = Downsampler().push(file.readframes(file.getnframes()))
    return silence(before_s) + pcm + silence(behind_s)


def silence(seconds: float) -> bytes:
    return bytes(2 * round(8_000 * seconds))
