"""The machine that a run is made on."""

import os
import platform
from pathlib import Path

from offhook.qa.verdict.baseline import Machine

_CPUINFO = Path("/proc/cpuinfo")


def this_machine() -> Machine:
    """Its processor by name, the cores that this process may use, and the Python that it runs on."""
    return Machine(_processor(), len(os.sched_getaffinity(0)), platform.python_version())


def _processor() -> str:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
