"""The voices of hibari-tts that are on this machine, from its files. Nothing of hibari runs here, or is downloaded."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

VERSION = "0.2.1"
DEFAULT_VOICE = "heart"

EXACT = frozenset({"5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"})
"""SHA-256 of the models whose durations were found to be right."""


@dataclass(frozen=True, slots=True)
class HibariVoice:
    """A voice: where its model should be, whether it is there, and whether its words have exact places."""

    name: str
    language: str
    path: Path
    here: bool
    exact: bool


@lru_cache(maxsize=1)
def hibari_voices() -> Mapping[str, HibariVoice]:
    """All voices that hibari knows, by name; empty if it is not installed."""
    found = find_spec("hibari")
    folders = found.submodule_search_locations if found is not None else None
    if not folders:
        return {}
    assets = Path(folders[0]) / "assets"
    try:
        known = json.loads((assets / "voices.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    voices = {}
    for name, values in known.items():
        path = (assets if values.get("bundled") else download_folder()) / str(values["file"])
        here = path.is_file()
        exact = here and sha256(path.read_bytes()).hexdigest() in EXACT
        voices[name] = HibariVoice(name, str(values["language"]).lower(), path, here, exact)
    return voices


def hibari_version() -> str:
    """The installed version; "" if there is none."""
    try:
        return version("hibari-tts")
    except PackageNotFoundError:
        return ""


def download_folder() -> Path:
    """Where hibari puts the voices that it downloads."""
    home = os.environ.get("HIBARI_HOME")
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) if home else Path(caches) / "hibari"
