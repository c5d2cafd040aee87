"""Starts the programs in `children`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.offhook.records.children", name, *arguments]


@contextmanager
def child(name: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The running program; killed at the end, if it is still there."""
    with subprocess.Popen(command(name, *arguments), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def run(name: str, *arguments: str) -> tuple[list[str], list[str]]:
    """What the program wrote to its standard output and standard error until it ended by itself."""
    result = subprocess.run(command(name, *arguments), capture_output=True, text=True, timeout=30, check=True)
    return result.stdout.splitlines(), result.stderr.splitlines()
