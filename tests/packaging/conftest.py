"""A wheel, built from what the Dockerfile copies, and installed into an empty environment outside the checkout."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(arguments: Sequence[str | Path], folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program without the checkout on its path; another exit status than `status` fails the test."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OFFHOOK_", "PYTHON", "PYTEST"))}
    result = subprocess.run(
        [str(each) for each in arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert result.returncode == status, f"{arguments}\n{result.stdout}\n{result.stderr}"
    return result


def pip(*arguments: str | Path, folder: Path) -> None:
    """Run this environment's pip."""
    run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], folder)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the Dockerfile copies into its build, and a build needs no more."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    folder = tmp_path_factory.mktemp("source")
    for name in [*" ".join(copied).split(), "MANIFEST.in"]:  # the latter for an sdist
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, symlinks=True, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(path, folder)
    # What runs in the checkout leaves behind.
    (folder / "offhook-data" / "recordings").mkdir(parents=True)
    (folder / "offhook-data" / "calls.db").write_bytes(b"x")
    return folder


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's file."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, source, folder=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which there is nothing but `offhook[local]`, installed in one step."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], folder)
    interpreter = folder / "venv" / "bin" / "python"
    pip("--python", interpreter, "install", f"{wheel}[local]", folder=folder)
    return interpreter
