"""The folder that models are kept in: one folder for each, by its name."""

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from offhook.models.catalogue import Engine, catalogue
from offhook.models.kinds import engine_of
from offhook.usererror import UserError, did_you_mean

ABOUT = "offhook-model.json"
"""A file in each model's folder: an `About`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an installed model. `sha256` is that of the archive or of the largest file."""

    engine: Engine
    languages: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model on this machine."""

    name: str
    folder: Path
    about: About


def default_folder() -> Path:
    """`offhook/models` in the user's data folder ($XDG_DATA_HOME, or ~/.local/share)."""
    # XDG Base Directory Specification: a relative path in the variable is to be ignored.
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".local" / "share"
    return base / "offhook" / "models"


def check_name(name: str) -> None:
    """Raises UserError for what cannot be the name of a model's folder."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be a model's name",
            "it has letters, digits, dots, hyphens and underscores, and begins with a letter or digit",
            "--name NAME",
        )


class ModelStore:
    """The models in `folder`, which need not exist."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def models(self) -> list[Model]:
        """All of them, by name."""
        if not self.folder.is_dir():
            return []
        found = (self.find(path.name) for path in sorted(self.folder.iterdir()))
        return [model for model in found if model is not None]

    def find(self, name: str) -> Model | None:
        """The model of that name, if it is here."""
        return at_path(self.folder / name) if _NAME.fullmatch(name) else None

    def remove(self, name: str) -> None:
        """Delete the model. Raises UserError if there is none of that name."""
        if self.find(name) is None:
            names = [model.name for model in self.models()]
            todo = did_you_mean(name, names) if names else "offhook models list --here"
            raise UserError(f"there is no model {name!r} to remove", f"it is not in {self.folder}", todo)
        path = self.folder / name
        if path.is_symlink():
            path.unlink()  # a user's own link: what it leads to is theirs
        else:
            shutil.rmtree(path)


def at_path(folder: Path) -> Model | None:
    """The model in a folder anywhere; its name is the folder's."""
    engine = engine_of(folder)
    if engine is None:
        return None
    name = folder.name or folder.resolve().name
    return Model(name, folder, _read_about(folder) or _known(name, engine))


def write_about(folder: Path, about: About) -> None:
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")


def _read_about(folder: Path) -> About | None:
    try:
        values = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return About(**{**values, "languages": tuple(values["languages"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # put there by hand, or edited: the files say enough


def _known(name: str, engine: Engine) -> About:
    entry = catalogue().get(name)
    if entry is None or entry.engine != engine:
        return About(engine)
    return About(engine, entry.languages, entry.licence, entry.page)
