"""Baselines of results, in files."""

import json
from pathlib import Path

import pytest

from offhook.qa import baseline_file
from offhook.qa.baseline_file import baseline_of, planned, read_baseline, tolerances_of, write_baseline
from offhook.qa.machine import this_machine
from offhook.qa.result import Result
from offhook.qa.script.reading import parse_script
from offhook.qa.verdict.baseline import Tolerance, differences
from offhook.qa.verdict.identity import script_hash
from offhook.usererror import UserError

SCRIPT = parse_script(b"name: balance\nsteps: [hang_up]", "balance.yaml")


def result(*responses_ms: float) -> Result:
    figures = {"response_ms": [{"value": each, "at_s": 1.0} for each in responses_ms], "barge_in_ms": []}
    about = {"hash": script_hash(SCRIPT), "clips": "c", "line": "sip"}
    return Result("balance", "balance.yaml", 1.0, details={"seed": 1, "script": about, "figures": figures})


def test_the_figures_of_all_runs_are_together(tmp_path: Path) -> None:
    machine = this_machine()
    made = baseline_of([result(400.0, 500.0), result(450.12345), Result("uac_short", "x.xml", 0.1)], machine)
    (figures,) = made.scripts.values()
    assert (figures.runs, figures.values) == (2, {"response_ms": [400.0, 500.0, 450.123]})
    path = tmp_path / "base.json"
    write_baseline(path, made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["machine"]["cores"] == machine.cores
    assert differences(read_baseline(path), planned([SCRIPT], "127.0.0.1:5060", machine)) == []
    assert differences(read_baseline(path), planned([SCRIPT], "ws://127.0.0.1/", machine)) == [
        "'balance' is called over stream, and was called over sip"
    ]


def test_this_machine_has_a_name() -> None:
    machine = this_machine()
    assert machine.processor and machine.cores >= 1 and machine.python.startswith("3.")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": 7}', b"[" * 100_000])
def test_a_file_that_is_no_baseline(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "base.json").write_bytes(content)
    with pytest.raises(UserError, match=r"base\.json cannot be read"):
        read_baseline(tmp_path / "base.json")


@pytest.mark.parametrize(
    ("place", "number"),
    [(place, number) for place in ("cores", "runs", "value") for number in ("1e999", "NaN")] + [("value", "9" * 400)],
)
def test_numbers_that_are_none(tmp_path: Path, place: str, number: str) -> None:
    path = tmp_path / "base.json"
    write_baseline(path, baseline_of([result(400.0)], this_machine()))
    content = json.loads(path.read_text())
    (figures,) = content["scripts"].values()
    if place == "value":
        figures["values"]["response_ms"] = ["HERE"]
    else:
        (content["machine"] if place == "cores" else figures)[place] = "HERE"
    path.write_text(json.dumps(content).replace('"HERE"', number))
    with pytest.raises(UserError, match=r"base\.json cannot be read"):
        read_baseline(path)


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_baseline(tmp_path / "base.json")
    monkeypatch.setattr(baseline_file, "MAX_FILE_BYTES", 3)
    (tmp_path / "base.json").write_text("{    }")
    with pytest.raises(UserError, match="more than 3 bytes"):
        read_baseline(tmp_path / "base.json")


def test_scripts_that_cannot_be_compared() -> None:
    with pytest.raises(UserError, match="two scripts are called 'balance'"):
        planned([SCRIPT, SCRIPT], "", this_machine())
    with pytest.raises(UserError, match="nothing to compare"):
        planned([], "", this_machine())


def test_tolerances() -> None:
    assert tolerances_of(["response_ms=10,30", "loss_percent=0,0.5"]) == {
        "response_ms": Tolerance(10.0, 30.0),
        "loss_percent": Tolerance(0.0, 0.5),
    }
    assert tolerances_of([]) == {}


@pytest.mark.parametrize(
    "text", ["", "response_ms", "response_ms=10", "response_ms=a,b", "response_ms=-1,3", "response_ms=nan,1", "x=1,2"]
)
def test_what_is_no_tolerance(text: str) -> None:
    with pytest.raises(UserError):
        tolerances_of([text])
