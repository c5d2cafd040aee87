"""Typed settings: one TOML file, `OFFHOOK_SECTION__KEY` in the environment over it, the command line over
both.

`Config()` is the defaults, `Config.load` reads; it raises UserError and nothing else, and every problem
names its line, its variable or the command line.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from offhook.settings.addresses import parse_address, parse_port_range
from offhook.settings.sections import (
    AsrConfig,
    CallsConfig,
    CarriersConfig,
    CodecName,
    DialogConfig,
    EarsConfig,
    HttpConfig,
    LogConfig,
    RecordsConfig,
    RtpConfig,
    SipConfig,
    TtsConfig,
    TurnConfig,
    TwilioConfig,
    VadConfig,
)
from offhook.settings.toml_file import ConfigFile, read_config_file
from offhook.usererror import Problem, UserError, closest, did_you_mean

__all__ = [
    "ENV_PREFIX",
    "AsrConfig",
    "CallsConfig",
    "CarriersConfig",
    "CodecName",
    "Config",
    "DialogConfig",
    "EarsConfig",
    "HttpConfig",
    "LogConfig",
    "RecordsConfig",
    "RtpConfig",
    "SipConfig",
    "TtsConfig",
    "TurnConfig",
    "TwilioConfig",
    "VadConfig",
    "parse_address",
    "parse_port_range",
]

ENV_PREFIX = "OFFHOOK_"
COMMAND_LINE = "command line"


class Config(BaseSettings):
    """All settings. Printed, it is TOML without secrets."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid", frozen=True
    )

    sip: SipConfig = SipConfig()
    http: HttpConfig = HttpConfig()
    twilio: TwilioConfig = TwilioConfig()
    carriers: CarriersConfig = CarriersConfig()
    rtp: RtpConfig = RtpConfig()
    calls: CallsConfig = CallsConfig()
    vad: VadConfig = VadConfig()
    ears: EarsConfig = EarsConfig()
    turn: TurnConfig = TurnConfig()
    asr: AsrConfig = AsrConfig()
    tts: TtsConfig = TtsConfig()
    dialog: DialogConfig = DialogConfig()
    records: RecordsConfig = RecordsConfig()
    log: LogConfig = LogConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: the environment counts in `load`, where its problems can be told."""
        return (init_settings,)

    @classmethod
    def load(cls, path: Path | None = None, overrides: Mapping[str, Mapping[str, object]] | None = None) -> Self:
        """The settings of file and environment, `overrides` (section, key, value; None is skipped) over them.

        Relative paths in the file start from the file's folder, all others from the current one. Raises
        UserError.
        """
        file = read_config_file(path) if path is not None else ConfigFile("", {}, {})
        sources = _Sources(file, path.parent if path is not None else Path())
        sources.take_file()
        sources.take_environment(EnvSettingsSource(cls))
        sources.take_overrides(overrides or {})
        try:
            config = cls(**sources.values)
        except ValidationError as error:
            sources.problems.extend(sources.problem_of(each) for each in error.errors(include_url=False))
        if sources.problems:
            raise UserError.of(sources.problems)
        return config

    @property
    def max_calls(self) -> int:
        """How many calls at once at the most: `calls.max_calls`, or fewer if the media ports do not suffice."""
        return min(self.calls.max_calls or self.rtp.pairs, self.rtp.pairs)

    def redacted(self) -> dict[str, dict[str, Any]]:
        """All values as plain ones, fit for JSON; passwords are masked."""
        values: dict[str, dict[str, Any]] = self.model_dump(mode="json")
        url = values["records"]["database_url"]
        if url is not None:
            values["records"]["database_url"] = redact_url(url)
        for section, key in (("twilio", "auth_token"), ("carriers", "token"), ("http", "password")):
            if values[section][key] is not None:
                values[section][key] = "***"
        return values

    def __str__(self) -> str:
        lines = []
        for section, values in self.redacted().items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        return "\n".join(lines)


class _Sources:
    """Merges the three sources and remembers where each value came from."""

    def __init__(self, file: ConfigFile, folder: Path) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._folder = folder
        self._origins: dict[tuple[str, ...], str] = {}

    def take_file(self) -> None:
        """The lowest source."""
        for section, values in self._file.values.items():
            if not isinstance(values, dict):
                self.values[section] = values
                continue
            merged = self.values[section] = dict(values)
            for name in _PATHS.get(section, ()):
                if isinstance(merged.get(name), str):
                    merged[name] = self._folder / merged[name]

    def take_environment(self, source: EnvSettingsSource) -> None:
        """Variables of known sections; an unknown section is a problem, other variables are not ours."""
        whole = {f"{ENV_PREFIX}{section}".upper() for section in Config.model_fields}
        for variable in sorted(os.environ):
            section, separator, key = variable.upper().removeprefix(ENV_PREFIX).partition("__")
            if not variable.upper().startswith(ENV_PREFIX) or not os.environ[variable]:
                continue
            if variable.upper() in whole:
                todo = f"name a key, such as {variable}__{next(iter(_section(section.lower()))).upper()}"
                self.problems.append(Problem("a section cannot be set as a whole", "only its keys can", todo, variable))
            elif separator and section.lower() not in Config.model_fields:
                near = closest(section, Config.model_fields)
                todo = f"did you mean {ENV_PREFIX}{near.upper()}__{key}?" if near else f"unset {variable}"
                what, why = "this variable sets nothing", f"there is no section {section.lower()!r}"
                self.problems.append(Problem(what, why, todo, variable))
            elif separator:
                self._origins[section.lower(), key.lower().split("__")[0]] = variable
        if not self.problems:
            self._merge(source())

    def take_overrides(self, overrides: Mapping[str, Mapping[str, object]]) -> None:
        """The command line's."""
        given = {s: {k: v for k, v in values.items() if v is not None} for s, values in overrides.items()}
        self._merge(given)
        self._origins.update({(s, k): COMMAND_LINE for s, values in given.items() for k in values})

    def _merge(self, values: Mapping[str, Mapping[str, object]]) -> None:
        for section, entries in values.items():
            below = self.values.setdefault(section, {})
            if isinstance(below, dict):
                below.update(entries)

    def problem_of(self, error: ErrorDetails) -> Problem:
        """One of pydantic's errors in three parts."""
        path = tuple(str(part) for part in error["loc"])[:2]
        origin = self._origins.get(path)
        where = origin or self._file.where(*path)
        if error["type"] == "extra_forbidden":
            return _unknown(path, where)
        section = path[0]
        if len(path) == 1:
            what, why = f"`{section}` is no section", "it has a value instead of keys"
            return Problem(what, why, f"write `[{section}]` in a line of its own, and the keys below", where)
        key = path[1]
        shown = "what it is" if (section, key) in _SECRET else repr(error["input"])[:60]
        what = f"`{section}.{key}` cannot be {shown}"
        why = error["msg"].replace("Input should", "it must").replace("String should", "it must")
        if error["type"] == "string_pattern_mismatch":
            why = "it must be a plain name or address, without spaces, port or brackets"
        example = error.get("ctx", {}).get("example", _example(section, key))
        if error["type"] == "literal_error" and isinstance(error["input"], str):
            example = closest(error["input"], _literals(section, key)) or example
        if origin == COMMAND_LINE:
            return Problem(what, why, f"{example}, for example", where)
        if origin is not None:
            return Problem(what, why, f"export {origin}={example}", where)
        return Problem(what, why, f"`{key} = {_toml(example)}` below `[{section}]`", where)


