"""Finds the model that an engine's option `model` means, before the first call."""

from pathlib import Path

from offhook.models.catalogue import Engine, catalogue, recommended
from offhook.models.store import Model, ModelStore, at_path
from offhook.pipeline.language import known_as
from offhook.usererror import UserError


def choose(store: ModelStore, engine: Engine, model: str | None, language: str, where: str) -> Model:
    """The model named or in the folder `model`, or, without one, the only one here of the engine and the language.

    `where` is the settings' table, for errors. Raises UserError: none, several, or one of another engine.
    """
    if model is None:
        return _only(store, engine, language, where)
    if "/" in model or model.startswith("~") or Path(model).is_dir():
        return _in_folder(Path(model).expanduser(), engine, where)
    found = store.find(model)
    if found is None:
        listed = model in catalogue()
        todo = f"offhook models add {model}" if listed else "`offhook models list`, or a path for `model`"
        raise UserError(f"the model {model!r} is not here", f"{store.folder} has no such folder", todo, where)
    return _of_engine(found, engine, where)


def _in_folder(folder: Path, engine: Engine, where: str) -> Model:
    found = at_path(folder)
    if found is None:
        why = "it has not the files of one" if folder.is_dir() else "there is no such folder"
        todo = f"the folder of a model, or a name: offhook models add {recommended(engine, 'en')}"
        raise UserError(f"{folder} is not a {engine} model", why, todo, where)
    return _of_engine(found, engine, where)


def _of_engine(model: Model, engine: Engine, where: str) -> Model:
    if model.about.engine != engine:
        raise UserError(
            f"{model.name} is not a {engine} model",
            f"its files are those of a {model.about.engine} model",
            f'`engine = "{model.about.engine}"`, or another `model`',
            where,
        )
    return model


def _only(store: ModelStore, engine: Engine, language: str, where: str) -> Model:
    own = [model for model in store.models() if model.about.engine == engine]
    fitting = [model for model in own if known_as(model.about.languages, language) is not None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(model.name for model in fitting)
        raise UserError(
            f"{engine} needs `model`",
            f"several serve for {language!r}: {names}",
            f'`model = "{fitting[0].name}"` below `{where}`',
            where,
        )
    raise UserError(
        f"{engine} has no model for {language!r}",
        f"there is none in {store.folder}",
        f"offhook models add {recommended(engine, language)}",
        where,
    )
