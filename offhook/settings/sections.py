"""The sections of the settings: keys, allowed values and defaults.

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
    Endpoint,
    EngineName,
    EngineNames,
    Host,
    LanguageTag,
    Line,
    MatcherName,
    Networks,
    Port,
    ReachableHost,
    SipUser,
    StreamToken,
    Url,
)

CodecName = Literal["PCMU", "PCMA", "G722", "OPUS"]

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
        if isinstance(value, bool) and annotation is not bool:
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


class SipConfig(Section):
    """The SIP address for calls, and the address under which this machine is reached."""

    host: Host = "127.0.0.1"
    """The address to listen on. The default takes calls from this machine only, `0.0.0.0` from every network."""

    port: Port = 5060
    """The port for UDP and TCP; 0 takes any free one."""

    tcp: bool = True
    """Whether SIP over TCP is taken on the same port."""

    tls_certificate: Annotated[Path | None, Field(examples=["/etc/offhook/fullchain.pem"])] = None
    """The certificate for SIP over TLS, with its chain, in PEM. Without one there is no TLS. When the file changes the
    next connection gets the new one."""

    tls_key: Annotated[Path | None, Field(examples=["/etc/offhook/privkey.pem"])] = None
    """The certificate's private key, not encrypted; without it the key is in the certificate's file."""

    tls_port: Port = 5061
    """The port for TLS; 0 takes any free one."""

    tls_authorities: Annotated[Path | None, Field(examples=["/etc/offhook/authorities.pem"])] = None
    """The authorities, in PEM, that may have signed the certificates of far ends; those of the system if not set."""

    tls_client_certificates: bool = False
    """Whether far ends that connect have to show a certificate that `tls_authorities` signed."""

    advertised_host: Annotated[ReachableHost | None, Field(examples=["203.0.113.7"])] = None
    """The address in Contact and SDP (or a name for it, resolved once at the start), if callers reach this machine
    under another address than `host`: behind NAT, or in a container."""

    advertised_port: Annotated[int | None, Field(ge=1, le=65_535, examples=[5060])] = None
    """The port for `advertised_host`, if another one than `port` is forwarded to this machine."""

    peers: Annotated[Networks, Field(max_length=1_000, examples=[("203.0.113.7", "198.51.100.0/24")])] = ()
    """Addresses and networks of your carriers and PBXs. When more calls come than can be taken, theirs go first, and
    none of them is limited by `calls.source_share`."""

    users: Annotated[
        Mapping[SipUser, Line], SECRET, Field(repr=False, max_length=10_000, examples=[{"alice": "..."}])
    ] = Field(default_factory=dict)
    """Users and their passwords (`[sip.users]`, or a variable for each: `OFFHOOK_SIP__USERS__ALICE`). If there
    are any, callers from elsewhere than `peers` and the addresses of trunks are asked for a password (digest)."""

    digest: Annotated[tuple[Literal["SHA-512-256", "SHA-256", "MD5"], ...], Field(min_length=1)] = ("MD5",)
    """How users may prove their passwords; all of them are offered, in this order. Some phones give up when one is
    offered that they do not know (baresip 1.0 does), and MD5 is known to all."""

    @model_validator(mode="after")
    def _tls_needs_its_certificate(self) -> Self:
        for key in ("tls_key", "tls_authorities", "tls_client_certificates"):
            if getattr(self, key) and self.tls_certificate is None:
                why = "`{at}` needs `tls_certificate`"
                raise PydanticCustomError("no_certificate", why, {"key": "tls_certificate", "at": key})
        return self

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
    """Without HTTP there are neither pages nor metrics, and calls come in over SIP only."""

    host: Host = "127.0.0.1"
    """The address to listen on."""

    port: Port = 8080
    """The TCP port; 0 takes any free one."""

    password: Annotated[str | None, SECRET, Field(repr=False, min_length=8, max_length=256, examples=["..."])] = None
    """Opens the pages to other machines, with any user name. Without a password they are for this machine only."""


class TwilioConfig(Section):
    """Calls over Twilio's media streams, and Twilio's REST API."""

    enabled: bool = True
    """Whether Twilio may bring calls."""

    auth_token: Annotated[str | None, SECRET, Field(repr=False, min_length=1, max_length=256, examples=["..."])] = None
    """The account's auth token, with which Twilio signs its requests. Without it only programs on this machine may
    bring calls, and with an `http.host` open to other machines nothing may."""

    public_url: Annotated[Url | None, Field(examples=["https://bot.example.com"])] = None
    """The address under which Twilio reaches this machine's HTTP port."""

    account_sid: Annotated[AccountSid | None, Field(examples=["AC" + "0" * 32])] = None
    """The account's SID, to place, transfer and end calls over Twilio's REST API."""

    number: Annotated[E164 | None, Field(examples=["+15551234567"])] = None
    """The account's number for placing calls."""

    transfer_allow: Annotated[tuple[E164Pattern, ...], Field(max_length=1_000, examples=[("+15551234567",)])] = ()
    """Numbers that calls may be transferred to; prefixes end in `*`."""

    hang_up_by_rest: bool = False
    """End calls over the REST API, for TwiML that goes on after the stream."""

    api_url: Annotated[Url | None, Field(examples=["https://api.twilio.com"])] = None
    """A replacement for Twilio's REST API, for tests."""


