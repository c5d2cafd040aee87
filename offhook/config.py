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
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from offhook.addresses import parse_address, parse_port_range
from offhook.configfile import ConfigFile, read_config_file
from offhook.usererror import Problem, UserError, closest, did_you_mean

__all__ = [
    "ENV_PREFIX",
    "AsrConfig",
    "CallsConfig",
    "CarriersConfig",
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

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_%-]{1,255}$")]
Port = Annotated[int, Field(ge=0, le=65_535)]
EngineName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
CodecName = Literal["PCMU", "PCMA", "G722", "OPUS"]


_E164 = r"^\+[1-9][0-9]{6,14}$"
TransferPattern = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,14}\*?$")]


class Section(BaseModel):
    """What all sections have in common: fixed once loaded, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object, info: ValidationInfo) -> object:
        # Pydantic would take `port = true` for port 1.
        annotation = cls.model_fields[info.field_name].annotation if info.field_name else None
        if isinstance(value, bool) and annotation is not bool:
            raise PydanticCustomError("no_truth", "it is true or false, and something else is meant")
        return value


class SipConfig(Section):
    """Where calls come in. Port 0 takes any free one; `advertised_host` is what goes into Contact and SDP,
    if the machine is reached under another address than `host`."""

    host: Host = "127.0.0.1"
    port: Port = 5060
    advertised_host: Annotated[Host | None, Field(examples=["203.0.113.7"])] = None


class HttpConfig(Section):
    """Health, metrics, and the pages that show the calls, over HTTP. `password` opens the pages to other machines; any
    user name goes with it."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: Port = 8080
    password: Annotated[str | None, Field(repr=False, min_length=8, max_length=256, examples=["..."])] = None


class TwilioConfig(Section):
    """Calls over Twilio's media streams. `auth_token` is the account's, `public_url` the address that Twilio calls;
    without a token only programs on this machine may call, and where HTTP is open to others, too, nobody.

    `account_sid` opens Twilio's REST API: to place calls (from `number`), to transfer them (to the numbers of
    `transfer_allow`, beginnings with `*` among them), and, with `hang_up_by_rest`, to end those whose TwiML goes on
    after the stream. `api_url` is for a server that stands in for Twilio's."""

    enabled: bool = True
    auth_token: Annotated[str | None, Field(repr=False, min_length=1, max_length=256, examples=["..."])] = None
    public_url: Annotated[
        str | None,
        Field(max_length=500, pattern=r"^https?://[^\s?#@]+$", examples=["https://bot.example.com"]),
    ] = None
    account_sid: Annotated[str | None, Field(pattern=r"^AC[0-9a-fA-F]{32}$", examples=["AC" + "0" * 32])] = None
    number: Annotated[str | None, Field(pattern=_E164, examples=["+15551234567"])] = None
    transfer_allow: Annotated[tuple[TransferPattern, ...], Field(max_length=1_000, examples=["+15551234567"])] = ()
    hang_up_by_rest: bool = False
    api_url: Annotated[
        str | None, Field(max_length=500, pattern=r"^https?://[^\s?#@]+$", examples=["https://api.twilio.com"])
    ] = None


class CarriersConfig(Section):
    """Calls over the media streams of other carriers, and of programs of one's own (docs/carriers.md). `token` is the
    secret in the URLs they are given; without one only programs on this machine may call. `public_url` is the address
    that they call, `twilio.public_url` if it is not set."""

    token: Annotated[
        str | None, Field(repr=False, pattern=r"^[A-Za-z0-9_-]{16,128}$", examples=["a-long-random-secret"])
    ] = None
    public_url: Annotated[
        str | None,
        Field(max_length=500, pattern=r"^https?://[^\s?#@]+$", examples=["https://bot.example.com"]),
    ] = None


class RtpConfig(Section):
    """Media ports, in pairs of an even one for RTP and the next for RTCP, shared out among the workers, and how
    long silence is borne. `codecs` are those that are taken, in the order of our offers; in an offer of the far end
    its own order counts (RFC 3264 §6.1)."""

    low: Annotated[int, Field(ge=1024, le=65_534)] = 10_000
    high: Annotated[int, Field(ge=1025, le=65_535)] = 29_999
    media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 15.0
    first_media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0
    ptime_ms: Literal[10, 20, 30, 40, 60] = 20
    codecs: tuple[CodecName, ...] = ("PCMU", "PCMA")

    @field_validator("codecs", mode="before")
    @classmethod
    def _codecs_in_any_case(cls, codecs: object) -> object:
        if not isinstance(codecs, list | tuple):
            return codecs
        # RFC 8866 §6.6: names of encodings know no case, and "opus" is written small.
        return tuple(name.upper() if isinstance(name, str) else name for name in codecs)

    @field_validator("codecs")
    @classmethod
    def _codecs_each_once(cls, codecs: tuple[CodecName, ...]) -> tuple[CodecName, ...]:
        if not codecs:
            raise PydanticCustomError("none", "there is no call without a codec")
        if len(set(codecs)) < len(codecs):
            raise PydanticCustomError("twice", "a codec is named twice", {"example": tuple(dict.fromkeys(codecs))})
        return codecs

    @field_validator("low")
    @classmethod
    def _even(cls, low: int) -> int:
        if low % 2:
            raise PydanticCustomError("odd", "RTP ports are even, RTCP takes the odd one above")
        return low

    @field_validator("high")
    @classmethod
    def _above_low(cls, high: int, info: ValidationInfo) -> int:
        low = info.data.get("low", 0)
        if high <= low:
            why = "it must be above `low`, which is {low}"
            raise PydanticCustomError("below", why, {"low": low, "example": low + 999})
        return high

    @property
    def pairs(self) -> int:
        """How many calls the ports suffice for."""
        return (self.high - self.low + 1) // 2


