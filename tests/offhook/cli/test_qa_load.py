"""`offhook qa load`: what is wrong before any call is placed."""

from pathlib import Path

import pytest

from offhook.cli.main import USAGE
from offhook.qa.load import run as load_run
from tests.offhook.cli.conftest import Run

NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("bad.yaml", "good.yaml", "--target", NOWHERE), "bad.yaml:2:5: there is no step `sai`"),
        (("good.yaml",), "nobody is called"),
        (("none.yaml", "--target", NOWHERE), "none.yaml: the script cannot be read"),
        (("empty", "--target", NOWHERE), "empty: empty has nothing to run"),
        (("double.yaml", "--target", NOWHERE), "double.yaml: a script cannot be run many times at once"),
        (("double.yaml", "--bot", "none.yaml"), "double.yaml: a script cannot be run many times at once"),
        (("good.yaml", "--bot", "none.yaml"), "--bot: the bot none.yaml cannot be started"),
        (("good.yaml", "--evenly", "--target", NOWHERE), "--evenly: nothing arrives"),
        (("good.yaml", "--stream", "--target", NOWHERE), "--stream: there is no stream to call"),
        (("record.yaml", "--target", NOWHERE), "record.yaml: what is expected of the bot's record cannot be known"),
        (("good.yaml", "--at-once", "200", "--target", NOWHERE), "--at-once: 200 calls at once are too many"),
    ],
)
def test_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], what: str
) -> None:
    (tmp_path / "bad.yaml").write_text("steps:\n  - sai: x\n")
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    (tmp_path / "double.yaml").write_text("steps: [hang_up]\nhttp: {port: 8099}\n")
    (tmp_path / "record.yaml").write_text("steps: [hang_up]\nexpect: {keys_received: 1}\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(load_run, "raise_descriptor_limit", lambda: 512)
    status, _, err = run("qa", "load", *arguments)
    assert (status, err.splitlines()[0]) == (USAGE, what)
    assert "why:" in err and "type:" in err


@pytest.mark.parametrize("wrong", [("--calls", "0"), ("--rate", "0"), ("--at-once", "99999"), ("--ramp", "-1")])
def test_numbers_have_bounds(run: Run, tmp_path: Path, wrong: tuple[str, ...]) -> None:
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    status, _, err = run("qa", "load", "good.yaml", "--target", NOWHERE, *wrong)
    assert status == USAGE and wrong[0] in err
