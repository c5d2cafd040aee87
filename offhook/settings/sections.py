"""The sections of the settings: their keys, what may be written there, and what holds when nothing is.

The text below a key is its documentation: `docs/configuration.md`, `offhook config` and `offhook init` print it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.values import (
    E164,
    SECRET,
    AccountSid,
    E164Pattern,
    EngineName,
    Host,
    LanguageTag,
    Port,
    ReachableHost,
    StreamToken,
    Url,
)

CodecName = Literal["PCMU", "PCMA", "G722", "OPUS"]

_SECRET_OPTION = re.compile(r"(?i)(?:^|_)(?:key|token|secret|password|credentials?)$")


class Section(BaseModel):
    """What all sections have in common: fixed once loaded, no unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object, info: ValidationInfo) -> object:
        # Pydantic would take `port = true` for port 1.
        annotation = cls.model_fields[info.field_name].annotation if info.field_name else None
        if isinstance(value, bool) and annotation is not bool:
            raise PydanticCustomError("no_truth", "it is true or false, and something else is meant")
        return value


class EngineSection(Section):
    """A section that names an engine. `[asr.NAME]` (or `[tts.NAME]`, `[vad.NAME]`) holds the options of the engine
    NAME, whatever these are; it gets them as they are written."""

    options: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """By engine: its options. Those whose names end in key, token, secret, password or credentials are SecretStr."""

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


class SipConfig(Section):
    """Where calls come in over SIP, and under which address this machine is reached."""

    host: Host = "127.0.0.1"
    """The address to listen at. The default takes calls of this machine only; `0.0.0.0` those of every network."""

    port: Port = 5060
    """The UDP port; 0 takes any that is free."""

    advertised_host: Annotated[ReachableHost | None, Field(examples=["203.0.113.7"])] = None
    """The address (or a name for it, resolved once at the start) that callers are given in Contact and SDP, where this
    machine is reached under another one than `host`: behind NAT, or in a container."""

    advertised_port: Annotated[int | None, Field(ge=1, le=65_535, examples=[5060])] = None
    """The port that goes with `advertised_host`, where another one than `port` is forwarded to this machine."""

    @model_validator(mode="after")
    def _a_port_needs_its_host(self) -> Self:
        if self.advertised_port is not None and self.advertised_host is None:
            raise PydanticCustomError(
                "no_host",
                "`advertised_port` needs `advertised_host`",
                {"key": "advertised_host", "at": "advertised_port"},
            )
        return self


class HttpConfig(Section):
    """The HTTP server: pages, health, metrics, webhooks and media streams."""

    enabled: bool = True
    """Without it there are neither pages nor metrics, and calls come in over SIP only."""

    host: Host = "127.0.0.1"
    """The address to listen at."""

    port: Port = 8080
    """The TCP port; 0 takes any that is free."""

    password: Annotated[str | None, SECRET, Field(repr=False, min_length=8, max_length=256, examples=["..."])] = None
    """Opens the pages to other machines; any user name goes with it. Without one they are for this machine only."""


class TwilioConfig(Section):
    """Calls over Twilio's media streams, and what can be done to them over Twilio's REST API."""

    enabled: bool = True
    """Whether Twilio may bring calls."""

    auth_token: Annotated[str | None, SECRET, Field(repr=False, min_length=1, max_length=256, examples=["..."])] = None
    """The account's auth token, with which Twilio signs its requests. Without it only programs on this machine may
    bring calls; and where `http.host` is open to others, nobody."""

    public_url: Annotated[Url | None, Field(examples=["https://bot.example.com"])] = None
    """The address under which Twilio reaches this machine's HTTP port."""

    account_sid: Annotated[AccountSid | None, Field(examples=["AC" + "0" * 32])] = None
    """Opens Twilio's REST API: to place, transfer and end calls."""

    number: Annotated[E164 | None, Field(examples=["+15551234567"])] = None
    """The account's number that calls are placed from."""

    transfer_allow: Annotated[tuple[E164Pattern, ...], Field(max_length=1_000, examples=[("+15551234567",)])] = ()
    """Numbers that calls may be transferred to; beginnings end in `*`."""

    hang_up_by_rest: bool = False
    """End calls over the REST API, where the TwiML goes on after the stream."""

    api_url: Annotated[Url | None, Field(examples=["https://api.twilio.com"])] = None
    """A server that stands in for Twilio's REST API, for tests."""


