"""WebRTC's audio processing (AEC3, noise suppression, gain control), through pywebrtc-audio (Apache-2.0).

An option for very noisy lines or widely varying levels. It processes every packet of every call, speech or not.
"""

import importlib
from typing import Any, Protocol

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import NARROW_HZ

NAME = "webrtc"
FRAME_SAMPLES = 80  # 10 ms
NOISE_SUPPRESSION_LEVEL = 1  # 0 to 3, this is 12 dB; more costs the recogniser more than the noise does
MAX_GAIN_DB = 12.0  # callers who are further away speak up

_INSTALL = "Type: pip install 'offhook[apm]'"


class AudioProcessor(Protocol):
    """Processes the audio of one call before it is used."""

    def process(self, received: bytes, sent: bytes) -> bytes:
        """Take the caller's next 16-bit PCM at 8 kHz and what the bot sent meanwhile; returns as much audio."""
        ...


class WebrtcProcessor:
    """An AudioProcessor for one call. Raises EngineError if pywebrtc-audio is not installed."""

    def __init__(self) -> None:
        try:
            module: Any = importlib.import_module("pywebrtc_audio")
        except ImportError as error:
            raise EngineError(NAME, "cannot start", f"pywebrtc-audio is missing ({error})", _INSTALL) from error
        self._processor = module.AudioProcessor(
            sample_rate=NARROW_HZ,
            echo_cancellation=True,
            noise_suppression=True,
            auto_gain_control=True,
            ns_level=NOISE_SUPPRESSION_LEVEL,
            agc_max_gain_db=MAX_GAIN_DB,
        )
        self._received = b""
        self._sent = b""
        self._done = bytes(2 * FRAME_SAMPLES)  # one frame ahead, so that a packet of any size yields as much

    def process(self, received: bytes, sent: bytes) -> bytes:
        """Process in frames of 10 ms; output is 10 ms late, in addition to the algorithm's own delay.

        Raises ValueError if the two differ in length.
        """
        if len(received) != len(sent):
            raise ValueError(f"{len(received)} bytes received, {len(sent)} sent")
        self._received += received
        self._sent += sent
        whole = len(self._received) // (2 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES
        if whole:
            near, far = (np.frombuffer(audio[:whole], "<i2") for audio in (self._received, self._sent))
            self._done += self._processor.process(near, far).astype("<i2").tobytes()
            self._received, self._sent = self._received[whole:], self._sent[whole:]
        result, self._done = self._done[: len(received)], self._done[len(received) :]
        return result
