"""The media pump in C, if it was built: `media` is the module, or None.

Without a compiler the package installs all the same, and its pure-Python twin does the work, for fewer calls.
OFFHOOK_MEDIA=python in the environment chooses the twin where both are there.
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
