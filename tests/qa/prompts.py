"""Recordings that play a foreign IVR's prompts, of two voices."""

import shutil
from importlib.resources import files
from pathlib import Path

from offhook.qa.caller.clips import trimmed
from offhook.testing.audio_files import read_speech

FILES = {
    "greeting": "bench/reply.wav",
    "hours": "caller/opening-hours.wav",
    "balance": "caller/check-my-balance.wav",
    "goodbye": "caller/goodbye.wav",
}


def source(name: str) -> Path:
    return Path(str(files("offhook").joinpath("assets", *FILES[name].split("/"))))


def prompt(name: str) -> bytes:
    return trimmed(read_speech(source(name)), name)


def copied_to(folder: Path) -> Path:
    for name in FILES:
        shutil.copy(source(name), folder / f"{name}.wav")
    return folder
