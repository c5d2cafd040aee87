"""`offhook init`: what it writes runs, and it overwrites nothing."""

import ast
from pathlib import Path

import pytest

from offhook.settings.config import Config
from tests.offhook.cli.conftest import Run


def test_a_flow_to_begin_with(run: Run, tmp_path: Path) -> None:
    status, out, err = run("init", "shop")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "wrote shop/offhook.toml",
        "wrote shop/flow.yaml",
        "next:  cd shop; offhook serve --config offhook.toml",
    ]
    config = Config.load(tmp_path / "shop" / "offhook.toml")
    assert config.dialog.flow == tmp_path / "shop" / "flow.yaml"


def test_what_is_written_passes_the_check(run: Run) -> None:
    assert run("init")[0] == 0
    bench = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp-ports", "20000-20019")
    status, out, _ = run("check", "--config", "offhook.toml", *bench)
    assert status == 0, out
    assert "first: 4 steps (flow.yaml)" in out


def test_a_bot_to_begin_with(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("init", "--python")
    assert status == 0
    assert out.endswith("next:  python bot.py\n")
    assert Config.load(tmp_path / "offhook.toml") == Config()
    tree = ast.parse((tmp_path / "bot.py").read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)] == ["hello"]
    scope: dict[str, object] = {"__name__": "bot"}
    exec(compile(tree, "bot.py", "exec"), scope)
    assert scope["bot"].dialog is scope["hello"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("present", ["offhook.toml", "flow.yaml"])
def test_nothing_is_overwritten(run: Run, tmp_path: Path, present: str) -> None:
    (tmp_path / present).write_text("mine")
    status, _, err = run("init")
    assert status == 2
    assert f"{present} exists already" in err
    assert [path.name for path in tmp_path.iterdir()] == [present]
    assert (tmp_path / present).read_text() == "mine"


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = run("init", "file/x")
    assert status == 2
    assert "cannot be written" in err
