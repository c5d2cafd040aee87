"""Which tests run beside which others, and what all have in common.

`make test` runs three times, each test once:

- two at a time, those that only compute, or read and write on loopback as fast as they can;
- `real_time`, four at a time: those that wait, for a call to be talked through or for a process to start and to end.
  Such a test needs a quarter of a core, but soon: these are not beside the first;
- `alone`, one after the other: those that measure time, memory or CPU, and those that load all cores.
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
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so does a shell with what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is not part of the project is given, or its test is skipped."""
    parser.addoption("--sip-caller", type=Path, metavar="PATH", help="a program that calls over SIP: bench/README.md")


TESTS = Path(__file__).parent
REAL_TIME = (
    "e2e",
    "offhook/calls",
    "offhook/carriers",
    "offhook/process",
    "offhook/realtime",
    "offhook/records/test_writer.py",
    "offhook/testing",
    "offhook/web/test_connections.py",
    "pipeline/asr/test_pocketsphinx.py",
    "pipeline/chain/test_hosted.py",
    "pipeline/engine_host/test_blocking.py",
    "pipeline/engine_host/test_pool.py",
    "pipeline/test_speaker.py",
    "pipeline/tts/test_espeak.py",
    "qa/crawl/test_foreign.py",
    "qa/foreign/test_words.py",
    "telephony/net",
    "vendors",
)
ALONE = (
    "e2e/test_flight.py",
    "e2e/test_heard.py",
    "e2e/test_qa_pcap.py",
    "e2e/test_rtp.py",
    "e2e/test_scenarios.py",
    "e2e/test_speech_agent.py",
    "e2e/test_whisper.py",
    "faults",
    "offhook/carriers/test_forgeries.py",
    "offhook/observe/test_loop_watch.py",
    "offhook/process/test_memory.py",
    "offhook/test_import.py",
    "packaging",  # its environment takes both cores to make, and its first call tells how fast it was
    "pipeline/asr/test_whisper.py",
    "pipeline/engine_host/test_whisper_engine.py",
    "qa/foreign/test_pjsua2.py",
    "qa/foreign/test_sipp.py",
    "qa/test_clean.py",
    "qa/test_foreign.py",
    "telephony/net/test_clock.py",
    "telephony/net/test_pacing.py",
    "telephony/net/test_udp_line.py",
    "telephony/net/test_udp_line_sources.py",
)
"""Folders and files below `tests/`; a single test is marked by `@pytest.mark.alone` or `@pytest.mark.real_time`."""

AT_ONCE = (
    "faults/test_drift.py",
    "faults/test_jitter.py",
)
"""In virtual time, whatever their folders are."""


FIRST = "not alone and not real_time"


def _marker_of(path: Path) -> str:
    """That of all tests of a file, or "" if only some may have one."""
    place = path.relative_to(TESTS)
    if str(place) in AT_ONCE:
        return ""
    for marker, places in (("alone", ALONE), ("real_time", REAL_TIME)):
        if any(place.is_relative_to(each) for each in places):
            return marker
    return ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without a test of this run are not imported: all of them cost each process 25 s."""
    wanted = config.getoption("-m")
    if not collection_path.name.startswith("test_") or wanted not in (FIRST, "real_time", "alone"):
        return None
    marker = _marker_of(collection_path)
    if wanted == FIRST:
        return bool(marker) or None
    return None if marker == wanted or f"mark.{wanted}" in collection_path.read_text() else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is not in the first of the three; what is marked `alone` is nothing else."""
    for item in items:
        marker = _marker_of(item.path)
        if marker and item.get_closest_marker("alone") is None:
            item.add_marker(marker)


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