class CarriersConfig(Section):
    """Calls over the media streams of other carriers, and of your own programs (docs/carriers.md)."""

    token: Annotated[StreamToken | None, SECRET, Field(repr=False, examples=["a-long-random-secret"])] = None
    """The secret in the URLs that carriers are given. Without one only programs on this machine may call."""

    public_url: Annotated[Url | None, Field(examples=["https://bot.example.com"])] = None
    """The address under which carriers reach this machine's HTTP port; `twilio.public_url` if it is not set."""


class RtpConfig(Section):
    """Media over RTP: ports, codecs, and how long a caller may send nothing."""

    port_min: Annotated[int, Field(ge=1024, le=65_534)] = 10_000
    """The lowest UDP port for media, an even one. A call takes two, RTP and RTCP; the workers share them out."""

    port_max: Annotated[int, Field(ge=1025, le=65_535)] = 29_999
    """The highest one."""

    media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 15.0
    """How long media may be missing in a call before it counts as dead air."""

    first_media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0
    """How long the first media may take; then the call is hung up."""

    ptime_ms: Literal[10, 20, 30, 40, 60] = 20
    """How much audio a packet carries, if the far end does not ask for another value."""

    codecs: tuple[CodecName, ...] = ("PCMU", "PCMA")
    """The codecs that are taken, in the order of preference in our offers; in an offer of the far end its own order
    counts (RFC 3264 §6.1). OPUS and G722 need the extras `opus` and `g722`."""

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

    @field_validator("port_min")
    @classmethod
    def _even(cls, port: int) -> int:
        if port % 2:
            raise PydanticCustomError("odd", "RTP ports are even, RTCP takes the odd one above", {"example": port + 1})
        return port

    @field_validator("port_max")
    @classmethod
    def _above_the_minimum(cls, port: int, info: ValidationInfo) -> int:
        lowest = info.data.get("port_min", 0)
        if port <= lowest:
            why = "it must be above `port_min`, which is {lowest}"
            raise PydanticCustomError("below", why, {"lowest": lowest, "example": min(65_535, lowest + 999)})
        return port

    @property
    def pairs(self) -> int:
        """How many calls the ports suffice for."""
        return (self.port_max - self.port_min + 1) // 2


class CallsConfig(Section):
    """How many calls, how long, and what happens when a caller's media stops."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that carry calls; 0 is one for each core."""

    max_calls: Annotated[int, Field(ge=0, le=10_000)] = 0
    """The most calls at once; a call beyond it is answered 486. 0: as many as the workers can carry."""

    max_cpu: Annotated[float, Field(gt=0, le=1)] = 0.95
    """A worker that uses this share of a core for more than a second takes no new calls (503)."""

    max_lag_ms: Annotated[float, Field(ge=1, le=1_000)] = 100.0
    """A busy worker whose event loop is this late for more than a second takes no new calls (503)."""

    max_call_s: Annotated[float, Field(ge=1, le=86_400)] = 1_800.0
    """The longest call; then the bot hangs up."""

    cleanup_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long a dialog may go on when its call is over, before it is cancelled."""

    answer_delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    """How long a call rings before it is answered."""

    dead_air_prompt: Annotated[str, Field(min_length=1, max_length=500)] = "Are you still there?"
    """Said once when a caller's media has stopped for `rtp.media_timeout_s`."""

    dead_air_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long media may be missing after that prompt before the bot hangs up. 0: at once, without the prompt."""


class VadConfig(EngineSection):
    """Voice activity: when a caller begins and stops to speak. Thresholds are probabilities of speech."""

    engine: EngineName = "silero"
    """The detector: `silero` (a neural network), `energy` (loudness alone), or one that a package brings."""

    start_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Speech starts at this probability."""

    barge_in_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """This is enough to pause the bot while it speaks; it goes on if no speech follows."""

    stop_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Speech stops below this probability."""

    min_speech_ms: Annotated[int, Field(ge=0, le=1_000)] = 160
    """How long speech must last to interrupt the bot: shorter sounds only pause it."""

    @field_validator("stop_threshold")
    @classmethod
    def _not_above_start(cls, stop: float, info: ValidationInfo) -> float:
        start = info.data.get("start_threshold", 1)
        if stop > start:
            why = "it must not be above `start_threshold`, which is {example}"
            raise PydanticCustomError("above", why, {"example": start})
        return stop


class AudioConfig(Section):
    """What a caller's audio passes before the detector."""

    echo_guard: bool = True
    """Keep the bot's own echo, and tones of keypads, from interrupting it. Costs a call a quarter more CPU."""

    echo_guard_max_calls: Annotated[int, Field(ge=0)] = 100
    """A worker that carries this many calls takes new ones without the echo guard."""

    processor: Literal["none", "webrtc"] = "none"
    """`webrtc` adds WebRTC's echo cancellation, noise suppression and gain control, with the echo guard; it needs the
    extra `apm`."""


