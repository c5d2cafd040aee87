"""WAV files of the commands that call a bot: what the caller says, and what they heard. Raises UserError."""

import wave
from pathlib import Path

from offhook.private_file import write_private
from offhook.telephony.resample import Resampler
from offhook.telephony.wav import read_wav
from offhook.testing.sip_caller import read_recording
from offhook.testing.wav_file import RATE_HZ, wav
from offhook.usererror import UserError

MAX_FILE_BYTES = 200_000_000


def to_say(path: Path) -> bytes:
    """The 8 kHz mono 16-bit PCM of a file for --say."""
    try:
        return read_recording(path)
    except OSError as error:
        raise UserError(f"{path} cannot be said", error.strerror or str(error), "--say FILE", "--say") from error
    except (EOFError, wave.Error, ValueError) as error:
        todo = f"sox {path} -r 8000 -c 1 -b 16 other.wav, and --say other.wav"
        raise UserError(f"{path} cannot be said", str(error) or "it ends too soon", todo, "--say") from error


def save(path: Path, pcm: bytes, option: str = "--save") -> None:
    """Write 8 kHz mono 16-bit PCM to the file that `option` names, which its owner alone may read: it has people's
    voices."""
    write_private(path, wav(pcm), option)


def read_speech(path: Path) -> bytes:
    """16-bit mono PCM at 8 kHz of a WAV file: linear of 8 or 16 bits or G.711, any rate, any number of channels (their
    mean). Raises UserError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _unusable(path, f"it has more than {MAX_FILE_BYTES // 1_000_000} MB")
        mono, rate_hz = read_wav(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read", error.strerror or str(error), "another file", "FILE") from error
    except ValueError as error:
        raise _unusable(path, str(error)) from error
    if rate_hz == RATE_HZ:
        return mono
    resampler = Resampler(rate_hz, RATE_HZ)
    return resampler.push(mono) + resampler.flush()


def _unusable(path: Path, why: str) -> UserError:
    return UserError(f"{path} cannot be read", why, f"sox {path} -r 8000 -c 1 -b 16 other.wav", "FILE")
