"""PJSIP's library: whether it is there, and whether it and our frame port fit together."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from offhook.usererror import UserError

WHERE = "sip.backend"
OWN = '`backend = "own"` below `[sip]`'


def load() -> Any:
    """The module pjsua2. Raises UserError."""
    try:
        # First: PJSIP finds our functions in place of its own only where they are there before it.
        ctypes.CDLL(frames().__file__, mode=ctypes.RTLD_GLOBAL)
        pj = import_module("pjsua2")
    except ImportError as error:
        raise UserError(
            '`backend = "pjsua2"` cannot be used',
            f"its Python module does not load: {error}",
            f"pip install 'offhook[pjsua2]', or {OWN}",
            WHERE,
        ) from error
    try:
        frames().open_namesakes(path_of(pj))
    except OSError as error:
        raise _does_not_fit(pj, error) from error
    _quiet(pj)
    return pj


def frames() -> ModuleType:
    """The module of the frame port. Raises UserError."""
    try:
        return import_module("offhook.telephony.native._frames")
    except ImportError as error:
        why = "the part in C was not built: there was no compiler when offhook was installed"
        todo = f"apt-get install gcc python3-dev, and pip install offhook again; or {OWN}"
        raise UserError('`backend = "pjsua2"` cannot be used', why, todo, WHERE) from error


@dataclass(frozen=True, slots=True)
class Checks:
    """What is asked about what comes before PJSIP uses it: see `_frames`."""

    descriptions: Callable[[bytes, bytes | None, int], int]
    headers: Callable[[bytes, str, bool], int]
    messages: Callable[[bytes, str, object | None], int]
    names: Callable[[bytes, int, str, object], None]


def opened(pj: Any, checks: Checks) -> tuple[ModuleType, int]:
    """The module of the frame port, and how many calls this build of PJSIP takes at once; `checks` are asked from now
    on. PJSUA is initialised. Raises UserError."""
    found = frames()
    try:
        most_calls = found.open_library(path_of(pj))
        found.check_headers(path_of(pj), checks.headers)
        found.check_descriptions(path_of(pj), checks.descriptions)
        found.look_at_messages(path_of(pj), checks.messages)
        found.look_up_names(path_of(pj), checks.names)
        return found, most_calls
    except OSError as error:
        raise _does_not_fit(pj, error) from error


def _does_not_fit(pj: Any, error: OSError) -> UserError:
    what = "PJSIP cannot be used"
    why = f"our part in C does not fit into {path_of(pj)}: {error}"
    return UserError(what, why, f"pip install 'offhook[pjsua2]', or {OWN}", WHERE)


def path_of(pj: Any) -> str:
    """The file that has PJSIP's functions: the module's compiled part."""
    return str(getattr(pj, "_pjsua2").__file__)  # noqa: B009  # it is private to SWIG only


def _quiet(pj: Any) -> None:
    """Until it has its settings it would write to the standard output."""
    ctypes.CDLL(path_of(pj)).pj_log_set_level(0)
