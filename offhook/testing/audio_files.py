"""WAV files of the commands that call a bot: what the caller says, and what they heard. Raises UserError."""

import wave
from pathlib import Path

from offhook.testing.sip_caller import read_recording
from offhook.usererror import UserError

RATE_HZ = 8_000


def to_say(path: Path) -> bytes:
    """The 8 kHz mono 16-bit PCM of a file for --say."""
    try:
        return read_recording(path)
    except OSError as error:
        raise UserError(f"{path} cannot be said", error.strerror or str(error), "--say FILE", "--say") from error
    except (EOFError, wave.Error, ValueError) as error:
        todo = f"sox {path} -r 8000 -c 1 -b 16 other.wav, and --say other.wav"
        raise UserError(f"{path} cannot be said", str(error) or "it ends too soon", todo, "--say") from error


def save(path: Path, pcm: bytes) -> None:
    """Write 8 kHz mono 16-bit PCM to the file of --save."""
    try:
        with wave.open(str(path), "wb") as audio:
            audio.setnchannels(1)
            audio.setsampwidth(2)
            audio.setframerate(RATE_HZ)
            audio.writeframes(pcm)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written", error.strerror or str(error), "--save heard.wav", "--save"
        ) from error
