"""The fuzz targets, for some seconds each: with atheris, which follows the code, or else with hypothesis."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.rtp_session import play_session
from fuzz.seeds import seeds
from fuzz.targets import MAX_BYTES, TARGETS

SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = 1_000
HAS_ATHERIS = importlib.util.find_spec("atheris") is not None


def test_every_target_has_seeds_and_a_name_on_the_command_line() -> None:
    from fuzz.__main__ import FOLLOWED  # noqa: PLC0415

    assert set(TARGETS) == set(seeds()) == set(FOLLOWED) == set(MAX_BYTES)


@pytest.mark.parametrize("target", TARGETS)
def test_the_seeds_and_what_is_left_when_they_are_cut_off(target: str) -> None:
    for seed in seeds()[target]:
        for length in range(len(seed) + 1):
            TARGETS[target](seed[:length])


def test_a_session_that_miscounts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: here `clear` says that nothing was dropped."""
    monkeypatch.setattr("offhook.telephony.rtp.session.RtpSession.clear", lambda self, now: self._sender.clear() * 0)
    with pytest.raises(AssertionError):
        for seed in seeds()["session"]:
            play_session(seed)


@pytest.mark.skipif(not HAS_ATHERIS, reason="atheris has no wheel for this Python: hypothesis does it below")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found_in_some_seconds(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz", target, "--seconds", str(SECONDS), "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + SECONDS, check=False)
    findings = {path.name: path.read_bytes().hex() for path in tmp_path.glob(f"{target}-*")}
    assert done.returncode == 0, f"{findings}\n{done.stdout[-3_000:]}\n{done.stderr[-1_000:]}"
    assert "stat::number_of_executed_units" in done.stderr


@pytest.mark.skipif(HAS_ATHERIS, reason="atheris does it, and better")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found_by_chance(target: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.binary(max_size=400))
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()