class TurnConfig(Section):
    """How patient the bot is."""

    silence_ms: Annotated[int, Field(ge=100, le=5_000)] = 500
    """The pause that ends a caller's turn."""

    no_input_ms: Annotated[int, Field(ge=500, le=120_000)] = 5_000
    """The silence after a question that counts as no input."""

    resume_after_ms: Annotated[int, Field(ge=0, le=5_000)] = 150
    """The silence after a sound that was no speech, before a paused prompt goes on."""

    max_turn_ms: Annotated[int, Field(ge=1_000, le=300_000)] = 30_000
    """The longest turn of a caller; then it counts as over."""

    max_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 5_000
    """How long the bot lets a caller who is already talking finish, before it talks over them."""

    endpoint: Annotated[str, Field(pattern=r"^(silence|[\w.]+:\w+)$", max_length=200)] = "silence"
    """What decides that a turn is over: `silence`, or your own policy as `module:function` (docs/agents.md)."""

    likely_ms: Annotated[int, Field(ge=0, le=5_000)] = 0
    """The silence after which a turn is announced as likely over, so that a reply can be prepared. 0: never."""


class AsrConfig(EngineSection):
    """The recogniser."""

    engine: EngineName = "pocketsphinx"
    """`pocketsphinx` (embedded; the extra `local`), `fixed` (for benchmarks), or one that a package brings."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that recognise; 0 is one for each two cores."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """How long a result may take after the end of a turn."""

    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Below it an answer to a question with choices or digits is a no-match; 0 takes everything. A question may have
    its own."""


class TtsConfig(EngineSection):
    """The voice."""

    engine: EngineName = "espeak"
    """`espeak` (embedded; the extra `local`), `recorded` (for benchmarks), or one that a package brings."""

    voice: Annotated[str, Field(min_length=1, max_length=100)] = "en-us"
    """The engine's name for the voice. Numbers, dates and abbreviations are read in the language that its name begins
    with; where it names none, in `dialog.language`."""

    rate_wpm: Annotated[int, Field(ge=80, le=450)] = 165
    """Words a minute."""

    cache_mib: Annotated[int, Field(ge=0, le=4_096)] = 32
    """How much of what was said is kept ready, in MiB for all workers together."""


class DialogConfig(Section):
    """What is said to callers that no route (`[[routes]]`) matches."""

    flow: Annotated[Path | None, Field(examples=["flow.yaml"])] = None
    """A flow file (docs/flows.md); without one the sample flow."""

    language: LanguageTag = "en"
    """The language of the calls, a BCP 47 tag such as `en`, `en-GB` or `de`. An engine that does not know it is
    refused."""


class RecordsConfig(Section):
    """What is kept of calls, and where."""

    dir: Path = Path("offhook-data")
    """The folder of the SQLite database, of recordings and captures."""

    database_url: Annotated[
        str | None,
        SECRET,
        Field(repr=False, min_length=1, max_length=2_000, examples=["postgresql://user@host/offhook"]),
    ] = None
    """Another database, as an SQLAlchemy URL."""

    record_audio: bool = False
    """Record every call, in stereo: caller left, bot right."""

    capture: bool = False
    """Write every SIP call's packets, signalling and media, into a pcap file. The keys that callers press are in it."""


class LogConfig(Section):
    """What is logged to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is shown."""

    format: Literal["console", "json"] = "console"
    """`json` is one object a line."""
