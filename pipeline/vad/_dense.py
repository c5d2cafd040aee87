"""Silero's 8 kHz network as a few dense layers: the same function and weights, at a third of the cost.

The network takes four short windows per frame and convolves over them. With sequences that short a runtime spends more
time moving windows about than multiplying. Here each convolution is one matrix, padding and zeros included.

The encoder does not depend on the recurrent state, so the network can be split: the encoder computes 512 features from
the audio, the decoder a probability from those and the state.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from offhook.pipeline.vad import _onnx

Array = np.ndarray[Any, np.dtype[np.float32]]

BRANCH = "else_branch"  # of the test for 16 kHz
SAMPLES = 288  # 32 of context, 256 new
PADDED = 320  # the last 32 mirrored at the end
WINDOW, HOP, WINDOWS = 128, 64, 4
STRIDES = (1, 2, 2, 1)  # of the convolutions
BINS = 65
UNITS = 128  # of the recurrent layer

_SHAPES = {
    "stft.forward_basis_buffer": (2 * BINS, 1, WINDOW),
    "encoder.0.reparam_conv.weight": (128, BINS, 3),
    "encoder.0.reparam_conv.bias": (128,),
    "encoder.1.reparam_conv.weight": (64, 128, 3),
    "encoder.1.reparam_conv.bias": (64,),
    "encoder.2.reparam_conv.weight": (64, 64, 3),
    "encoder.2.reparam_conv.bias": (64,),
    "encoder.3.reparam_conv.weight": (UNITS, 64, 3),
    "encoder.3.reparam_conv.bias": (UNITS,),
    "decoder.rnn.weight_ih": (4 * UNITS, UNITS),
    "decoder.rnn.weight_hh": (4 * UNITS, UNITS),
    "decoder.rnn.bias_ih": (4 * UNITS,),
    "decoder.rnn.bias_hh": (4 * UNITS,),
    "decoder.decoder.2.weight": (1, UNITS, 1),
    "decoder.decoder.2.bias": (1,),
}


@dataclass(frozen=True, slots=True)
class Dense:
    """Model files. `state` and `stateN` are float32 [2, batch, 128], `output` is float32 [batch, 1].

    `whole` computes `output` and `stateN` from `input`, float32 [batch, 288], and `state`, like the original at 8 kHz.
    `encoder` computes `features`, float32 [batch, 512], from `input`; `decoder` computes `output` and `stateN` from
    `features` and `state`. In sequence they compute the same as `whole`, except for rounding.
    """

    whole: bytes
    encoder: bytes
    decoder: bytes


def dense(model: bytes) -> Dense | None:
    """The model file rewritten, or None if it is not the network expected here."""
    try:
        weights = _onnx.weights(model, BRANCH)
    except ValueError:
        return None
    if any(name not in weights or weights[name].shape != shape for name, shape in _SHAPES.items()):
        return None
    encoder, decoder = _encoder_weights(weights), _decoder_weights(weights)
    audio, features = _onnx.value("input", ("batch", SAMPLES)), _onnx.value("features", ("batch", 4 * UNITS))
    state, after = _onnx.value("state", (2, "batch", UNITS)), _onnx.value("stateN", (2, "batch", UNITS))
    output = _onnx.value("output", ("batch", 1))
    return Dense(
        _onnx.model(_encoder() + _decoder(), encoder + decoder, [audio, state], [output, after]),
        _onnx.model(_encoder(), encoder, [audio], [features]),
        _onnx.model(_decoder(), decoder, [features, state], [output, after]),
    )


def _encoder_weights(weights: dict[str, Array]) -> list[bytes]:
    tensors = {
        "stft": _stft(weights["stft.forward_basis_buffer"]),
        "rnn.features": weights["decoder.rnn.weight_ih"].T,
        "rnn.bias": weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"],
    }
    width = WINDOWS
    for layer, stride in enumerate(STRIDES):
        kernel, bias = (weights[f"encoder.{layer}.reparam_conv.{part}"] for part in ("weight", "bias"))
        tensors[f"encoder.{layer}.weight"] = _convolution(kernel, width, stride)
        width = (width - 1) // stride + 1
        tensors[f"encoder.{layer}.bias"] = np.repeat(bias, width)
    return [_onnx.tensor(name, array) for name, array in tensors.items()]


def _decoder_weights(weights: dict[str, Array]) -> list[bytes]:
    return [
        _onnx.tensor("rnn.state", weights["decoder.rnn.weight_hh"].T),
        _onnx.tensor("decoder.weight", weights["decoder.decoder.2.weight"].reshape(UNITS, 1)),
        _onnx.tensor("decoder.bias", weights["decoder.decoder.2.bias"]),
        _onnx.tensor("first", np.zeros(1, np.int64)),
    ]


def _stft(basis: Array) -> Array:
    """[288, 520]: the real parts of all windows, by bin and window, then the imaginary parts."""
    padded = np.zeros((PADDED, 2 * BINS, WINDOWS), np.float32)
    for window in range(WINDOWS):
        padded[HOP * window : HOP * window + WINDOW, :, window] = basis[:, 0].T
    whole = padded[:SAMPLES].copy()
    mirrored = PADDED - SAMPLES
    whole[SAMPLES - 1 - mirrored : SAMPLES - 1] += padded[SAMPLES:][::-1]
    return whole.reshape(SAMPLES, -1)


def _convolution(kernel: Array, width: int, stride: int) -> Array:
    """A convolution over `width` places with padding 1, as a matrix; inputs and outputs by channel and place."""
    outputs, inputs, taps = kernel.shape
    places = (width - 1) // stride + 1
    matrix = np.zeros((inputs, width, outputs, places), np.float32)
    for place in range(places):
        for tap in range(taps):
            source = place * stride + tap - 1
            if 0 <= source < width:
                matrix[:, source, :, place] = kernel[:, :, tap].T
    return matrix.reshape(inputs * width, outputs * places)


def _encoder() -> list[bytes]:
    node = _onnx.node
    nodes = [
        node("MatMul", ["input", "stft"], ["spectrum"]),
        node("Split", ["spectrum"], ["real", "imaginary"], axis=1),
        node("Mul", ["real", "real"], ["real2"]),
        node("Mul", ["imaginary", "imaginary"], ["imaginary2"]),
        node("Add", ["real2", "imaginary2"], ["power"]),
        node("Sqrt", ["power"], ["layer0"]),
    ]
    for layer in range(len(STRIDES)):
        names = [f"layer{layer}", f"encoder.{layer}.weight", f"encoder.{layer}.bias"]
        nodes += [node("Gemm", names, [f"sum{layer}"]), node("Relu", [f"sum{layer}"], [f"layer{layer + 1}"])]
    return [*nodes, node("Gemm", [f"layer{len(STRIDES)}", "rnn.features", "rnn.bias"], ["features"])]


def _decoder() -> list[bytes]:
    """An LSTM with its gates in PyTorch's order."""
    node = _onnx.node
    return [
        node("Split", ["state"], ["h3", "c3"], axis=0),
        node("Squeeze", ["h3", "first"], ["h"]),
        node("Squeeze", ["c3", "first"], ["c"]),
        node("Gemm", ["h", "rnn.state", "features"], ["gates"]),
        node("Split", ["gates"], ["i", "f", "g", "o"], axis=1),
        *(node("Sigmoid", [gate], [f"{gate}'"]) for gate in "ifo"),
        node("Tanh", ["g"], ["g'"]),
        node("Mul", ["f'", "c"], ["kept"]),
        node("Mul", ["i'", "g'"], ["new"]),
        node("Add", ["kept", "new"], ["cN"]),
        node("Tanh", ["cN"], ["cN'"]),
        node("Mul", ["o'", "cN'"], ["hN"]),
        node("Unsqueeze", ["hN", "first"], ["hN3"]),
        node("Unsqueeze", ["cN", "first"], ["cN3"]),
        node("Concat", ["hN3", "cN3"], ["stateN"], axis=0),
        node("Relu", ["hN"], ["speech"]),
        node("Gemm", ["speech", "decoder.weight", "decoder.bias"], ["logit"]),
        node("Sigmoid", ["logit"], ["output"]),
    ]