class CarriersConfig(Section):
    """Calls over media streams of other carriers and of your own programs (docs/carriers.md)."""

    token: Annotated[StreamToken | None, SECRET, Field(repr=False, examples=["a-long-random-secret"])] = None
    """The secret in the URLs for carriers. Without one only programs on this machine may call."""

    public_url: Annotated[Url | None, Field(examples=["https://bot.example.com"])] = None
    """The address under which carriers reach this machine's HTTP port; `twilio.public_url` if it is not set."""


class RtpConfig(Section):
    """Media over RTP: ports, codecs, and how long a caller may send nothing."""

    port_min: Annotated[int, Field(ge=1024, le=65_534)] = 10_000
    """The lowest UDP port for media, an even one. A call takes two, RTP and RTCP. The workers divide the range."""

    port_max: Annotated[int, Field(ge=1025, le=65_535)] = 29_999
    """The highest UDP port for media."""

    media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 15.0
    """How long media may be missing in a call before it counts as dead air."""

    first_media_timeout_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0
    """How long the first media may take before the call is hung up."""

    ptime_ms: Literal[10, 20, 30, 40, 60] = 20
    """How much audio a packet carries, unless the far end asks for another value."""

    codecs: tuple[CodecName, ...] = ("PCMU", "PCMA")
    """The accepted codecs, in the order of preference for our offers; in the far end's offers its own order counts
    (RFC 3264 §6.1). OPUS and G722 need the extras `opus` and `g722`."""

    srtp: Literal["off", "preferred", "required"] = "off"
    """Whether media is encrypted, with keys in SDP (SRTP, RFC 4568). `preferred`: with far ends that can. `required`:
    all other calls are refused, and so are those without TLS, which would show the keys. Needs the extra `srtp`."""

    @field_validator("codecs", mode="before")
    @classmethod
    def _codecs_in_any_case(cls, codecs: object) -> object:
        if not isinstance(codecs, list | tuple):
            return codecs
        # RFC 8866 §6.6: encoding names are case-insensitive.
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
        """How many calls the ports allow."""
        return (self.port_max - self.port_min + 1) // 2


class CallsConfig(Section):
    """Limits on the number and length of calls, and what happens when a caller's media stops."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that carry calls; 0 is one for each core."""

    max_calls: Annotated[int, Field(ge=0, le=10_000)] = 0
    """The most calls at once; a call beyond it is answered 486. 0: as many as the workers can carry."""

    max_cpu: Annotated[float, Field(gt=0, le=1)] = 0.95
    """A worker that uses this share of a core for more than a second takes no new calls (503)."""

    max_lag_ms: Annotated[float, Field(ge=1, le=1_000)] = 100.0
    """A busy worker whose event loop is this late for more than a second takes no new calls (503)."""

    source_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """While others have called within the last hour, one source (a host, or a port of it) may hold this part of the
    calls that the others leave free; beyond it 503. A source that is alone may have all. 1: no such limit."""

    max_call_s: Annotated[float, Field(ge=1, le=86_400)] = 1_800.0
    """The longest call; then the bot hangs up."""

    cleanup_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long a dialog may run on after its call before it is cancelled."""

    answer_delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    """How long a call rings before it is answered."""

    dead_air_prompt: Annotated[str, Field(min_length=1, max_length=500)] = "Are you still there?"
    """Said once when a caller's media has stopped for `rtp.media_timeout_s`."""

    dead_air_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long media may be missing after that prompt before the bot hangs up. 0: at once, without the prompt."""


class VadConfig(EngineSection):
    """Voice activity detection. Thresholds are probabilities of speech."""

    engine: EngineName = "silero"
    """The detector: `silero` (a neural network), `energy` (level only), or one from a package."""

    start_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Speech starts at this probability."""

    barge_in_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """This probability pauses the bot while it speaks; it resumes if no speech follows."""

    stop_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Speech stops below this probability."""

    min_speech_ms: Annotated[int, Field(ge=0, le=1_000)] = 160
    """How long speech must last to interrupt the bot; shorter sounds only pause it."""

    @field_validator("stop_threshold")
    @classmethod
    def _not_above_start(cls, stop: float, info: ValidationInfo) -> float:
        start = info.data.get("start_threshold", 1)
        if stop > start:
            why = "it must not be above `start_threshold`, which is {example}"
            raise PydanticCustomError("above", why, {"example": start})
        return stop


class AudioConfig(Section):
    """Processing of the caller's audio before the detector."""

    echo_guard: bool = True
    """Keep the bot's own echo, and DTMF tones, from interrupting it. Takes a quarter more CPU for each call."""

    echo_guard_max_calls: Annotated[int, Field(ge=0)] = 100
    """At this many calls a worker takes new ones without the echo guard."""

    processor: Literal["none", "webrtc"] = "none"
    """`webrtc` adds WebRTC's echo cancellation, noise suppression and gain control to the echo guard; it needs the
    extra `apm`."""


