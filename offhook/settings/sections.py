"""The sections of the settings: their keys, what may be written there, and what holds when nothing is."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

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
