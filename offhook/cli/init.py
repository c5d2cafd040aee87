"""`offhook init`: a first folder, with all settings in comments, and a flow or a bot to begin with."""

from importlib.resources import files
from pathlib import Path

from offhook.settings.document import template
from offhook.usererror import Problem, UserError

SETTINGS, FLOW, BOT = "offhook.toml", "flow.yaml", "bot.py"


def init(folder: Path, *, python: bool) -> list[Path]:
    """Write the files; returns them. Raises UserError, and has written nothing, when one is there already."""
    made = {SETTINGS: template(flow=None if python else FLOW)}
    made[BOT if python else FLOW] = _first("bot.py.txt" if python else "flow.yaml")
    paths = {folder / name: text for name, text in made.items()}
    present = [path for path in paths if path.exists() or path.is_symlink()]
    if present:
        raise UserError.of(
            Problem(f"{path} is there already", "nothing is overwritten", f"offhook init {folder}/new, or move it away")
            for path in present
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written", error.strerror or str(error), "name another folder"
        ) from error
    return list(paths)


def _first(name: str) -> str:
    return files("offhook").joinpath("assets", "init", name).read_text(encoding="utf-8")
