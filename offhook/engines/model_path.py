"""Finds the model of a local engine."""

from pathlib import Path

from offhook.engines.factory import EngineContext
from offhook.usererror import UserError


def resolve_model(model: str, context: EngineContext, files: tuple[str, ...]) -> Path:
    """The folder of a model, which has all of `files` ("a|b": either). Raises UserError if it is missing."""
    folder = Path(model).expanduser().absolute()
    if not folder.is_dir():
        raise UserError(
            f"the model of {context.name} cannot be used",
            f"there is no folder {folder}",
            f'`model = "FOLDER"` below `{context.where}`',
            context.where,
        )
    missing = [each for each in files if not any((folder / name).is_file() for name in each.split("|"))]
    if missing:
        raise UserError(
            f"{folder} is not a model for {context.name}",
            f"it has no {', '.join(missing).replace('|', ' or ')}",
            f'`model = "FOLDER"` below `{context.where}`',
            context.where,
        )
    return folder
