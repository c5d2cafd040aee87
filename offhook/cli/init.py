"""`offhook init`: creates a folder with commented settings and a first flow or bot."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from offhook.settings.document import template
from offhook.usererror import Problem, UserError

SETTINGS, FLOW, BOT = "offhook.toml", "flow.yaml", "bot.py"


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path(),
    python: Annotated[bool, typer.Option("--python", help="A bot in Python instead of a flow.", metavar="")] = False,
) -> None:
    """Write a first offhook.toml, with all settings in comments, and a first flow or bot. Nothing is overwritten."""
    for path in _write(folder, python=python):
        typer.echo(f"wrote {path}")
    place = "" if folder == Path() else f"cd {folder}; "
    typer.echo(f"next:  {place}{'python bot.py' if python else 'offhook serve --config offhook.toml'}")


def _write(folder: Path, *, python: bool) -> list[Path]:
    """Write the files; returns their paths. Raises UserError, and writes nothing, if one exists already."""
    made = {SETTINGS: template(flow=None if python else FLOW)}
    made[BOT if python else FLOW] = _first("bot.py.txt" if python else "flow.yaml")
    paths = {folder / name: text for name, text in made.items()}
    present = [path for path in paths if path.exists() or path.is_symlink()]
    if present:
        raise UserError.of(
            Problem(f"{path} exists already", "nothing is overwritten", f"offhook init {folder}/new, or move it away")
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
