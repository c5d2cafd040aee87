"""smart-turn: a network that hears whether a turn is over (BSD-2, 8.7 MB; 40 ms of a core each time it is asked).

The file is the user's own (`[turn] adviser_model`), that of `offhook models add smart-turn-v3.2`, or that of an
installed pipecat-ai package, which is not imported.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from offhook.models.catalogue import ADVISER, recommended
from offhook.models.kinds import network_of_adviser
from offhook.models.store import ModelStore, at_path
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
    store, given = ModelStore(config.models.dir), config.turn.adviser_model
    path = _given(store, given) if given else _added(store) or _installed()
    if path is None:
        raise _unusable("its model is not here")
    return SmartTurn(path)


def _given(store: ModelStore, given: str) -> Path:
    """The file, or that of a model by its name or folder."""
    path = Path(given).expanduser()
    if path.is_file():
        return path
    found = at_path(path) if path.is_dir() else store.find(given)
    network = network_of_adviser(found.folder) if found is not None else None
    if network is None:
        raise _unusable(f"there is no file or model {given}")
    return network


def _added(store: ModelStore) -> Path | None:
    own = [network_of_adviser(model.folder) for model in store.models() if model.about.engine == ADVISER]
    return max((path for path in own if path is not None), key=lambda path: path.name, default=None)


def _installed() -> Path | None:
    found = find_spec("pipecat")
    folders = [] if found is None else list(found.submodule_search_locations or ())
    return next((path for folder in folders for path in sorted(Path(folder, WHERE).glob("smart-turn-v3*.onnx"))), None)


def _unusable(why: str) -> UserError:
    todo = f"offhook models add {recommended(ADVISER, 'en')}, or adviser_model = PATH of the ONNX file"
    return UserError("the adviser smart-turn cannot be used", why, todo, "[turn] adviser")
