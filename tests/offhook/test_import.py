"""What `import offhook` costs a program that only wants the types."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("uvicorn", "fastapi", "sqlalchemy", "uvloop", "onnxruntime", "offhook.process", "offhook.web")


def imported(code: str) -> tuple[float, list[str]]:
    """Seconds of CPU, and the names of all modules, after `code` in a fresh interpreter."""
    end = "print(json.dumps([time.process_time() - began, [*sys.modules]]))"
    script = f"import json, sys, time; began = time.process_time(); {code}; {end}"
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    seconds, names = json.loads(out)
    return seconds, names


def loaded_servers(names: list[str]) -> list[str]:
    return [name for name in names if name in SERVERS or name.startswith(tuple(f"{server}." for server in SERVERS))]


def test_importing_offhook_loads_next_to_nothing() -> None:
    # The best of some: what is measured is the import, not the machine.
    runs = [imported("import offhook") for _ in range(3)]
    assert loaded_servers(runs[0][1]) == []
    assert min(seconds for seconds, _ in runs) < 0.1


@pytest.mark.parametrize("names", ["Call, CallEnded, Dialog, Answer, AnswerKind", "UserError, Choice"])
def test_types_load_no_server(names: str) -> None:
    runs = [imported(f"from offhook import {names}") for _ in range(3)]
    assert loaded_servers(runs[0][1]) == []
    # About twice what they need of other packages; a web server besides would be five times that.
    others = [imported("import asyncio, numpy, structlog") for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 4 * min(seconds for seconds, _ in others)
