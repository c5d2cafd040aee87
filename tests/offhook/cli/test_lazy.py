"""Commands are imported when they are asked for."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from offhook.cli import flow, main
from offhook.cli.lazy import lazy_group, uncollected

HEAVY = {
    "fastapi",
    "numpy",
    "sqlalchemy",
    "uvloop",
    "offhook.api",
    "offhook.pipeline.session",
    "offhook.process",
    "offhook.qa",
}
"""Of which a flow needs nothing to be checked."""


@pytest.mark.parametrize("commands", [main.COMMANDS, flow.COMMANDS])
def test_each_has_a_help(commands: dict[str, str]) -> None:
    app = typer.Typer(cls=lazy_group(commands))
    app.callback()(lambda: None)
    for name in commands:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0 and f" {name} " in shown.stdout, shown.output


def test_one_that_does_not_exist_has_a_suggestion() -> None:
    assert "flow" in CliRunner().invoke(main.app, ["flwo"]).output


def test_a_flow_is_checked_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("name: bye\nstart: bye\nsteps: {bye: {hang_up: Goodbye.}}\n")
    script = (
        "import json, sys\nfrom offhook.cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "flow", "check", str(tmp_path / "flow.yaml")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told, modules = ran.stdout.splitlines()
    assert told.endswith("flow.yaml: ok")
    assert "offhook.flow_tools.lint" in (loaded := set(json.loads(modules)))
    assert not HEAVY & loaded


def test_garbage_is_looked_for_afterwards() -> None:
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