class CallsConfig(Section):
    """How many calls, how long, and how long a call rings before it is answered.

    `workers`: processes that carry calls; 0 is one for each core. `max_calls` 0: as many as they can carry, which is
    until each uses `full_cpu` of a core, or is busy and its event loop `full_lag_ms` late, for more than a second; then
    new calls are refused. When a caller's media stops for `rtp.media_timeout_s`, `dead_air_prompt` is said once, and
    after another `dead_air_s` without any the call is hung up; 0: at once, and nothing is said.
    """

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    max_calls: Annotated[int, Field(ge=0, le=10_000)] = 0
    full_cpu: Annotated[float, Field(gt=0, le=1)] = 0.95
    full_lag_ms: Annotated[float, Field(ge=1, le=1_000)] = 100.0
    max_call_s: Annotated[float, Field(ge=1, le=86_400)] = 1_800.0
    answer_delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    dead_air_prompt: Annotated[str, Field(min_length=1, max_length=500)] = "Are you still there?"
    dead_air_s: Annotated[float, Field(ge=0, le=600)] = 5.0


class VadConfig(Section):
    """Voice activity: speech starts at `start_threshold`, stops below `stop_threshold` (probabilities), and
    is believed after `confirm_ms`; `suspect_threshold` is enough to pause the bot."""

    engine: EngineName = "silero"
    start_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    suspect_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.3
    stop_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.35
    confirm_ms: Annotated[int, Field(ge=0, le=1_000)] = 160

    @field_validator("stop_threshold")
    @classmethod
    def _not_above_start(cls, stop: float, info: ValidationInfo) -> float:
        start = info.data.get("start_threshold", 1)
        if stop > start:
            why = "it must not be above `start_threshold`, which is {example}"
            raise PydanticCustomError("above", why, {"example": start})
        return stop


class EarsConfig(Section):
    """What the caller's audio passes before the detector: `echo_guard` keeps the bot's own echo and keypad tones from
    interrupting it; `processor` "webrtc" adds WebRTC's echo cancellation, noise suppression and gain control, and takes
    the guard with it. The guard costs a call a quarter more: where a process carries
    `guarded_calls`, new ones go without."""

    echo_guard: bool = True
    guarded_calls: Annotated[int, Field(ge=0)] = 100
    processor: Literal["none", "webrtc"] = "none"


class TurnConfig(Section):
    """How patient the bot is: the pause that ends a caller's turn, the silence that counts as no input, the
    silence after a click that lets a held prompt go on, the longest turn."""

    silence_ms: Annotated[int, Field(ge=100, le=5_000)] = 500
    no_input_ms: Annotated[int, Field(ge=500, le=120_000)] = 5_000
    resume_after_ms: Annotated[int, Field(ge=0, le=5_000)] = 150
    max_turn_ms: Annotated[int, Field(ge=1_000, le=300_000)] = 30_000


class AsrConfig(Section):
    """The recogniser; `workers` 0 is one for each core."""

    engine: EngineName = "pocketsphinx"
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0


class TtsConfig(Section):
    """The voice, and how much of what it said is kept ready."""

    engine: EngineName = "espeak"
    voice: Annotated[str, Field(min_length=1, max_length=100)] = "en-us"
    rate_wpm: Annotated[int, Field(ge=80, le=450)] = 165
    cache_mib: Annotated[int, Field(ge=0, le=4_096)] = 32


class DialogConfig(Section):
    """What is said: a flow file, or the sample flow."""

    flow: Annotated[Path | None, Field(examples=["flow.yaml"])] = None


class RecordsConfig(Section):
    """Where calls are recorded; without `database_url` in an SQLite file in `dir`. `capture` keeps the SIP and RTP
    packets of each call, keys included, in a pcap file."""

    dir: Path = Path("offhook-data")
    database_url: Annotated[
        str | None, Field(repr=False, max_length=2_000, examples=["postgresql://user@host/offhook"])
    ] = None
    record_audio: bool = False
    capture: bool = False


class LogConfig(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


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