class TurnConfig(Section):
    """Timing of turns."""

    silence_ms: Annotated[int, Field(ge=100, le=5_000)] = 500
    """The pause that ends a caller's turn."""

    no_input_ms: Annotated[int, Field(ge=500, le=120_000)] = 5_000
    """The silence after a question that counts as no input."""

    resume_after_ms: Annotated[int, Field(ge=0, le=5_000)] = 150
    """The silence after a sound that was not speech, before a paused prompt resumes."""

    max_turn_ms: Annotated[int, Field(ge=1_000, le=300_000)] = 30_000
    """The longest turn of a caller; after that it counts as over."""

    max_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 5_000
    """How long the bot waits for a caller who is already talking, before it talks over them."""

    filler_ms: Annotated[int, Field(ge=0, le=60_000)] = 1_200
    """The silence after which the bot says "One moment, please." when the recogniser, the voice or an agent keeps the
    caller waiting. 0: never."""

    fallback_ms: Annotated[int, Field(ge=500, le=60_000)] = 4_000
    """The silence after which it apologises, and gives up what stalls."""

    fillers: dict[str, str] = {}
    """What it says in place of "One moment, please.", by language: `{ en = "Let me see." }`."""

    ignore_back_channels: bool = True
    """While a bot that listens all the time (`call.expect`) speaks, "mm-hm" and "okay" do not interrupt it."""

    endpoint: Endpoint = "answer"
    """The policy that ends turns: `answer` (at once after a whole answer, later after half of one), `silence`, or your
    own as `module:function` (docs/agents.md)."""

    min_silence_ms: Annotated[int, Field(ge=0, le=5_000)] = 100
    """With `answer`: the pause that ends a turn whose words are a whole answer. The detector needs about 100 ms to find
    one, and the recogniser some more."""

    max_silence_ms: Annotated[int, Field(ge=100, le=10_000)] = 1_800
    """With `answer`: the pause that ends a turn whose words are the beginning of an answer, such as three of four
    digits; and the longest that a caller's own pauses lead to."""

    adviser: Literal["none", "smart-turn"] = "none"
    """With `answer`: a network that hears whether a turn is over, and shortens or lengthens the pause when it is sure.
    `smart-turn` takes 40 ms of a core at each pause (docs/agents.md)."""

    adviser_model: Annotated[str, Field(max_length=1_000)] = ""
    """The adviser's ONNX file; without it that of an installed pipecat-ai package."""

    likely_ms: Annotated[int | None, Field(ge=0, le=5_000, examples=[300])] = None
    """The silence after which a turn is reported as likely over, so that a reply can be prepared. 0: never; without it
    200 where a language model answers, and never elsewhere."""


class AsrConfig(EngineSection):
    """The recogniser."""

    engine: EngineNames = "pocketsphinx"
    """`pocketsphinx` (embedded; the extra `local`), `vosk`, `sherpa`, `whisper` (extras of their names, and a model),
    `amazon`, `assemblyai`, `azure`, `cartesia`, `deepgram`, `elevenlabs`, `google` or `openai` (hosted), `fixed` (for
    benchmarks), or one from a package. A list is a chain: the next one gets the turn when one fails or is silent
    (docs/engines.md)."""

    allowance_ms: Annotated[int, Field(ge=0, le=60_000)] = 500
    """In a chain: how long a recogniser may take after the end of a turn before the next one starts beside it."""

    stall_ms: Annotated[int, Field(ge=0, le=60_000)] = 2_000
    """In a chain: how long a recogniser that reports partials may report none while the caller speaks."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Recogniser processes; 0 is one for every two cores."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """How long the result may take after the end of a turn."""

    correct_within_ms: Annotated[int, Field(ge=0, le=10_000)] = 1_500
    """A hosted recogniser's final that comes so long after an answer that was made without it corrects the answer; 0:
    it is ignored."""

    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An answer below it is a no-match, for questions with choices, digits or a value; 0 accepts everything. A question
    may set its own, and so may a recogniser, below `[asr.NAME]`."""

    confirm_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """An answer below it is asked back ("Did you say sales?"), for questions with choices or a value; 0: never. A
    question may set its own, and so may a recogniser, below `[asr.NAME]`."""