_PATHS = {"dialog": ("flow",), "records": ("dir",)}
_SECRET = {("records", "database_url"), ("twilio", "auth_token"), ("carriers", "token"), ("http", "password")}


def _section(name: str) -> dict[str, Any]:
    model = Config.model_fields[name].annotation
    return dict(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _unknown(path: tuple[str, ...], where: str) -> Problem:
    sections = list(Config.model_fields)
    if len(path) == 1:
        name = path[0]
        holders = [section for section in sections if name in _section(section)]
        if holders and closest(name, sections) is None:
            why = "keys stand below a section"
            return Problem(f"`{name}` stands outside of any section", why, f"write `[{holders[0]}]` above it", where)
        return Problem(f"there is no section `{name}`", "only known ones are read", did_you_mean(name, sections), where)
    section, key = path
    keys = list(_section(section))
    why = f"`[{section}]` has " + ", ".join(keys)
    return Problem(f"there is no key `{key}` in `[{section}]`", why, did_you_mean(key, keys), where)


def _example(section: str, key: str) -> Any:
    field = _section(section)[key]
    return field.default if field.default is not None else field.examples[0]


def _literals(section: str, key: str) -> list[str]:
    return [each for each in get_args(_section(section)[key].annotation) if isinstance(each, str)]


def _toml(value: object) -> str:
    if isinstance(value, bool | int | float | list | tuple):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def redact_url(url: str) -> str:
    """A database's URL without its password."""
    url = re.sub(r"(?<=://)([^:@/?]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)\b(pass\w*|pwd|secret|token)=[^&]*", r"\1=***", url)
