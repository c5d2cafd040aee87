"""Silero's detector (MIT, https://github.com/snakers4/silero-vad) at 8 kHz, through onnxruntime.

The model file ships with offhook; it comes from the silero-vad package, whose own code needs torch. In a checkout that
was not built, the file of an installed silero-vad package is used, without importing the package.
"""

import importlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad import _dense
from offhook.pipeline.vad.engine import Pcm, Slots, VadCapabilities

NAME = "silero"
RATE_HZ = 8_000
FRAME_SAMPLES = 256
CONTEXT_SAMPLES = 32  # of the frame before, prepended to each frame
STATE_SHAPE = (2, 128)  # the recurrent state of one stream, without its batch axis

MODEL_FILES = ("silero_vad.onnx", "silero_vad_op18_ifless.onnx")
"""In order of preference: the second detects some words a frame or two later, and is not rewritten."""

PROBES = 32
TOLERANCE = 1e-4  # of a probability, between a model and its rewritten form; the real difference is below 1e-6

OUTPUTS = ("output", "stateN")

Floats = np.ndarray[Any, np.dtype[np.float32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

_SCALE = np.float32(1 / 32_768)

SILENCES = np.array([-8, 0, 8], np.float32) * _SCALE
"""Sample values of perfect silence: in mu-law, and in A-law, which has no zero. In ascending order."""

_INSTALL = "Type: pip install --force-reinstall offhook (in a checkout: make run)"


class SileroVad:
    """A VadEngine; all instances with the same model file share one inference session.

    `model` is an ONNX file to use instead of the bundled one. Raises EngineError if the model or onnxruntime is
    missing, or if onnxruntime cannot read the model.
    """

    capabilities = VadCapabilities(RATE_HZ, FRAME_SAMPLES)

    def __init__(self, model: Path | None = None) -> None:
        self._network = _network(model or find_model())

    def stream(self) -> "SileroStream":
        """A stream for one call. Streams are independent; each may be used by one thread at a time."""
        return SileroStream(self._network.whole)

    def bank(self, streams: int) -> "SileroBank":
        """A bank with room for `streams` calls."""
        return SileroBank(self._network, streams)


class SileroBank:
    """A VadBank. It computes the same as single streams, except for rounding, at a sixth of the cost from 16 streams
    on.

    The encoder's output for perfect silence is constant: where most streams are silent, only the decoder is run.
    """

    def __init__(self, network: "Network", streams: int) -> None:
        self.silent_frames = 0
        """Frames that skipped the encoder because they were silent."""
        self._network = network
        self._states = np.zeros((STATE_SHAPE[0], streams, STATE_SHAPE[1]), np.float32)
        self._contexts = np.zeros((streams, CONTEXT_SAMPLES), np.float32)

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        """The probability for the next frame, 256 samples in a row of `pcm`, of each of `slots`."""
        window = np.empty((len(slots), CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        window[:, :CONTEXT_SAMPLES] = self._contexts[slots]
        np.multiply(pcm, _SCALE, out=window[:, CONTEXT_SAMPLES:], dtype=np.float32)
        states = self._states[:, slots]
        probabilities, after = self._network.run(window, states, self._silent(window))
        self._contexts[slots] = window[:, -CONTEXT_SAMPLES:]
        self._states[:, slots] = after
        return list(probabilities[:, 0].tolist())

    def _silent(self, window: Floats) -> Flags | None:
        """Which rows consist of one of SILENCES, if it pays to separate them from the others."""
        if not self._network.can_skip:
            return None
        # Two samples are enough for nearly all others.
        first = window[:, 0]
        level = np.abs(first)
        silent: Flags = (first == window[:, -1]) & (level <= SILENCES[-1])
        if not _worth_while(silent):
            return None
        silent &= (window == window[:, :1]).all(axis=1) & ((level == SILENCES[1]) | (level == SILENCES[-1]))
        if not _worth_while(silent):
            return None
        self.silent_frames += int(np.count_nonzero(silent))
        return silent

    def reset(self, slot: int) -> None:
        """Reset this stream's state."""
        self._states[:, slot] = 0
        self._contexts[slot] = 0

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams; existing ones are unchanged."""
        more = streams - len(self._contexts)
        self._states = np.concatenate(
            [self._states, np.zeros((STATE_SHAPE[0], more, STATE_SHAPE[1]), np.float32)], axis=1
        )
        self._contexts = np.concatenate([self._contexts, np.zeros((more, CONTEXT_SAMPLES), np.float32)])


def _worth_while(silent: Flags) -> bool:
    # Below that, the encoder for some frames plus the decoder for all costs more than the whole network for all.
    return 2 * int(np.count_nonzero(silent)) > len(silent)


class SileroStream:
    """A VadStream. All its arrays are bound to the model once, so that a frame allocates nothing."""

    __slots__ = ("_bindings", "_probability", "_session", "_states", "_turn", "_window")

    def __init__(self, session: Any) -> None:
        self._session = session
        self._probability = np.zeros((1, 1), np.float32)
        # Two states: the model reads one and writes the other, alternately.
        self._states = tuple(np.zeros((STATE_SHAPE[0], 1, STATE_SHAPE[1]), np.float32) for _ in range(2))
        self._turn = 0
        self._window = np.zeros((1, CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        self._bindings = tuple(self._bind(reads, 1 - reads) for reads in range(2))

    def _bind(self, reads: int, writes: int) -> Any:
        binding = self._session.io_binding()
        inputs = {"input": self._window, "state": self._states[reads], **_constants(self._session)}
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in (("output", self._probability), ("stateN", self._states[writes])):
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding

    def infer(self, frame: bytes) -> float:
        """The probability that the next 32 ms (256 samples, 512 bytes) contain speech."""
        if len(frame) != 2 * FRAME_SAMPLES:
            raise ValueError(f"a frame is {2 * FRAME_SAMPLES} bytes, not {len(frame)}")
        window = self._window[0]
        window[:CONTEXT_SAMPLES] = window[-CONTEXT_SAMPLES:]
        np.multiply(np.frombuffer(frame, "<i2"), _SCALE, out=window[CONTEXT_SAMPLES:], dtype=np.float32)
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return float(self._probability[0, 0])

    def reset(self) -> None:
        """Reset the state."""
        self._window.fill(0)
        for state in self._states:
            state.fill(0)


_RATE = np.array(RATE_HZ, np.int64)


class Network:
    """The sessions of one model file: the `whole` network and, if it could be split, its two halves."""

    def __init__(self, whole: Any, encoder: Any = None, decoder: Any = None) -> None:
        self.whole = whole
        self.can_skip = decoder is not None
        self._constants = _constants(whole)
        self._encoder, self._decoder = encoder, decoder
        if self.can_skip:
            frames = np.repeat(SILENCES[:, None], CONTEXT_SAMPLES + FRAME_SAMPLES, axis=1)
            self._silence = self._encode(frames)

    def run(self, window: Floats, state: Floats, silent: Flags | None) -> tuple[Floats, Floats]:
        """Take windows of 288 samples, the first 32 from the frame before, and states; returns probabilities and new
        states.

        Windows marked `silent`, which consist of one of SILENCES, skip the encoder.
        """
        if silent is None:
            probabilities, after = self.whole.run(OUTPUTS, {"input": window, "state": state, **self._constants})
            return probabilities, after
        features = self._silence[np.searchsorted(SILENCES[:-1], window[:, 0])]
        if not silent.all():
            loud = ~silent
            features[loud] = self._encode(window[loud])
        probabilities, after = self._decoder.run(OUTPUTS, {"features": features, "state": state})
        return probabilities, after

    def _encode(self, window: Floats) -> Floats:
        (features,) = self._encoder.run(("features",), {"input": window})
        return np.asarray(features, np.float32)


BUNDLED = Path(__file__).with_name("model") / MODEL_FILES[0]


def find_model() -> Path:
    """The model's file. Raises EngineError if there is none."""
    if BUNDLED.is_file():
        return BUNDLED
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for name in MODEL_FILES:
            path = Path(folder) / "data" / name
            if path.is_file():
                return path
    why = f"there is no {BUNDLED}: offhook was not built, or not as a whole"
    raise EngineError(NAME, "no model", why, _INSTALL)


@lru_cache(maxsize=4)
def _network(model: Path) -> Network:
    try:
        ort = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineError(NAME, "cannot start", f"onnxruntime is missing ({error})", _INSTALL) from error
    try:
        original = model.read_bytes()
    except OSError as error:
        raise EngineError(NAME, "no model", f"{model}: {error.strerror}", _INSTALL) from error
    try:
        session = _load(ort, original)
        rewritten = _dense.dense(original)
        if rewritten is not None and _same(session, quick := _load(ort, rewritten.whole)):
            return Network(quick, _load(ort, rewritten.encoder), _load(ort, rewritten.decoder))
    except Exception as error:  # onnxruntime's many errors have nothing else in common
        raise EngineError(NAME, "no model", f"{model} cannot be read: {error}", _INSTALL) from error
    return Network(session)


def _load(ort: Any, model: bytes) -> Any:
    options = ort.SessionOptions()
    # A frame is far too little work to share among threads.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # A memory plan for each batch shape is not worth its memory or time.
    options.enable_mem_pattern = False
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _constants(session: Any) -> dict[str, Any]:
    """The constant inputs of a run, besides audio and state."""
    return {"sr": _RATE} if any(given.name == "sr" for given in session.get_inputs()) else {}


def _same(one: Any, other: Any) -> bool:
    """Whether two models agree on noise at all levels and from any state. A later model may only look like this one."""
    rng = np.random.default_rng(0)
    window = rng.normal(size=(PROBES, CONTEXT_SAMPLES + FRAME_SAMPLES)) * np.logspace(-4, -0.5, PROBES)[:, None]
    state = rng.normal(size=(STATE_SHAPE[0], PROBES, STATE_SHAPE[1])) * 0.3
    feeds = {"input": window.astype(np.float32), "state": state.astype(np.float32)}
    first, second = (session.run(OUTPUTS, feeds | _constants(session)) for session in (one, other))
    return all(np.allclose(left, right, rtol=0, atol=TOLERANCE) for left, right in zip(first, second, strict=True))
