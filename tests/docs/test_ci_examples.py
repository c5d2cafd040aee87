"""The examples of docs/qa-report.md for CIs: they are YAML, and their commands do what the page says."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from offhook.qa.script.expect import MEASURES
from tests.docs.pages import ROOT, blocks

EXAMPLES: list[dict[str, Any]] = [yaml.safe_load(each) for each in blocks(ROOT / "docs" / "qa-report.md", "yml")]


def commands(example: dict[str, Any]) -> list[str]:
    """What its steps type."""
    if "jobs" not in example:
        found: list[str] = example["calls"]["script"]
        return found
    return [step["run"] for job in example["jobs"].values() for step in job["steps"] if "run" in step]


def artefacts(example: dict[str, Any]) -> set[str]:
    """What it keeps."""
    if "jobs" not in example:
        kept = example["calls"]["artifacts"]
        return {*kept["paths"], kept["reports"]["junit"]}
    steps = [
        step for job in example["jobs"].values() for step in job["steps"] if "upload-artifact" in step.get("uses", "")
    ]
    return {path for step in steps for path in step["with"]["path"].split()}


def test_there_are_examples_for_both() -> None:
    assert len(EXAMPLES) == 3
    assert ["jobs" in each for each in EXAMPLES] == [True, False, True]
    assert all(any("pip install 'offhook[" in each for each in commands(example)) for example in EXAMPLES)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the tutorial of docs/qa.md has made: a flow and a script. The worktree of the last example, too."""
    folder = tmp_path_factory.mktemp("ci")
    subprocess.run([sys.executable, "-m", "offhook", "init", "shop"], cwd=folder, check=True, capture_output=True)
    script = next(each for each in blocks(ROOT / "docs" / "qa.md", "yaml") if each.startswith("# hours.yaml"))
    (folder / "shop" / "hours.yaml").write_text(script)
    (folder / "shop" / "before").mkdir()
    shutil.copy(folder / "shop" / "flow.yaml", folder / "shop" / "before")
    yield folder / "shop"


@pytest.mark.real_time
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_their_commands_run(shop: Path, number: int) -> None:
    example = EXAMPLES[number]
    ours = [each for each in commands(example) if each.startswith("offhook ")]
    assert ours
    for command in ours:
        # Seldom enough for a test; this machine has other things to do, so that how fast it was is not judged.
        words = shlex.split(command.replace("--repeat 20", "--repeat 2").replace("--repeat 3", "--repeat 1"))
        if "--baseline" in words:
            timed = [name for name, measure in MEASURES.items() if measure.unit in ("ms", "ppm")]
            words += [word for name in timed for word in ("--tolerance", f"{name}=100,5000")]
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=shop, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    kept = {path for path in artefacts(example) if not path.endswith("/")}
    assert kept and all((shop / each).is_file() for each in kept)
