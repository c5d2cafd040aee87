"""What an engine's factory is given: its options, read into a model, and a context."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from offhook.pipeline.errors import EngineError
from offhook.usererror import Problem, UserError, did_you_mean

Kind = Literal["vad", "asr", "tts", "llm"]

M = TypeVar("M", bound=BaseModel)

USUAL_RATE_WPM = 165
"""`tts.rate_wpm` unless it is set."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine's factory may need besides the engine's own options.

    `name` is what the settings call it, for errors and metrics; `language` that of the calls, a BCP 47 tag; `voice`
    what `tts.voice` says ("" is nothing); `workers` how many child processes it may have; `models_dir` where its models
    are (None: the user's data folder); `rate_wpm` what `tts.rate_wpm` says, where 165 is a voice's own pace.
    """

    kind: Kind
    name: str
    language: str = "en"
    voice: str = ""
    workers: int = 1
    models_dir: Path | None = None
    rate_wpm: int = USUAL_RATE_WPM

    @property
    def where(self) -> str:
        """The settings' table with its options."""
        return f"[{self.kind}.{self.name}]"


@runtime_checkable
class RemoteEngine(Protocol):
    """An engine somewhere else, which starts even if it cannot be reached."""

    @property
    def unreached(self) -> EngineError | None:
        """Why it could not be reached at the start; None if it could."""
        ...


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """Marks an option that defaults to this environment variable: usually the vendor's own."""

    variable: str


def read_options(model: type[M], options: Mapping[str, Any], context: EngineContext) -> M:
    """The options as a `model`. Raises UserError with everything that is wrong, and where it is.

    An option that is `Annotated` with `FromEnvironment` need not be in the settings.
    """
    given = dict(options)
    for name, field in model.model_fields.items():
        variable = _variable(field)
        if name not in given and variable is not None and os.environ.get(variable):
            given[name] = os.environ[variable]
    try:
        return _with_trimmed_keys(model.model_validate(given), context)
    except ValidationError as error:
        problems = [
            _problem(model, context, [str(part) for part in each["loc"]], each["type"], each["msg"])
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise UserError.of(problems) from None


def _with_trimmed_keys(found: M, context: EngineContext) -> M:
    """Without the line break that a key has which was read from a file. What else cannot stand in a header is refused
    here, for the libraries below show the whole header."""
    trimmed: dict[str, SecretStr] = {}
    for name in type(found).model_fields:
        value = getattr(found, name)
        if isinstance(value, SecretStr):
            text = value.get_secret_value().strip()
            if not text.isprintable():
                todo = f"`{name}` below `{context.where}` once more, without line breaks"
                raise UserError(f"`{name}` cannot be that", "it has control characters", todo, context.where)
            trimmed[name] = SecretStr(text)
    return found.model_copy(update=trimmed)


def _variable(field: FieldInfo) -> str | None:
    return next((each.variable for each in field.metadata if isinstance(each, FromEnvironment)), None)


def _problem(model: type[BaseModel], context: EngineContext, path: list[str], kind: str, message: str) -> Problem:
    key = path[0] if path else ""
    field = model.model_fields.get(key)
    if field is None:
        why = f"{context.name} has " + (", ".join(model.model_fields) or "no options")
        return Problem(f"there is no option `{key}`", why, did_you_mean(key, list(model.model_fields)), context.where)
    if kind == "missing":
        variable = _variable(field)
        todo = f"export {variable}=…" if variable else f"`{key} = …` below `{context.where}`"
        return Problem(f"{context.name} needs `{key}`", "it is not set", todo, context.where)
    why = message.replace("Input should", "it must").removeprefix("Value error, ")
    todo = f"another value for `{key}` below `{context.where}`"
    if not field.is_required():
        todo += f", such as {field.get_default(call_default_factory=False)!r}"
    return Problem(f"`{'.'.join(path)}` cannot be that", why, todo, context.where)
