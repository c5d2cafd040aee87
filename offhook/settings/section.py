"""What a section of the settings is: frozen, without unknown keys, its documentation below its keys."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

_SECRET_OPTION = re.compile(r"(?i)(?:^|_)(?:key|token|secret|password|credentials?)$")


class Section(BaseModel):
    """Base of all sections: frozen, without unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object, info: ValidationInfo) -> object:
        # Pydantic would take `port = true` for port 1.
        annotation = cls.model_fields[info.field_name].annotation if info.field_name else None
        if isinstance(value, bool) and annotation not in (bool, bool | None):
            raise PydanticCustomError("no_truth", "true and false are not valid here")
        return value


class EngineSection(Section):
    """A section that names an engine. `[asr.NAME]` (or `[tts.NAME]`, `[vad.NAME]`) holds the options of the engine
    NAME, which gets them as written."""

    options: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Options by engine. Names that end in key, token, secret, password or credentials make a value a SecretStr."""

    @property
    def chain(self) -> tuple[str, ...]:
        """The engines' names, the first choice first."""
        engine: str | tuple[str, ...] = getattr(self, "engine", ())
        return (engine,) if isinstance(engine, str) else engine

    @model_validator(mode="before")
    @classmethod
    def _tables_are_options(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        tables = {k: v for k, v in values.items() if isinstance(v, Mapping) and k not in cls.model_fields}
        if not tables:
            return values
        rest = {key: value for key, value in values.items() if key not in tables}
        return rest | {"options": {**rest.get("options", {}), **tables}}

    @field_validator("options")
    @classmethod
    def _secrets_are_hidden(cls, options: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
        return {name: {key: _hidden(key, value) for key, value in each.items()} for name, each in options.items()}


def _hidden(key: str, value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) and _SECRET_OPTION.search(key) else value
