"""The commands as a user types them: the demo, and what is said about mistakes."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import wave
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy
import pytest

from tests.e2e.backends import settings_of


def offhook(directory: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment: Mapping[str, str] = {
        **os.environ,
        "OFFHOOK_RECORDS__DIR": str(directory / "data"),
        "OFFHOOK_SIP__PORT": "0",
        "OFFHOOK_HTTP__PORT": "0",
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "offhook", *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def level(path: str) -> tuple[float, float]:
    """The loudness (RMS) of both channels of a stereo recording at 8 kHz."""
    with wave.open(path) as audio:
        assert (audio.getnchannels(), audio.getframerate(), audio.getsampwidth()) == (2, 8_000, 2)
        samples = numpy.frombuffer(audio.readframes(audio.getnframes()), numpy.int16).reshape(-1, 2).astype(float)
    left, right = numpy.sqrt(numpy.mean(samples**2, axis=0))
    return float(left), float(right)


def test_the_demo(tmp_path: Path, sip_backend: str) -> None:
    done = offhook(tmp_path, "demo", "--json", "--once", **settings_of(sip_backend))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["ok"], result["problem"]) == (True, None)

    said = [(line["who"], line["text"]) for line in result["transcript"]]
    assert ("caller", "check my balance") in said
    assert ("caller", "goodbye") in said
    assert ("bot", "Please enter the last four digits of your account number.") in said
    # By itself: an id or a measured number may have these digits among others.
    assert re.search(r"(?<![\w.])4711(?!\w)", done.stdout + done.stderr) is None

    assert len(result["turns"]) == 3
    for turn in result["turns"]:
        assert sum(turn["stages_ms"].values()) == pytest.approx(turn["response_ms"], abs=0.01)
        assert 0 < turn["response_ms"] < 2_000

    barge_in = result["barge_in"]
    assert barge_in["heard"].startswith("Thank you. The balance")
    assert barge_in["unheard"].endswith("no payments are waiting.")
    assert 0 < barge_in["silent_ms"] < 500

    record = result["record"]
    assert (record["disposition"], record["ended_by"], record["barge_ins"]) == ("ANSWERED", "caller", 1)
    with closing(sqlite3.connect(result["database"])) as database:
        rows = database.execute("SELECT uniqueid, end_reason, recording FROM calls").fetchall()
    assert rows == [(record["uniqueid"], "caller hung up", record["recording"])]

    with wave.open(record["recording"]) as audio:
        assert audio.getnframes() / 8_000 == pytest.approx(record["billsec"], abs=1)
    left, right = level(record["recording"])
    assert left > 100 and right > 100


def test_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text('[sip]\nhost = "127.0.0.1"\n\n[calls]\nmax_cals = 3\n')
    done = offhook(tmp_path, "serve", "--config", "offhook.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "offhook.toml:5" in done.stderr
    assert "there is no key `max_cals` in `[calls]`" in done.stderr
    assert "max_calls" in done.stderr
    assert "why:" in done.stderr and "type:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_the_environment(tmp_path: Path) -> None:
    done = offhook(tmp_path, "serve", OFFHOOK_CALLS__MAX_CALLS="many")
    assert done.returncode == 2
    assert "OFFHOOK_CALLS__MAX_CALLS" in done.stderr
    assert "why:" in done.stderr and "type:" in done.stderr


def test_a_mistake_in_the_flow(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nstart: menu\nsteps:\n  menu:\n    say: Hello.\n    next: nowhere\n"
    )
    done = offhook(tmp_path, "serve", "--flow", "shop.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "shop.yaml:6" in done.stderr
    assert "nowhere" in done.stderr
    assert "why:" in done.stderr and "type:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flow_that_is_not_there(tmp_path: Path) -> None:
    done = offhook(tmp_path, "serve", "--flow", "missing.yaml")
    assert done.returncode == 2
    assert "missing.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("answer",), ("serve", "--colour"), ("serve", "--sip", "nonsense:99999")])
def test_mistakes_on_the_command_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = offhook(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
