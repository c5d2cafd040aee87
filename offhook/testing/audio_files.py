"""WAV files of the commands that call a bot: what the caller says, and what they heard. Raises UserError."""

import struct
import wave
from pathlib import Path

import numpy as np

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.resample import MAX_RATE_HZ, Resampler
from offhook.testing.private_file import write_private
from offhook.testing.sip_caller import read_recording
from offhook.testing.wav_file import RATE_HZ, wav
from offhook.usererror import UserError

MAX_FILE_BYTES = 200_000_000

_LINEAR, _ALAW, _MULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_LAWS = {_ALAW: PCMA, _MULAW: PCMU}


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
    """16-bit mono PCM at 8 kHz of a WAV file: linear of 16 bits or G.711, any rate, any number of channels (their
    mean). Raises UserError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _unusable(path, f"it has more than {MAX_FILE_BYTES // 1_000_000} MB")
        pcm, rate_hz, channels = _parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read", error.strerror or str(error), "another file", "FILE") from error
    except (ValueError, struct.error) as error:
        raise _unusable(path, str(error)) from error
    whole = len(pcm) // (2 * channels) * 2 * channels
    mono = np.frombuffer(pcm[:whole], "<i2").reshape(-1, channels).mean(1).astype("<i2").tobytes()
    if rate_hz == RATE_HZ:
        return bytes(mono)
    resampler = Resampler(rate_hz, RATE_HZ)
    return resampler.push(mono) + resampler.flush()


def _parse(data: bytes) -> tuple[bytes, int, int]:
    """16-bit PCM, its rate and the number of channels. Raises ValueError, struct.error."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it is not a WAV file")
    at, layout = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            layout = struct.unpack_from("<HHIIHH", data, at + 8)
            if layout[0] == _EXTENSIBLE:
                layout = (*struct.unpack_from("<H", data, at + 8 + 24), *layout[1:])
        elif name == b"data":
            if layout is None:
                break
            return _decoded(data[at + 8 : at + 8 + size], layout)
        at += 8 + size + size % 2
    raise ValueError("it has no audio")


def _decoded(payload: bytes, layout: tuple[int, ...]) -> tuple[bytes, int, int]:
    kind, channels, rate_hz, _, _, bits = layout
    if not 1 <= channels <= 16 or not 1_000 <= rate_hz <= MAX_RATE_HZ:
        raise ValueError(f"it has {channels} channels at {rate_hz} Hz")
    if kind in _LAWS:
        return _LAWS[kind].decode(payload), rate_hz, channels
    if kind != _LINEAR or bits != 16:
        raise ValueError(f"its samples are not 16-bit or G.711 (format {kind}, {bits} bits)")
    return payload, rate_hz, channels


def _unusable(path: Path, why: str) -> UserError:
    return UserError(f"{path} cannot be read", why, f"sox {path} -r 8000 -c 1 -b 16 other.wav", "FILE")
