"""Which tests run beside others and which alone, and what all have in common.

`make test` runs twice: `-m "not alone" -n 2`, then `-m alone`. Alone run those that measure time on the wire or of the
event loop, that load the machine, or that open fixed ports.
"""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.toys import unpacked

# Tests run beside each other: how long an example takes says nothing. Those that measure use the CPU's time.
settings.register_profile("offhook", deadline=None)
settings.load_profile("offhook")

# Under nohup a hang-up is ignored, here and in the bots that tests start: those about signals need what is usual.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TESTS = Path(__file__).parent
ALONE = (
    "bench",
    "e2e",
    "faults",
    "offhook/calls",
    "offhook/carriers",
    "offhook/observe/test_loop_watch.py",
    "offhook/process",
    "offhook/test_import.py",
    "offhook/records/test_writer.py",
    "offhook/testing",
    "offhook/web/test_connections.py",
    "packaging",
    "pipeline/asr/test_pocketsphinx.py",
    "pipeline/asr/test_sherpa.py",
    "pipeline/asr/test_vosk.py",
    "pipeline/asr/test_whisper.py",
    "pipeline/chain/test_hosted.py",
    "pipeline/engine_host",
    "pipeline/test_speaker.py",
    "pipeline/tts/test_espeak.py",
    "telephony/native",
    "telephony/net",
)
"""Folders and files below `tests/`; a single test is marked by `@pytest.mark.alone`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs alone."""
    for item in items:
        place = item.path.relative_to(TESTS)
        if any(place.is_relative_to(each) for each in ALONE):
            item.add_marker(pytest.mark.alone)


def pytest_make_parametrize_id(val: object) -> str | None:
    """No addresses in the names of tests: processes that share them out must agree on the names."""
    if not hasattr(val, "__name__") and " at 0x" in repr(val):
        return type(val).__name__
    return None


@pytest.fixture(scope="session")
def vosk_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small Vosk model, 8 kHz: digits, and the phrases of tools.toy_models.corpus."""
    return unpacked("vosk", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def sherpa_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sherpa-onnx transducer, with the same words."""
    return unpacked("sherpa", tmp_path_factory.mktemp("models"))
