"""smart-turn: a network that hears whether a turn is over (BSD-2, 8.7 MB; 40 ms of a core each time it is asked).

The file is the user's own (`[turn] adviser_model`), or that of an installed pipecat-ai package, which is not imported:
`pip install --no-deps pipecat-ai` is enough.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from offhook.pipeline.asr.log_mel import FRAMES_PER_S, RATE_HZ, log_mel
from offhook.pipeline.endpoint.adviser import ADVISED_S, EndAdviser
from offhook.pipeline.engine_host._onnx_session import session_of
from offhook.settings.config import Config
from offhook.usererror import UserError

NAME = "smart-turn"
WHERE = "audio/turn/smart_turn/data"
INPUT = "input_features"
SAMPLES = ADVISED_S * RATE_HZ
SMALLEST_VARIANCE = 1e-7


class SmartTurn:
    """`EndAdviser` over the network in a file. Raises UserError if it cannot be loaded."""

    def __init__(self, path: Path) -> None:
        try:
            self._session = session_of(str(path))
        except Exception as error:  # onnxruntime has many
            raise _unusable(f"{path} cannot be loaded: {error}") from error
        if [each.name for each in self._session.get_inputs()] != [INPUT]:
            raise _unusable(f"{path} is another network: its input is not {INPUT}")

    def score(self, pcm: bytes) -> float:
        """See EndAdviser."""
        features = log_mel(_standardised(pcm), ADVISED_S * FRAMES_PER_S)
        (found,) = self._session.run(None, {INPUT: features[None]})
        return float(np.clip(np.ravel(found)[0], 0.0, 1.0))


def _standardised(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The end of a turn, padded in front to 8 s, with a mean of 0 and a variance of 1."""
    samples = np.frombuffer(pcm[len(pcm) % 2 :], "<i2")[-SAMPLES:].astype(np.float32) / 32_768
    whole = np.zeros(SAMPLES, np.float32)
    if len(samples):
        whole[-len(samples) :] = samples
    return np.asarray((whole - whole.mean()) / np.sqrt(whole.var() + SMALLEST_VARIANCE), np.float32)


def make_adviser(config: Config) -> EndAdviser | None:
    """The adviser of the settings; None without one. Raises UserError."""
    if config.turn.adviser == "none":
        return None
    path = Path(config.turn.adviser_model).expanduser() if config.turn.adviser_model else _installed()
    if path is None:
        raise _unusable("its model is not here")
    if not path.is_file():
        raise _unusable(f"there is no file {path}")
    return SmartTurn(path)


def _installed() -> Path | None:
    found = find_spec("pipecat")
    folders = [] if found is None else list(found.submodule_search_locations or ())
    return next((path for folder in folders for path in sorted(Path(folder, WHERE).glob("smart-turn-v3*.onnx"))), None)


def _unusable(why: str) -> UserError:
    todo = "pip install --no-deps pipecat-ai, or adviser_model = PATH of the ONNX file"
    return UserError("the adviser smart-turn cannot be used", why, todo, "[turn] adviser")
