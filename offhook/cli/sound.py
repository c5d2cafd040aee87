"""Audio for commands that listen: WAV files, also those of phone systems, and the microphone. At 8 kHz."""

import asyncio
import importlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.resample import MAX_RATE_HZ, Resampler
from offhook.usererror import UserError

RATE_HZ = 8_000
PACKET_BYTES = 320  # 20 ms
MAX_FILE_BYTES = 200_000_000

_LINEAR, _ALAW, _MULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_LAWS = {_ALAW: PCMA, _MULAW: PCMU}


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


async def packets(pcm: bytes, speed: float = 1.0) -> AsyncIterator[bytes]:
    """The audio in packets of 20 ms, at `speed` times the pace of speech."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for at in range(0, len(pcm), PACKET_BYTES):
        await asyncio.sleep(max(0.0, began + (at + PACKET_BYTES) / (2 * RATE_HZ * speed) - loop.time()))
        yield pcm[at : at + PACKET_BYTES]


async def microphone() -> AsyncIterator[bytes]:
    """The default microphone in packets of 20 ms, without end. Raises UserError if there is none."""
    todo = "pip install 'offhook[mic]', and apt-get install libportaudio2 on Linux; or a WAV file instead of `mic`"
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:  # OSError: the package is there, PortAudio is not
        raise UserError("the microphone cannot be used", str(error), todo) from error
    loop = asyncio.get_running_loop()
    recorded: asyncio.Queue[bytes] = asyncio.Queue()

    def on_audio(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        loop.call_soon_threadsafe(recorded.put_nowait, bytes(data))

    try:
        stream = sounddevice.RawInputStream(
            samplerate=RATE_HZ, blocksize=PACKET_BYTES // 2, channels=1, dtype="int16", callback=on_audio
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        todo = "connect one, or choose one in the system's settings; or a WAV file instead of `mic`"
        raise UserError("no microphone can be used", str(error), todo) from error
    with stream:
        while True:
            yield await recorded.get()
