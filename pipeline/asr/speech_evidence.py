"""Whether a transcript comes from speech. Pure.

A model that was trained on subtitles finds words in anything: "Thank you." in a hum, "you" in a breath, "Be Be Be" in
a dial tone. What it says about itself (the probability of no speech, the mean log probability of the tokens) does not
suffice: thresholds that catch the invented words lose every tenth sentence. Together with a few properties of the
sound a logistic regression does better. `bench/speech_guard.py` fitted WEIGHTS, on voices and noises that it does not
measure with.
"""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FRAME_SAMPLES = 640
HOP_SAMPLES = 320
LAGS = slice(40, 230)
"""Of the pitch, 400 to 70 Hz."""

VOICED = 0.5
"""Normalised autocorrelation of a frame with a pitch."""

QUIET = 0.1
"""Relative to the loudest frame: quieter frames are not looked at."""

LOUD = 0.3
"""Relative to the loudest frame: in louder ones a pitch is looked for."""

STRONG = 0.5
"""Relative to the loudest frame: louder ones are vowels of one voice, if it is one."""

CROWD_S, CROWD_PERIODICITY, CROWD_RANGE_DB = 1.0, 0.62, 12.5
"""Several voices at once that last so long have less of both: no pitch is that of all, and one speaks in the pauses of
the others. That is so for 69 % of the mixtures of five to eight voices that this was chosen with, and for none of 500
recordings of one caller, a part of them in noise of 5 dB or before six other voices."""

_STOCK = (
    "you|thank you|thanks|thank you very much|thank you for watching|thanks for watching|bye|bye bye|okay|oh|so|the|"
    "i'm sorry|sorry|i don't know|hmm|mm|mm hmm|uh|um|ah|all right|be|i|a|and|it's|yeah|no|yes|hello|good|what|"
    "please subscribe|beep|boo|ooh"
)
STOCK = frozenset(_STOCK.split("|"))
"""What a model says to nothing. Callers say it, too: it only needs more evidence."""

_INTERJECTIONS = (
    "oh|ooh|woo|whoo|whoa|wow|ah|aw|ow|eh|ha|haha|hahaha|hm|hmm|mm|mmm|mhm|uh|huh|um|hey|yay|boo|beep|be|bee|you|so|"
    "the|and|i|it's|t|s"
)
INTERJECTIONS = frozenset(_INTERJECTIONS.split("|"))
"""Words that it repeats: "Woo! Woo!" to a siren."""

VOICE_FRAMES = 8
"""A quarter of a second: the shortest answers have that much voice."""

_TAPS = np.arange(-15, 16)
_HALF_BAND = (0.5 * np.sinc(0.5 * _TAPS) * np.hamming(len(_TAPS))).astype(np.float32)

_ANNOTATION = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪♫]+")
_WORDLESS = re.compile(r"[\W_]*")


