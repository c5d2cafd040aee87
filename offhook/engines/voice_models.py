"""Finds the files of voices that are fetched: those of Piper and Kokoro, in the folder of models or elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from offhook.engines.factory import EngineContext
from offhook.models.catalogue import catalogue, recommended
from offhook.models.choose import choose
from offhook.models.store import ModelStore
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import covers
from offhook.pipeline.tts.kokoro_files import STYLES, styles_in
from offhook.pipeline.tts.piper_voices import files_in, read_file
from offhook.usererror import UserError


def piper_models(context: EngineContext, folder: Path | None) -> dict[str, Path]:
    """Piper's voices by name: those of `offhook models`, and those in `folder`, which go first."""
    found: dict[str, Path] = {}
    for model in ModelStore(context.models_dir).models():
        if model.about.engine == "piper":
            found |= files_in(model.folder)
    return found | files_in(folder)


def only_voice(models: Mapping[str, Path], context: EngineContext) -> str:
    """The only voice of Piper for the bot's language. Raises UserError: none, several."""
    fitting = [name for name, path in models.items() if _speaks(path, context.language)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        why = f"several speak {context.language!r}: {', '.join(fitting)}"
        raise UserError("piper needs `voice`", why, f'`voice = "{fitting[0]}"` below `{context.where}`', context.where)
    raise UserError(
        f"piper has no voice for {context.language!r}",
        f"there is none in {ModelStore(context.models_dir).folder}",
        f"offhook models add {recommended('piper', context.language)}",
        context.where,
    )


def check_is_here(voice: str, models: Mapping[str, Path], context: EngineContext) -> None:
    """Raises UserError for a voice of the catalogue that has not been fetched."""
    name = voice.partition(":")[0]
    known = catalogue().get(name)
    if name not in models and known is not None and known.engine == "piper":
        raise UserError(
            f"the voice {name!r} is not here",
            f"it is not in {ModelStore(context.models_dir).folder}",
            f"offhook models add {name}",
            context.where,
        )


def kokoro_files(model: str | None, styles: Path | None, context: EngineContext) -> tuple[Path, Path]:
    """Kokoro's model and styles. Raises UserError: none, several."""
    if model is not None and model.endswith(".onnx"):
        path = Path(model).expanduser()
        return path, styles or styles_in(path.parent) or path.with_name(STYLES)
    folder = choose(ModelStore(context.models_dir), "kokoro", model, context.language, context.where).folder
    found = sorted(folder.glob("*.onnx"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(
            "kokoro needs `model`", f"{folder} has several: {names}", f'`model = "{found[0]}"`', context.where
        )
    return found[0], styles or styles_in(folder) or folder / STYLES


def _speaks(path: Path, language: str) -> bool:
    try:
        own = read_file(path).language
    except EngineError:
        return False  # the engine reports it when it is asked for
    return covers(own, language) or covers(language, own)
