"""Imports what settings name as MODULE:NAME: bots, engines, endpointing policies.

As with other servers that take such names, the current folder comes first, and before it the folder of the
configuration file, from which relative paths start too.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

_beside: list[Path] = []
"""The folder of the configuration file; a process has one."""


def search_beside(file: Path) -> None:
    """Modules may be in the folder of this configuration file."""
    _beside[:] = [file.parent]


def import_user_module(name: str, *beside: Path) -> ModuleType:
    """The module, which may also be in one of the folders `beside`. Raises whatever it raises."""
    for folder in (os.getcwd(), *(str(each.absolute()) for each in (*beside, *_beside))):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return import_module(name)


def reason(error: BaseException, module: str) -> str:
    """Why importing `module` failed: not found, or an error of its code, with its line."""
    if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
        folders = [str(each) for each in _beside if each.absolute() != Path.cwd()] + ["the current folder"]
        return f"there is no module {error.name!r} in {' or '.join(folders)}, and none is installed"
    where = f" ({_line(error)})" if _line(error) else ""
    return f"{type(error).__name__}: {error}{where}"


def _line(error: BaseException) -> str:
    """FILE:LINE of the innermost frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or "importlib" in trace.tb_frame.f_code.co_filename:
        return ""
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
