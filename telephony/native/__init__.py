"""The media pump in C: `media` is the module, or None if it was not built.

Without a compiler the package installs all the same, and its pure-Python twin carries fewer calls.
OFFHOOK_MEDIA=python in the environment selects the twin where both exist.
"""

import os
from types import ModuleType

__all__ = ["WANTED", "media"]

WANTED = os.environ.get("OFFHOOK_MEDIA", "native")
"""`native` or `python`."""

media: ModuleType | None
try:
    from offhook.telephony.native import _media

    media = _media
except ImportError:
    media = None
