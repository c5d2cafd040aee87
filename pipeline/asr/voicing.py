"""Whether there is a voice in a sound: vowels repeat with the pitch, coughs, breath, wind and clicks do not.

Every answer has a vowel. Over phone lines with noise 10 dB below the speech, 85 phrases of human speakers had 0.65 or
more; coughs, breaths and clicks 0.2 to 0.4, wind up to 0.54. Knocks, tones, music and laughter have a pitch too.
"""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
WINDOW, HOP = 320, 160  # samples at 8 kHz: 40 and 20 ms
SHORTEST, LONGEST = 20, 125  # periods in samples at 8 kHz: 400 to 64 Hz
SIZE = 1_024
AUDIBLE = 0.05
"""Of the loudest window's power: quieter windows do not count."""

_window = np.hanning(WINDOW).astype(np.float32)
_own = np.fft.irfft(np.abs(np.fft.rfft(_window, SIZE)) ** 2)[:LONGEST]
_own /= _own[0]


def voicing(pcm: NDArray[np.int16]) -> float:
    """About 1 for a clear voice, 0.2 to 0.5 for sounds without one: the autocorrelation at the pitch of the quarter of
    the audible windows that have most of it. Takes 16-bit PCM at 16 kHz; 0 for less than a window."""
    samples = pcm[::2].astype(np.float32)
    if len(samples) < WINDOW:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    windows = windows - windows.mean(1, keepdims=True)
    power = (windows * windows).mean(1)
    audible = windows[power >= max(1.0, AUDIBLE * float(power.max()))] * _window
    if not len(audible):
        return 0.0
    correlation = np.fft.irfft(np.abs(np.fft.rfft(audible, SIZE)) ** 2)[:, :LONGEST]
    at_pitch = (correlation[:, SHORTEST:] / correlation[:, :1] / _own[SHORTEST:]).max(1)
    return float(np.sort(at_pitch)[-max(1, len(at_pitch) // 4) :].mean())
