"""A streaming transducer for sherpa-onnx: an LSTM over frames of 40 ms, whose tokens are whole words."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kaldi_native_fbank as knf
import numpy as np
import numpy.typing as npt
import onnx
import torch

from tools.toy_models.corpus import RATE_HZ, WORDS, Utterance, all_phones, labels

MELS = 40
STACKED = 4
"""Feature frames in one frame of the network."""

CHUNK = 8
"""Feature frames that the encoder takes at a time."""

HIDDEN, JOINT = 128, 96
BATCH = 16
EPOCHS = 40
PHONES_ALONE, ALIGNED = 4, 24
"""Epochs that begin with labels of phones, and that go on with CTC: a transducer alone does not converge as soon."""

Matrix = npt.NDArray[np.float32]


def energies(samples: Matrix) -> Matrix:
    """The features that sherpa-onnx computes with `feature_dim=40` at 8 kHz."""
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = MELS
    options.mel_opts.low_freq, options.mel_opts.high_freq = 20, -400
    online = knf.OnlineFbank(options)
    online.accept_waveform(RATE_HZ, (samples / 32_768).tolist())
    online.input_finished()
    frames = np.stack([online.get_frame(at) for at in range(online.num_frames_ready)]).astype(np.float32)
    return frames[: len(frames) // STACKED * STACKED]


class Encoder(torch.nn.Module):
    """Features to frames of the joint space, with the state of the LSTM."""

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean, self.deviation = mean, deviation
        self.input = torch.nn.Linear(STACKED * MELS, HIDDEN)
        self.lstm = torch.nn.LSTM(HIDDEN, HIDDEN, 2, batch_first=True)
        self.output = torch.nn.Linear(HIDDEN, JOINT)

    def hidden(self, x: Any, h: Any, c: Any) -> Any:
        stacked = ((x - self.mean) / self.deviation).reshape(x.shape[0], -1, STACKED * MELS)
        return self.lstm(torch.relu(self.input(stacked)), (h, c))

    def forward(self, x: Any, h: Any, c: Any) -> Any:
        found, (h, c) = self.hidden(x, h, c)
        return self.output(found), h, c


class Decoder(torch.nn.Module):
    """The last token, in the joint space."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(WORDS) + 1, JOINT)

    def forward(self, y: Any) -> Any:
        return self.embedding(y[:, -1])


class Joiner(torch.nn.Module):
    """Both together, as scores of tokens; token 0 is the blank."""

    def __init__(self) -> None:
        super().__init__()
        self.output = torch.nn.Linear(JOINT, len(WORDS) + 1)

    def forward(self, encoder_out: Any, decoder_out: Any) -> Any:
        return self.output(torch.tanh(encoder_out + decoder_out))


def make(spoken: list[Utterance], folder: Path) -> None:
    """Train on those of `spoken` that have only known words, and write the model."""
    torch.manual_seed(1)
    known = [each for each in spoken if all(word in WORDS for word in each.text.split())]
    features = [energies(each.samples) for each in known]
    phones = all_phones(known)
    # The network hears a phone a frame before it has to name it.
    targets = [labels(each, phones, len(frames))[1::STACKED] for each, frames in zip(known, features, strict=True)]
    tokens = [[WORDS.index(word) + 1 for word in each.text.split()] for each in known]
    everything = np.concatenate(features)
    encoder = Encoder(float(everything.mean()), float(everything.std()))
    decoder, joiner = Decoder(), Joiner()
    _train(encoder, decoder, joiner, features, targets, tokens, len(phones))
    _export(folder, encoder.eval(), decoder.eval(), joiner.eval())


