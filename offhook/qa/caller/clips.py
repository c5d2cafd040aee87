"""What the caller says, as 8 kHz PCM that begins and ends with a sound: spoken by a voice, from files, or mumbled."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import numpy as np

from offhook.qa.caller.turns import BLOCK, loud_blocks
from offhook.qa.script.steps import SPEECH_DBFS, Speech
from offhook.telephony.pcm import RATE_HZ, from_array, level_dbfs, to_array
from offhook.testing.audio_files import read_speech
from offhook.usererror import UserError

SYLLABLE_S = 0.18
Voice = Callable[[str, str], Awaitable[bytes]]
"""(text, the voice's name or empty) -> 16-bit PCM at 8 kHz. Raises UserError, EngineError."""


async def clips_of(speeches: Iterable[Speech], speak: Voice, *, seed: int, level_db: float) -> dict[Speech, bytes]:
    """Each speech as audio, at the level of speech and `level_db`. Raises UserError, EngineError."""
    found = {}
    for number, speech in enumerate(speeches):
        pcm = await _raw(speech, speak, seed + number)
        found[speech] = at_level(trimmed(pcm, str(speech)), SPEECH_DBFS + speech.level_db + level_db)
    return found


async def prompt_of(speech: Speech, speak: Voice) -> bytes:
    """A prompt's reference, which begins and ends with a sound. Raises UserError, EngineError."""
    return trimmed(await _raw(speech, speak, 0), str(speech))


async def _raw(speech: Speech, speak: Voice, seed: int) -> bytes:
    if speech.wav:
        return read_speech(Path(speech.wav))
    if speech.mumble_ms:
        return mumble(speech.mumble_ms, seed)
    return await speak(speech.text, speech.voice)


def trimmed(pcm: bytes, what: str) -> bytes:
    """Without the silence before and after. Raises UserError if there is nothing else."""
    loud = [number for number, each in enumerate(loud_blocks(pcm)) if each]
    if not loud:
        raise UserError(f"{what} is silent", "it has nothing louder than -35 dBFS", "another recording, or a text")
    return pcm[2 * BLOCK * loud[0] : 2 * BLOCK * (loud[-1] + 1)]


def at_level(pcm: bytes, target_dbfs: float) -> bytes:
    """The same, louder or quieter; peaks are clipped."""
    gain = 10 ** ((target_dbfs - level_dbfs(pcm)) / 20)
    return from_array(gain * to_array(pcm).astype(np.float64))


def mumble(duration_ms: int, seed: int) -> bytes:
    """Somebody who says nothing that could be understood: low noise in syllables. The same for the same seed."""
    samples = max(1, round(duration_ms * RATE_HZ / 1_000))
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
    frequencies_hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    # The first formant of a closed mouth, and nothing above it.
    spectrum *= np.exp(-(((frequencies_hz - 350.0) / 220.0) ** 2))
    wave = np.fft.irfft(spectrum, samples)
    wave *= 0.6 + 0.4 * np.cos(2 * np.pi * np.arange(samples) / (SYLLABLE_S * RATE_HZ))
    return from_array(8_000.0 * wave / max(1e-9, float(np.abs(wave).max())))
