"""A Vosk model: a small network trained on phones, and a graph of words over it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kaldi_native_fbank as knf
import numpy as np
import numpy.typing as npt
import torch

from tools.toy_models.corpus import RATE_HZ, WORDS, Utterance, all_phones, labels
from tools.toy_models.kaldi_files import HIDDEN, LAYERS, Network, write_model

CEPSTRA = 30
EPOCHS = 7
BATCH = 16

Matrix = npt.NDArray[np.float32]

EXTRA_PRONUNCIATIONS = {
    "zero": ["z iy r ow", "z ih r ow"],
    "four": ["f ao r"],
    "your": ["y ao r"],
}


def cepstra(samples: Matrix) -> Matrix:
    """MFCC features, as conf/mfcc.conf describes them: frames of 10 ms."""
    options = knf.MfccOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = CEPSTRA
    options.mel_opts.low_freq, options.mel_opts.high_freq = 100, 3_700
    options.num_ceps = CEPSTRA
    options.use_energy = False
    online = knf.OnlineMfcc(options)
    online.accept_waveform(RATE_HZ, samples.tolist())
    online.input_finished()
    return np.stack([online.get_frame(at) for at in range(online.num_frames_ready)]).astype(np.float32)


class Tdnn(torch.nn.Module):
    """Four convolutions over time with rectifiers, and a layer of phones."""

    def __init__(self, phones: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(
            torch.nn.Conv1d(
                CEPSTRA if at == 0 else HIDDEN, HIDDEN, len(taps), dilation=taps[1] - taps[0], padding=-taps[0]
            )
            for at, taps in enumerate(LAYERS)
        )
        self.output = torch.nn.Conv1d(HIDDEN, phones, 1)
        self.dropout = torch.nn.Dropout(0.1)

    def forward(self, features: Any) -> Any:
        """(batch, cepstra, frames) to (batch, phones, frames), before the softmax."""
        for layer in self.layers:
            features = self.dropout(torch.relu(layer(features)))
        return self.output(features)


def make(spoken: list[Utterance], folder: Path) -> None:
    """Train on `spoken`, and write the model."""
    torch.manual_seed(1)
    phones = all_phones(spoken)
    features = [cepstra(each.samples) for each in spoken]
    targets = [labels(each, phones, len(frames)) for each, frames in zip(spoken, features, strict=True)]
    mean, deviation = np.concatenate(features).mean(0), np.concatenate(features).std(0)
    model = _trained(Tdnn(len(phones)), features, targets, mean, deviation)
    priors = np.bincount(np.concatenate(targets), minlength=len(phones)) / sum(map(len, targets))
    weights = [layer.weight.detach().numpy() for layer in (*model.layers, model.output)]
    biases = [layer.bias.detach().numpy() for layer in (*model.layers, model.output)]
    network = Network(weights, biases, mean, deviation, np.maximum(priors, 1e-4))
    write_model(folder, network, phones, pronunciations(WORDS))


def _trained(model: Tdnn, features: list[Matrix], targets: list[Any], mean: Matrix, deviation: Matrix) -> Tdnn:
    chance = np.random.default_rng(1)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    steps = EPOCHS * (len(features) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, 1e-4)
    for epoch in range(EPOCHS):
        order = chance.permutation(len(features))
        right = frames = 0
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            longest = max(len(features[each]) for each in chosen)
            batch = torch.zeros(len(chosen), CEPSTRA, longest)
            wanted = torch.full((len(chosen), longest), -1)
            for row, each in enumerate(chosen):
                # The channel adds a constant to the cepstra: random ones make the network indifferent to it.
                channel = chance.standard_normal(CEPSTRA) * np.r_[1.0, np.full(CEPSTRA - 1, 0.12)] * deviation
                normal = (features[each] + channel - mean) / deviation
                batch[row, :, : len(normal)] = torch.from_numpy(normal.T.astype(np.float32))
                wanted[row, : len(normal)] = torch.from_numpy(targets[each])
            scores = model(batch)
            loss = torch.nn.functional.cross_entropy(scores, wanted, ignore_index=-1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right += int(((scores.argmax(1) == wanted) & (wanted >= 0)).sum())
            frames += int((wanted >= 0).sum())
        print(f"vosk: epoch {epoch}, {right / frames:.3f} of the frames right", flush=True)  # noqa: T201
    return model.eval()


def pronunciations(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each word with its phones, by flite itself; some have several."""
    found = []
    for word in words:
        command = ["flite", "-voice", "rms", "-ps", "-t", word, "none"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        spoken = [{"ax": "ah", "axr": "er"}.get(phone, phone) for phone in said if phone != "pau"]
        for phones in (spoken, *(each.split() for each in EXTRA_PRONUNCIATIONS.get(word, []))):
            if (word, phones) not in found:
                found.append((word, phones))
    return found