@dataclass(frozen=True, slots=True)
class Sound:
    """Properties of a sound: seconds that are not quiet, the share of the loud ones with a pitch, how much the pitch
    varies (in octaves, standard deviation), how much the spectrum varies (natural log of power, mean over bands), how
    much of the strong frames repeats with the pitch (mean, from 0 to 1), and the range of the level from the first
    frame that is not quiet to the last, without the tenths at both ends, in dB."""

    active_s: float
    voiced: float
    pitch_spread: float
    variability: float
    periodicity: float = 1.0
    range_db: float = 60.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The values of the regression."""

    no_speech: float  # log odds
    mean_log_prob: float
    stock: float  # 1 for one of STOCK, or INTERJECTIONS alone
    crowded: float  # tokens per second, above what people say
    log_active: float
    voiced: float
    pitch_spread: float
    variability: float
    voice: float  # log odds of the speech detector's probability, where it is highest
    is_crowd: bool = False

    def vector(self) -> NDArray[np.float64]:
        """Its values but the last, and a 1."""
        return np.array((*astuple(self)[:-1], 1.0))


WEIGHTS = np.array([-1.71, 0.54, -1.76, -0.59, 0.33, 5.02, -2.53, -1.2, 0.98, -4.15])
"""Of the values of Evidence, and the constant."""

MIN_PROBABILITY = 0.3
"""Words are taken from here on."""


def sound(samples: NDArray[np.int16]) -> Sound:
    """The properties of 16-bit samples at 16 kHz."""
    if len(samples) < FRAME_SAMPLES:
        return Sound(0.0, 0.0, 0.0, 0.0)
    count = 1 + (len(samples) - FRAME_SAMPLES) // HOP_SAMPLES
    starts = np.arange(count)[:, None] * HOP_SAMPLES + np.arange(FRAME_SAMPLES)
    frames = samples.astype(np.float32)[starts]
    frames -= frames.mean(axis=1, keepdims=True)
    energy = (frames * frames).sum(axis=1)
    active = energy > QUIET**2 * energy.max()
    power = np.abs(np.fft.rfft(frames[active] * np.hanning(FRAME_SAMPLES), 2 * FRAME_SAMPLES, axis=1)) ** 2
    if not len(power):
        return Sound(0.0, 0.0, 0.0, 0.0)
    # Vowels stand out of noise; what is 10 dB below them may be noise alone.
    is_loud = energy[active] > LOUD**2 * energy.max()
    loud = energy[active][is_loud]
    strength, pitch = _pitch(power[is_loud])
    voiced = strength > VOICED
    spread = float(np.log2(pitch[voiced]).std()) if voiced.sum() > 1 else 0.0
    # Sixteen bands of 200 Hz from 200 Hz on: what a phone line carries.
    bins = 2 * FRAME_SAMPLES * 200 // RATE_HZ
    bands = power[:, bins : 17 * bins].reshape(len(power), 16, bins).sum(axis=2)
    logs = np.log(bands + 1e-3 * bands.mean() + 1e-9)
    return Sound(
        active.sum() * HOP_SAMPLES / RATE_HZ,
        float(voiced.mean()),
        spread,
        float(logs.std(axis=0).mean()),
        float(strength[loud > STRONG**2 * energy.max()].mean()),
        _range_db(energy[active.argmax() : len(active) - active[::-1].argmax()]),
    )


def _range_db(energy: NDArray[np.floating]) -> float:
    low, high = np.percentile(10 * np.log10(energy + 1.0), (10, 90))
    return float(high - low)


def evidence(
    heard: Sound, text: str, tokens: int, no_speech_probability: float, mean_log_probability: float, voice: float
) -> Evidence:
    """All that is known about a transcript of `tokens` tokens. `voice`: see `voice_in`."""
    words = plain(text)
    return Evidence(
        no_speech=_log_odds(no_speech_probability, 1e-6),
        mean_log_prob=mean_log_probability,
        stock=float(words in STOCK or INTERJECTIONS.issuperset(words.split())),
        crowded=max(0.0, tokens / (heard.active_s + 0.3) - 6.0),
        log_active=float(np.log(heard.active_s + 0.05)),
        voiced=heard.voiced,
        pitch_spread=min(heard.pitch_spread, 1.0),
        variability=heard.variability,
        voice=_log_odds(voice, 0.01),
        is_crowd=is_crowd(heard),
    )


def is_crowd(heard: Sound) -> bool:
    """Whether several people speak at once, none of them much louder than the others."""
    return heard.active_s >= CROWD_S and heard.periodicity < CROWD_PERIODICITY and heard.range_db < CROWD_RANGE_DB


def halved(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """16-bit samples at 16 kHz as 8 kHz, for a detector."""
    if len(samples) < len(_HALF_BAND):
        return samples[::2]
    filtered = np.convolve(samples.astype(np.float32), _HALF_BAND, "same")[::2]
    return np.clip(np.rint(filtered), -32_768, 32_767).astype(np.int16)


def voice_in(probabilities: Sequence[float]) -> float:
    """The mean of the highest VOICE_FRAMES probabilities of speech that a detector gave to the frames of a turn."""
    highest = sorted(probabilities)[-VOICE_FRAMES:]
    return sum(highest) / len(highest) if highest else 0.0


def _log_odds(probability: float, margin: float) -> float:
    inside = min(max(probability, margin), 1.0 - margin)
    return float(np.log(inside / (1.0 - inside)))


def speech_probability(found: Evidence) -> float:
    """Whether the words were said by one caller, from 0 to 1."""
    if found.is_crowd:
        return 0.0
    return float(1.0 / (1.0 + np.exp(-np.clip(found.vector() @ WEIGHTS, -30.0, 30.0))))


def spoken(text: str) -> str:
    """The text without annotations such as "[BLANK_AUDIO]" and "(coughing)"; "" if no word is left."""
    text = " ".join(_ANNOTATION.sub(" ", text).split())
    return "" if _WORDLESS.fullmatch(text) else text


def plain(text: str) -> str:
    """The words in lower case, without punctuation."""
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower()).split())


def _pitch(power: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The autocorrelation of each frame at its best lag, from 0 to 1, and that pitch in Hz."""
    correlation = np.fft.irfft(power, axis=1)[:, : LAGS.stop]
    window = np.hanning(FRAME_SAMPLES)
    own = np.correlate(window, window, "full")[FRAME_SAMPLES - 1 :][: LAGS.stop]
    normal = correlation / (correlation[:, :1] + 1e-9) * (own[0] / own)
    best = normal[:, LAGS].argmax(axis=1)
    return normal[np.arange(len(normal)), LAGS.start + best], RATE_HZ / (LAGS.start + best)