class TtsConfig(EngineSection):
    """The voice."""

    engine: EngineNames = "auto"
    """`auto`: hibari for English, espeak for other languages (both in the extra `local`); or `hibari`, `espeak`,
    `piper`, `kokoro`, `coqui`, `amazon`, `azure`, `cartesia`, `deepgram`, `elevenlabs`, `google` or `openai` (hosted),
    `recorded` (for benchmarks), or one from a package. A list is a chain: the next one speaks, or goes on, when one
    fails or is silent (docs/engines.md)."""

    allowance_ms: Annotated[int, Field(ge=0, le=60_000)] = 400
    """In a chain: how long a voice may give no audio before the next one starts beside it."""

    voice: Annotated[str | None, Field(min_length=1, max_length=200, examples=["en-us"])] = None
    """The engine's name for the voice that speaks `dialog.language`; `offhook voices` lists them. Without it, the
    engine's own. Numbers, dates and abbreviations are read in the voice's language."""

    rate_wpm: Annotated[int, Field(ge=80, le=450)] = 165
    """Words a minute. 165 is the pace of a voice that has one of its own."""

    cache_mib: Annotated[int, Field(ge=0, le=4_096)] = 32
    """The cache of synthesised speech, in MiB for all workers together."""


class LlmConfig(EngineSection):
    """The language model of agents (docs/agents.md). `[llm.NAME]` has `provider`, `model` and `base_url`."""

    engine: EngineNames = "openai"
    """A name, whose table says which model it is. A list is a chain: the next one is asked as well when one fails or is
    late, and the first token wins."""

    first_token_s: Annotated[float, Field(gt=0, le=60)] = 1.5
    """In a chain: how long a model may give nothing before the next one is asked beside it."""

    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long a reply may take to begin, with all models of the chain."""

    stall_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    """How long a reply may pause before it counts as failed."""


class ModelsConfig(Section):
    """Models of local engines (`offhook models`)."""

    dir: Annotated[Path | None, Field(examples=["/var/lib/offhook/models"])] = None
    """The folder that they are kept in; `offhook/models` in the user's data folder (`$XDG_DATA_HOME`) if it is not
    set."""

    mirror: Annotated[
        str | None, Field(min_length=1, max_length=2_000, examples=["https://mirror.example.com/models"])
    ] = None
    """Where `offhook models add` fetches the files of its list instead of their own sources: a URL or a folder."""


class DialogConfig(Section):
    """The dialog for calls that no route (`[[routes]]`) matches."""

    flow: Annotated[Path | None, Field(examples=["flow.yaml"])] = None
    """A flow file (docs/flows.md); without one the sample flow."""

    agent: Annotated[Path | None, Field(examples=["agent.yaml"])] = None
    """An agent's file (docs/agents.md): a language model answers, in place of a flow."""

    language: LanguageTag = "en"
    """The language of the calls, a BCP 47 tag such as `en`, `en-GB` or `de`; a route, a flow or the dialog may set
    another. Engines that do not know it are refused."""

    matcher: Annotated[MatcherName | None, Field(examples=["mybot:matcher"])] = None
    """Your own matcher, such as a language model, as `module:function`: it is asked what a caller meant whose words fit
    no choice (docs/agents.md)."""

    matcher_timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    """How long the matcher may take; after that the answer is a no-match."""


class RecordsConfig(Section):
    """Call records, recordings and captures."""

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
    """Write every SIP call's signalling and media into a pcap file. It includes the callers' DTMF digits."""

    events: bool = False
    """Write an event log of every call, for `offhook replay` and `offhook tune`: what was said and decided, and the
    detector's probabilities, but no keyed digits."""


class LogConfig(Section):
    """The log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level shown. `debug` has every SIP message without its body, and each conversation's events without
    words and digits."""

    format: Literal["console", "json"] = "console"
    """`json` is one object a line."""
