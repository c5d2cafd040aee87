"""Speech with packets missing from it, concealed by us and by G.711 Appendix I, and how far each is from the truth."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from offhook.telephony import pcm
from offhook.telephony.codec import PCMU
from offhook.telephony.plc import Concealer
from tests.signals import resample
from tests.telephony import appendix_i

Floats = npt.NDArray[np.float64]
Conceal = Callable[[bytes, list[bool]], bytes]

FRAME = 160
ROOT = Path(__file__).parents[2]
RECORDINGS = {
    "check my balance": ROOT / "offhook/assets/caller/check-my-balance.wav",
    "goodbye": ROOT / "offhook/assets/caller/goodbye.wav",
    "opening hours": ROOT / "offhook/assets/caller/opening-hours.wav",
    "four two seven": ROOT / "tests/data/speech/four_two_seven.wav",
}
"""What is said, in whole packets of 20 ms through G.711."""


def recording(words: str) -> bytes:
    with wave.open(str(RECORDINGS[words])) as file:
        audio, rate_hz = file.readframes(file.getnframes()), file.getframerate()
    if rate_hz != pcm.RATE_HZ:
        audio = resample(audio, rate_hz, pcm.RATE_HZ)
    whole = len(audio) // (2 * FRAME) * 2 * FRAME
    return PCMU.decode(PCMU.encode(audio[:whole]))


def losses(packets: int, share: float, run: int, rng: np.random.Generator) -> list[bool]:
    """Which packets are lost: at random, or in runs of `run` packets in the mean (Gilbert's model)."""
    lost, now = [], False
    leave = 1 / run
    enter = share * leave / (1 - share)
    for _ in range(packets):
        now = rng.random() < share if run == 1 else rng.random() >= leave if now else rng.random() < enter
        lost.append(bool(now))
    return lost


def by_us(audio: bytes, lost: list[bool]) -> bytes:
    concealer = Concealer()
    frames = [audio[i : i + 2 * FRAME] for i in range(0, len(audio), 2 * FRAME)]
    return b"".join(
        concealer.lost(FRAME) if gone else concealer.good(frame) for frame, gone in zip(frames, lost, strict=True)
    )


def by_the_appendix(audio: bytes, lost: list[bool]) -> bytes:
    halves = [gone for gone in lost for _ in range(2)]
    return pcm.from_array(appendix_i.conceal(pcm.to_array(audio).astype(np.float64), halves))


def log_spectral_distortion_db(truth: bytes, received: bytes) -> Floats:
    """For each 10 ms: the root mean square difference of the two short-time spectra in dB."""
    difference = _spectra_db(truth) - _spectra_db(received)
    return np.asarray(np.sqrt((difference**2).mean(axis=1)), dtype=np.float64)


def segmental_snr_db(truth: bytes, received: bytes, lost: list[bool]) -> Floats:
    """For each audible packet that was lost or follows a loss, bounded to -10 … 35 dB as is usual."""
    signal = pcm.to_array(truth).astype(np.float64).reshape(-1, FRAME)
    error = pcm.to_array(received).astype(np.float64).reshape(-1, FRAME) - signal
    power = (signal**2).sum(axis=1)
    ratio = 10 * np.log10((power + 1) / ((error**2).sum(axis=1) + 1))
    touched = np.array(lost) | np.array([False, *lost[:-1]])
    audible = power > FRAME * 100.0**2
    return np.asarray(np.clip(ratio, -10, 35)[touched & audible], dtype=np.float64)


def _spectra_db(audio: bytes) -> Floats:
    samples = pcm.to_array(audio).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 256)[:: FRAME // 2] * np.hanning(256)
    # The floor is what a quiet line has: differences below it are not received.
    return np.asarray(10 * np.log10(np.abs(np.fft.rfft(frames)) ** 2 + 256 * 100.0), dtype=np.float64)
