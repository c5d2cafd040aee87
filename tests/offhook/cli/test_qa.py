"""`offhook qa`: what is wrong before any call is placed, and what is only printed."""

from pathlib import Path

import pytest

from offhook.cli.main import USAGE
from offhook.cli.qa import INTERNAL_ERROR
from tests.offhook.cli.conftest import Run

NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("bad.yaml", "good.yaml", "--target", NOWHERE), "bad.yaml:2:5: there is no step `sai`"),
        (("good.yaml",), "nobody is called"),
        (("uac_hol",), "uac_hol cannot be run"),
        ((), "there is nothing to run"),
        (("good.yaml", "--bot", "none.yaml"), "--bot: the bot none.yaml cannot be started"),
        (("good.yaml", "--stream", "--target", NOWHERE), "--stream: there is no stream to call"),
        (("uac_hold",), "nobody is called"),
        (("empty",), "empty: empty has no scenarios"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    (tmp_path / "bad.yaml").write_text("steps:\n  - sai: x\n")
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    (tmp_path / "empty").mkdir()
    status, _, err = run("qa", "run", *arguments)
    assert (status, err.splitlines()[0]) == (USAGE, what)
    assert "why:" in err and "type:" in err


def test_scripts_are_checked_without_a_call(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    (tmp_path / "bad.yaml").write_text("steps:\n  - sai: x\n  - press: y\n")
    assert run("qa", "check", "good.yaml") == (0, "good.yaml: 1 steps, 0 prompts: ok\n", "")
    status, _, err = run("qa", "check", "good.yaml", "bad.yaml")
    assert status == USAGE and err.count("why:") == 2


def test_the_library_is_listed(run: Run) -> None:
    status, out, _ = run("qa", "run", "--list")
    assert status == 0 and len(out.splitlines()) > 30
    assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines())


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), OSError(5, "x")])
def test_a_mistake_in_the_program_is_no_finding(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("offhook.cli.qa_pcap._analyse", fail)
    status, _, err = run("qa", "pcap", "a.pcap")
    assert status == INTERNAL_ERROR and "Traceback" in err
