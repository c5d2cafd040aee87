"""The models that `offhook models add NAME` knows: assets/models.toml."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

Engine = Literal["vosk", "sherpa", "whisper", "piper", "kokoro", "smart-turn"]
ENGINES: tuple[Engine, ...] = ("vosk", "sherpa", "whisper", "piper", "kokoro", "smart-turn")
VOICES: tuple[Engine, ...] = ("piper", "kokoro")
"""Those of them that speak."""

ADVISER: Engine = "smart-turn"
"""The one that neither speaks nor recognises: it judges whether a turn is over."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch; `sha256` is empty where the catalogue does not know it."""

    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """The last part of the URL's path."""
        return urlsplit(self.url).path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model. `files` is one archive (`archive`), or the files of its folder.

    `languages` are BCP 47 tags, empty for many; `size_mb` is the size of the download, about, or 0 where it is not
    known; `page` says where it comes from.
    """

    name: str
    engine: Engine
    languages: tuple[str, ...]
    size_mb: int
    licence: str
    page: str
    files: tuple[RemoteFile, ...]
    archive: bool
    note: str = ""


@lru_cache
def catalogue() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    text = files("offhook").joinpath("assets", "models.toml").read_text("utf-8")
    return {entry.name: entry for source in tomllib.loads(text)["source"] for entry in _entries(source)}


def recommended(engine: Engine, language: str) -> str:
    """The first model of the engine that serves for the language, or else its first: for "type: …"."""
    base = language.partition("-")[0].lower()
    own = [entry for entry in catalogue().values() if entry.engine == engine]
    fitting = [entry for entry in own if any(each.partition("-")[0] == base for each in entry.languages)]
    return (fitting or own)[0].name


def _entries(source: dict[str, Any]) -> list[Entry]:
    """A source has what its models have in common, and `url` with {name} and {file}."""
    found = []
    for model in source["models"]:
        known = {**{key: value for key, value in source.items() if key != "models"}, **model}
        names = [name.format(**known) for name in known["files"]]
        sums = known.get("sha256", {})
        url = known["url"]
        remote = tuple(RemoteFile(url.format(**known, file=name), sums.get(name, "")) for name in names)
        languages = known.get("language", "")
        found.append(
            Entry(
                known["name"],
                known["engine"],
                tuple(languages.split()),
                known.get("size_mb", 0),
                known["licence"],
                known["page"].format(**known),
                remote,
                known.get("archive", False),
                known.get("note", ""),
            )
        )
    return found
