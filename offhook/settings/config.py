"""Typed settings: one TOML file, `OFFHOOK_SECTION__KEY` in the environment over it, the command line over
both.

`Config()` is the defaults, `Config.load` reads; it raises UserError and nothing else, and every problem
names its line, its variable or the command line.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from offhook.settings.addresses import parse_address, parse_port_range
from offhook.settings.answering import AnsweringConfig
from offhook.settings.calls_out import OutboundConfig
from offhook.settings.conversation_sections import (
    AsrConfig,
    AudioConfig,
    DialogConfig,
    LlmConfig,
    ModelsConfig,
    TtsConfig,
    TurnConfig,
    VadConfig,
)
from offhook.settings.dtmf import DtmfConfig
from offhook.settings.fields import NAMED, is_secret, section_fields
from offhook.settings.mail import MailConfig
from offhook.settings.queues import MAX_QUEUES, QueueConfig, QueueName
from offhook.settings.renamed import ENV_PREFIX
from offhook.settings.routes import RouteConfig
from offhook.settings.section import (
    EngineSection,
)
from offhook.settings.sections import (
    CallsConfig,
    CarriersConfig,
    CodecName,
    HttpConfig,
    LogConfig,
    RecordsConfig,
    RtpConfig,
    SipConfig,
    TwilioConfig,
)
from offhook.settings.signalling import SignallingConfig
from offhook.settings.sources import Sources
from offhook.settings.toml_file import ConfigFile, read_config_file
from offhook.settings.transfer import TARGET, TransferConfig
from offhook.settings.trunks import TrunkConfig, TrunkName
from offhook.settings.twiml import TwimlConfig
from offhook.settings.user_modules import search_beside
from offhook.settings.webhooks import WebhookConfig, WebhookName
from offhook.usererror import UserError, closest

__all__ = [
    "ENV_PREFIX",
    "AnsweringConfig",
    "AsrConfig",
    "AudioConfig",
    "CallsConfig",
    "CarriersConfig",
    "CodecName",
    "Config",
    "DialogConfig",
    "DtmfConfig",
    "HttpConfig",
    "LlmConfig",
    "Loaded",
    "LogConfig",
    "MailConfig",
    "ModelsConfig",
    "OutboundConfig",
    "QueueConfig",
    "RecordsConfig",
    "RouteConfig",
    "RtpConfig",
    "SipConfig",
    "TransferConfig",
    "TrunkConfig",
    "TtsConfig",
    "TurnConfig",
    "TwilioConfig",
    "TwimlConfig",
    "VadConfig",
    "WebhookConfig",
    "parse_address",
    "parse_port_range",
]

HIDDEN = "***"


class Config(BaseModel):
    """All settings. `repr` and `str` leave out secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    sip: SipConfig = SipConfig()
    http: HttpConfig = HttpConfig()
    twilio: TwilioConfig = TwilioConfig()
    carriers: CarriersConfig = CarriersConfig()
    signalling: SignallingConfig = SignallingConfig()
    rtp: RtpConfig = RtpConfig()
    dtmf: DtmfConfig = DtmfConfig()
    calls: CallsConfig = CallsConfig()
    answering: AnsweringConfig = AnsweringConfig()
    vad: VadConfig = VadConfig()
    audio: AudioConfig = AudioConfig()
    turn: TurnConfig = TurnConfig()
    asr: AsrConfig = AsrConfig()
    tts: TtsConfig = TtsConfig()
    llm: LlmConfig = LlmConfig()
    models: ModelsConfig = ModelsConfig()
    dialog: DialogConfig = DialogConfig()
    twiml: TwimlConfig = TwimlConfig()
    records: RecordsConfig = RecordsConfig()
    log: LogConfig = LogConfig()
    mail: MailConfig = MailConfig()
    transfer: TransferConfig = TransferConfig()
    outbound: OutboundConfig = OutboundConfig()
    trunks: Annotated[Mapping[TrunkName, TrunkConfig], Field(max_length=1_000)] = Field(default_factory=dict)
    queues: Annotated[Mapping[QueueName, QueueConfig], Field(max_length=MAX_QUEUES)] = Field(default_factory=dict)
    webhooks: Annotated[Mapping[WebhookName, WebhookConfig], Field(max_length=100)] = Field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = ()

    @field_validator("routes")
    @classmethod
    def _routes_name_trunks(cls, routes: tuple[RouteConfig, ...], info: ValidationInfo) -> tuple[RouteConfig, ...]:
        if "trunks" not in info.data:
            return routes  # they have problems of their own
        known = list(info.data["trunks"])
        for index, route in enumerate(routes):
            if route.trunk is not None and route.trunk not in known:
                why, what = f"there is no `[trunks.{route.trunk}]`", f"a route cannot be for the trunk `{route.trunk}`"
                example = closest(route.trunk, known) or next(iter(known), route.trunk)
                at = {"key": "trunk", "at": str(index), "what": what, "example": example}
                raise PydanticCustomError("no_trunk", why, at)
        return routes

    @field_validator("queues")
    @classmethod
    def _agents_are_targets(
        cls, queues: Mapping[QueueName, QueueConfig], info: ValidationInfo
    ) -> Mapping[QueueName, QueueConfig]:
        if "transfer" not in info.data:
            return queues
        known = list(info.data["transfer"].targets)
        for name, queue in queues.items():
            for agent in queue.agents:
                if agent not in known and TARGET.fullmatch(agent) is None:
                    why, what = f"`[transfer.targets]` has no `{agent}`", f"the queue `{name}` has no agent `{agent}`"
                    example = (closest(agent, known) or next(iter(known), "+15551234567"),)
                    at = {"key": "agents", "of": name, "at": "agents", "what": what, "example": example}
                    raise PydanticCustomError("no_target", "{why}", {**at, "why": why})
        return queues

    @classmethod
    def load(cls, path: Path | None = None, overrides: Mapping[str, Mapping[str, object]] | None = None) -> "Config":
        """The settings of file and environment, `overrides` (section, key, value; None is skipped) over them.

        Relative paths in the file start from the file's folder, all others from the current one. Raises
        UserError.
        """
        return cls.load_with_origins(path, overrides).config

    @classmethod
    def load_with_origins(
        cls, path: Path | None = None, overrides: Mapping[str, Mapping[str, object]] | None = None
    ) -> "Loaded":
        """The same, and where each value came from."""
        file = read_config_file(path) if path is not None else ConfigFile("", {}, {})
        if path is not None:
            search_beside(path)
        sources = Sources(cls, file, path.parent if path is not None else Path())
        sources.take_file()
        sources.take_environment(os.environ)
        sources.take_overrides(overrides or {})
        try:
            config = cls(**sources.values)
        except ValidationError as error:
            sources.problems.extend(sources.problem_of(each) for each in error.errors(include_url=False))
        if sources.problems:
            raise UserError.of(sources.problems)
        return Loaded(config, sources)

    @property
    def max_calls(self) -> int:
        """The most calls at once: `calls.max_calls`, or fewer with too few media ports."""
        return min(self.calls.max_calls or self.rtp.pairs, self.rtp.pairs)

    def may_be_called(self, trunk: str = "") -> bool:
        """Whether there is anything that others may have the bot call: by a trunk, or at all."""
        if trunk in self.trunks:
            return bool(self.trunks[trunk].allowed_numbers)
        return bool(self.outbound.allowed_addresses) or any(each.allowed_numbers for each in self.trunks.values())

    def redacted(self) -> dict[str, Any]:
        """All values as JSON values, with secrets masked. Options of engines are under their names."""
        values: dict[str, Any] = self.model_dump(mode="json")
        for section in NAMED:
            for each in values[section].values():
                _mask(each, section_fields(type(self), section))
        for section, keys in values.items():
            if isinstance(keys, dict) and section not in NAMED:
                _mask(keys, section_fields(type(self), section))
                keys.pop("options", None)
                keys.update(_masked_options(getattr(self, section)))
        return values


def _mask(values: dict[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    for key, field in fields.items():
        if not is_secret(field) or values[key] is None:
            continue
        if isinstance(values[key], dict):
            values[key] = dict.fromkeys(values[key], HIDDEN)
        else:
            # Only a URL's password is secret: the rest shows which database it is.
            values[key] = redact_url(values[key]) if key.endswith("_url") else HIDDEN


def _masked_options(section: BaseModel) -> dict[str, dict[str, Any]]:
    options = section.options if isinstance(section, EngineSection) else {}
    return {
        name: {key: HIDDEN if isinstance(value, SecretStr) else value for key, value in each.items()}
        for name, each in options.items()
    }


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where they came from."""

    config: Config
    sources: Sources

    def origin(self, *path: str) -> str:
        """The origin of a value, by section and key: FILE:LINE, a variable, `command line`, or `default`."""
        return self.sources.origin(*path)


def redact_url(url: str) -> str:
    """A database's URL without its password."""
    url = re.sub(r"(?<=://)([^:@/?]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)\b(pass\w*|pwd|secret|token)=[^&]*", r"\1=***", url)
