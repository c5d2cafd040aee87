"""Audio for commands that listen: WAV files, also those of phone systems, and the microphone. At 8 kHz."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from typing import Any

from offhook.usererror import UserError

RATE_HZ = 8_000
PACKET_BYTES = 320  # 20 ms


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
