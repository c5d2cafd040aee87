"""WebRTC's audio processing (AEC3, noise suppression, gain control), through pywebrtc-audio (Apache-2.0).

An option for lines with much noise or very different loudness. It works on every packet of every call, speech or not.
"""

import importlib
from typing import Any, Protocol

import numpy as np

from offhook.pipeline.errors import EngineError

NAME = "webrtc"
RATE_HZ = 8_000
FRAME_SAMPLES = 80  # 10 ms
NOISE_SUPPRESSION_LEVEL = 1  # of 0 to 3: 12 dB; more costs the recogniser more than the noise does
MAX_GAIN_DB = 12.0  # a caller who is further away speaks up, too

_INSTALL = "Type: pip install 'offhook[apm]'"


class AudioProcessor(Protocol):
    """Something that makes one call's audio better before anybody listens to it."""

    def process(self, heard: bytes, sent: bytes) -> bytes:
        """The caller's next 16-bit PCM at 8 kHz, and what the bot sent in the same time; back comes as much audio."""
        ...


class WebrtcProcessor:
    """An AudioProcessor of one call. Raises EngineError when pywebrtc-audio is not installed."""

    def __init__(self) -> None:
        try:
            module: Any = importlib.import_module("pywebrtc_audio")
        except ImportError as error:
            raise EngineError(NAME, "cannot start", f"pywebrtc-audio is missing ({error})", _INSTALL) from error
        self._processor = module.AudioProcessor(
            sample_rate=RATE_HZ,
            echo_cancellation=True,
            noise_suppression=True,
            auto_gain_control=True,
            ns_level=NOISE_SUPPRESSION_LEVEL,
            agc_max_gain_db=MAX_GAIN_DB,
        )
        self._heard = b""
        self._sent = b""
        self._done = bytes(2 * FRAME_SAMPLES)  # one frame ahead, so that packets of any size come back as long

    def process(self, heard: bytes, sent: bytes) -> bytes:
        """Taken in frames of 10 ms; what comes back is 10 ms late, besides the algorithm's own delay.

        Raises ValueError when the two are not equally long.
        """
        if len(heard) != len(sent):
            raise ValueError(f"{len(heard)} bytes heard, {len(sent)} sent")
        self._heard += heard
        self._sent += sent
        whole = len(self._heard) // (2 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES
        if whole:
            near, far = (np.frombuffer(audio[:whole], "<i2") for audio in (self._heard, self._sent))
            self._done += self._processor.process(near, far).astype("<i2").tobytes()
            self._heard, self._sent = self._heard[whole:], self._sent[whole:]
        result, self._done = self._done[: len(heard)], self._done[len(heard) :]
        return result
