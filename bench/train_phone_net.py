"""Trains the phone network of `offhook.pipeline.asr.phone_net` on speech synthesised along the way.

    pip install torch wordfreq hibari-tts        (only for this)
    apt-get install flite espeak-ng
    python -m bench.train_phone_net --work DIR [--sentences 8000] [--epochs 20]

Sentences are random words, common ones more often, and a tenth of digits and of "yes" and "no". Half of them are
spoken by flite (rms, awb, kal16; never slt), a fifth by hibari-tts, the others by thirty variants of espeak-ng's
en-us, at random rates and pitches. Each goes over four lines of `line`, which is worse than `bench.phone_line`:
resampled by -14 to +17 % for other throats, with a tilted and rippled spectrum, and noise up to 12 dB below the
speech. The loss is CTC against the dictionary's phones. The weights that are shipped had 11 epochs at the rates
below, and 8 more that began with half of them; half an hour on two busy cores.
"""

import argparse
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import torch
from hibari import Hibari
from numpy.typing import NDArray
from wordfreq import top_n_list

from bench.phone_line import PACKET, RATE_HZ, Samples, read_narrow
from offhook.pipeline.asr.digit_words import digit_words
from offhook.pipeline.asr.phone_net import LAYERS, MELS, PHONES, log_mels, phone_numbers
from offhook.telephony.codec.g711 import PCMA, PCMU

CHANNELS = 112
LINES = 4
BATCH = 24
DIGITS = (*(words[-1] for words in digit_words("en")), "oh", "double", "triple", "yes", "no")
FLITE = {"rms": (80, 160), "awb": (100, 190), "kal16": (85, 150)}
"""flite's voices, each with its range of mean pitch in Hz."""

_VARIANTS = (
    "m1 m2 m3 m4 f1 f2 f3 f4 f5 klatt klatt2 klatt4 whisperf m6 croak steph linda max Alex Gene grandpa john iven "
    "Andrea Denis robosoft Mr_serious quincy Annie"
)
ESPEAK = ("en-us", *(f"en-us+{variant}" for variant in _VARIANTS.split()))

Example = tuple[list[NDArray[np.float32]], list[int]]
"""The log mels of its lines, and its phones."""