def _train(
    encoder: Encoder,
    decoder: Decoder,
    joiner: Joiner,
    features: list[Matrix],
    targets: list[Any],
    tokens: list[list[int]],
    phones: int,
) -> None:
    naming = torch.nn.Linear(HIDDEN, phones)
    parameters = [each for module in (encoder, decoder, joiner, naming) for each in module.parameters()]
    optimiser = torch.optim.Adam(parameters, 3e-3)
    order = sorted(range(len(features)), key=lambda at: len(features[at]))
    batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    chance, levels = random.Random(1), np.random.default_rng(1)
    for epoch in range(EPOCHS):
        chance.shuffle(batches)
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS)) + 1e-4
        total = 0.0
        for batch in batches:
            loud = [features[at] + levels.uniform(-1.5, 1.5) for at in batch]
            x, lengths = _padded(loud)
            state = torch.zeros(2, len(batch), HIDDEN)
            hidden, _ = encoder.hidden(x, state, state)
            encoded = encoder.output(hidden)
            wanted = [tokens[at] for at in batch]
            if epoch < ALIGNED:
                named = naming(hidden).transpose(1, 2)
                loss = torch.nn.functional.cross_entropy(
                    named, _padded_targets([targets[at] for at in batch], hidden.shape[1]), ignore_index=-1
                ) * (3 if epoch < ALIGNED // 2 else 0.3)
                if epoch >= PHONES_ALONE:
                    scores = joiner.output(torch.tanh(encoded)).log_softmax(-1).transpose(0, 1)
                    flat = torch.tensor([token for each in wanted for token in each])
                    counts = torch.tensor([len(each) for each in wanted])
                    loss = loss + torch.nn.functional.ctc_loss(scores, flat, lengths, counts, zero_infinity=True)
            else:
                loss = _transducer_loss(encoded, decoder, joiner, lengths, wanted)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimiser.step()
            total += loss.item()
        print(f"sherpa: epoch {epoch}, loss {total / len(batches):.3f}", flush=True)  # noqa: T201


def _padded(features: list[Matrix]) -> tuple[Any, Any]:
    longest = max(map(len, features))
    x = torch.zeros(len(features), longest, MELS)
    for row, each in enumerate(features):
        x[row, : len(each)] = torch.from_numpy(each.astype(np.float32))
        x[row, len(each) :] = float(each[-1].mean())
    return x, torch.tensor([len(each) // STACKED for each in features])


def _padded_targets(targets: list[Any], frames: int) -> Any:
    padded = torch.full((len(targets), frames), -1)
    for row, each in enumerate(targets):
        padded[row, 1 : len(each)] = torch.from_numpy(each[:-1])
    return padded


def _transducer_loss(encoded: Any, decoder: Decoder, joiner: Joiner, lengths: Any, wanted: list[list[int]]) -> Any:
    """Minus the log-probability of the tokens over all their alignments with the frames."""
    rows, most = len(wanted), max(map(len, wanted))
    before = torch.zeros(rows, most + 1, dtype=torch.long)
    target = torch.zeros(rows, most, dtype=torch.long)
    for row, each in enumerate(wanted):
        before[row, 1 : len(each) + 1] = target[row, : len(each)] = torch.tensor(each)
    scores = joiner(encoded[:, :, None], decoder.embedding(before)[:, None]).log_softmax(-1)
    blank = scores[..., 0]
    emit = scores[:, :, :-1].gather(3, target[:, None, :, None].expand(-1, scores.shape[1], -1, 1))[..., 0]
    frames: list[Any] = []
    for frame in range(scores.shape[1]):
        if frame == 0:
            base = torch.full((rows, most + 1), -1e9)
            base[:, 0] = 0.0
        else:
            base = frames[-1] + blank[:, frame - 1]
        columns = [base[:, 0]]
        for token in range(1, most + 1):
            columns.append(torch.logaddexp(base[:, token], columns[-1] + emit[:, frame, token - 1]))
        frames.append(torch.stack(columns, 1))
    row, last = torch.arange(rows), torch.tensor([len(each) for each in wanted])
    return -(torch.stack(frames, 1)[row, lengths - 1, last] + blank[row, lengths - 1, last]).mean()


def _export(folder: Path, encoder: Encoder, decoder: Decoder, joiner: Joiner) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.zeros(2, 1, HIDDEN)
    token = torch.zeros(1, 1, dtype=torch.int64)
    joint = torch.zeros(1, JOINT)
    _to_onnx(
        encoder,
        (torch.zeros(1, CHUNK, MELS), state, state),
        folder / "encoder.onnx",
        {"x": 0, "h": 1, "c": 1},
        {"encoder_out": 0, "next_h": 1, "next_c": 1},
        {
            "model_type": "lstm",
            "version": 1,
            "T": CHUNK,
            "decode_chunk_len": CHUNK,
            "num_encoder_layers": 2,
            "rnn_hidden_size": HIDDEN,
            "d_model": HIDDEN,
            "sample_rate": RATE_HZ,
            "feature_dim": MELS,
        },
    )
    sizes = {"context_size": 1, "vocab_size": len(WORDS) + 1}
    _to_onnx(decoder, (token,), folder / "decoder.onnx", {"y": 0}, {"decoder_out": 0}, sizes)
    inputs = {"encoder_out": 0, "decoder_out": 0}
    _to_onnx(joiner, (joint, joint), folder / "joiner.onnx", inputs, {"logit": 0}, {"joiner_dim": JOINT})
    tokens = "".join(f"▁{word.upper()} {at}\n" for at, word in enumerate(WORDS, 1))
    (folder / "tokens.txt").write_text(f"<blk> 0\n{tokens}", encoding="utf-8")


def _to_onnx(
    module: Any,
    example: tuple[Any, ...],
    path: Path,
    inputs: dict[str, int],
    outputs: dict[str, int],
    metadata: Mapping[str, object],
) -> None:
    """`inputs` and `outputs`: which axis of each is the batch."""
    batches = {name: {axis: "N"} for name, axis in (inputs | outputs).items()}
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes=batches,
        dynamo=False,
        opset_version=14,
    )
    model = onnx.load(str(path))
    del model.metadata_props[:]
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(model, str(path))