class Speaker:
    """Random sentences by random voices."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._hibari = Hibari()
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
        if pick.random() < 0.12:
            return [pick.choice(DIGITS) for _ in range(pick.choice([1, 1, 2, 3, 4, 5]))]
        count = pick.choice([1, 1, 2, 2, 3, 3, 4, 5, 6])
        return [self._common() if pick.random() < 0.6 else pick.choice(self._words) for _ in range(count)]

    def _common(self) -> str:
        rank = int(self._random.paretovariate(0.35)) - 1 + self._random.randrange(60)
        return self._words[min(rank, len(self._words) - 1)]

    def _speak(self, text: str) -> Samples:
        pick, share = self._random, self._random.random()
        if share > 0.78:
            speech = np.asarray(self._hibari(text, speed=pick.uniform(0.75, 1.3))).reshape(-1)
            return read_narrow(speech.astype(float) * 32_767, self._hibari.sample_rate)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            if share < 0.5:
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


def line(speech: Samples, rng: np.random.Generator) -> Samples:
    """The speech over a bad line, for training."""
    stretch = rng.uniform(0.86, 1.17) if rng.random() < 0.8 else 1.0
    audio = np.interp(np.arange(0, len(speech) - 1, stretch), np.arange(len(speech)), speech.astype(float))
    audio = np.concatenate([np.zeros(rng.integers(200, 2_800)), audio, np.zeros(rng.integers(200, 2_800))])
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    gain_db = rng.uniform(-3, 3) * np.log2(np.maximum(hz, 100) / 1_000)
    gain_db += rng.uniform(0, 3) * np.cos(hz / 4_000 * np.pi * rng.uniform(1, 4) + rng.uniform(0, 6))
    if rng.random() < 0.4:
        gain_db -= 60 * ((hz < rng.uniform(150, 300)) | (hz > rng.uniform(3_300, 3_600)))
    audio = np.fft.irfft(np.fft.rfft(audio) * 10 ** (gain_db / 20), len(audio))
    level = 32_768 * 10 ** (rng.uniform(-32, -8) / 20)
    audio *= level / max(1.0, float(np.sqrt((audio**2).mean())))
    noise = rng.normal(size=len(audio))
    if rng.random() < 0.4:
        noise = np.convolve(noise, [1, 0.9, 0.8, 0.6, 0.4, 0.2])[: len(audio)]
        noise /= noise.std()
    audio += noise * level * 10 ** (-rng.uniform(12, 50) / 20)
    pcm = np.clip(audio, -32_768, 32_767).astype("<i2").tobytes()
    law = rng.random()
    if law < 0.5:
        pcm = PCMU.decode(PCMU.encode(pcm))
    elif law < 0.85:
        pcm = PCMA.decode(PCMA.encode(pcm))
    received = np.frombuffer(pcm, "<i2").copy()
    if rng.random() < 0.15:
        for at in range(PACKET, len(received) - PACKET, PACKET):
            if rng.random() < 0.02:
                received[at : at + PACKET] = received[at - PACKET : at] * 0.7
    return received


class Net(torch.nn.Module):
    """The network of `PhoneNet`, trainable."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [MELS, *[CHANNELS] * len(LAYERS)]
        self.layers = torch.nn.ModuleList(
            torch.nn.Conv1d(sizes[i], CHANNELS, k, stride=s, padding=(k - 1) // 2 * d, dilation=d)
            for i, (k, s, d) in enumerate(LAYERS)
        )
        self.output = torch.nn.Conv1d(CHANNELS, 1 + len(PHONES), 1)
        self.dropout = torch.nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Log probabilities [batch, phones, frames] of log mels [batch, MELS, frames]."""
        for index, layer in enumerate(self.layers):
            out = self.dropout(torch.relu(layer(x)))
            x = out + x if index >= 2 else out
        return torch.log_softmax(self.output(x), 1)

    def save(self, path: Path) -> None:
        """In the layout of PhoneNet: [kernel * inputs, outputs], half precision."""
        arrays = {}
        for index, layer in enumerate(self.layers):
            kernel = layer.weight.detach().numpy().transpose(2, 1, 0)
            arrays[f"weights{index}"] = kernel.reshape(-1, CHANNELS).astype(np.float16)
            arrays[f"bias{index}"] = layer.bias.detach().numpy().astype(np.float16)
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


def train(examples: list[Example], epochs: int, path: Path) -> None:
    """Train, and write the weights after every epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng, net, loss_of = np.random.default_rng(1), Net(), torch.nn.CTCLoss(zero_infinity=True)
    by_length = sorted(examples, key=lambda example: len(example[0][0]))
    batches = [by_length[at : at + BATCH] for at in range(0, len(by_length), BATCH)]
    steps: Any = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(steps, 3e-3, total_steps=epochs * len(batches), pct_start=0.12)
    for epoch in range(epochs):
        total = 0.0
        for index in rng.permutation(len(batches)):
            mels, phones, frames, lengths = batch(batches[index], rng)
            loss = loss_of(net(mels).permute(2, 0, 1), phones, frames, lengths)
            steps.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
            steps.step()
            rates.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / len(batches):.3f}", flush=True)
        net.save(path)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where phone_net.npz is written")
    parser.add_argument("--sentences", type=int, default=8_000)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    speaker, rng, examples = Speaker(1), np.random.default_rng(1), []
    for _ in range(args.sentences):
        speech, phones = speaker.sentence()
        if len(speech) > PACKET and phones:
            examples.append(([log_mels(line(speech, rng), RATE_HZ) for _ in range(LINES)], phones))
    train(examples, args.epochs, args.work / "phone_net.npz")


if __name__ == "__main__":
    main()
