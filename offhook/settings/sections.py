"""The sections of the settings: how calls come in, and what is kept of them; `conversation_sections` has the others.

The text below a key is its documentation: `docs/configuration.md`, `offhook config` and `offhook init` print it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import Section
from offhook.settings.values import (
    E164,
    SECRET,
    AccountSid,
    E164Pattern,
    Host,
    HostPort,
    IpPort,
    Line,
    Networks,
    Port,
    ReachableHost,
    SipUser,
    StreamToken,
    Url,
)

CodecName = Literal["PCMU", "PCMA", "G722", "OPUS"]


class SipConfig(Section):
    """The SIP address for calls, and the address under which this machine is reached."""

    host: Host = "127.0.0.1"
    """The address to listen on. The default takes calls from this machine only, `0.0.0.0` from every network."""

    port: Port = 5060
    """The port for UDP and TCP; 0 takes any free one."""

    backend: Literal["own", "pjsua2"] = "own"
    """What carries calls over SIP: offhook itself, or PJSIP, by the extra `pjsua2` (docs/backends.md)."""

    ice: bool = False
    """Whether media finds its way through NATs by ICE (RFC 8445). Needs `backend = "pjsua2"`."""

    tcp: bool = True
    """Whether SIP over TCP is taken on the same port."""

    tls_certificate: Annotated[Path | None, Field(examples=["/etc/offhook/fullchain.pem"])] = None
    """The certificate for SIP over TLS, with its chain, in PEM. Without one nobody can connect by TLS, and trunks are
    reached without showing one. When the file changes the next connection gets the new one."""

    tls_key: Annotated[Path | None, Field(examples=["/etc/offhook/privkey.pem"])] = None
    """The certificate's private key, not encrypted; without it the key is in the certificate's file."""

    tls_port: Port = 5061
    """The port for TLS; 0 takes any free one."""

    tls_authorities: Annotated[Path | None, Field(examples=["/etc/offhook/authorities.pem"])] = None
    """The authorities, in PEM, that may have signed the certificates of far ends, trunks included; those of the system
    if not set."""

    tls_client_certificates: bool = False
    """Whether far ends that connect have to show a certificate that `tls_authorities` signed."""

    advertised_host: Annotated[ReachableHost | None, Field(examples=["203.0.113.7"])] = None
    """The address in Contact and SDP (or a name for it, resolved once at the start), if callers reach this machine
    under another address than `host`: behind NAT, or in a container."""

    advertised_port: Annotated[int | None, Field(ge=1, le=65_535, examples=[5060])] = None
    """The port for `advertised_host`, if another one than `port` is forwarded to this machine."""

    stun_server: Annotated[HostPort | None, Field(examples=["stun.example.com"])] = None
    """A STUN server, HOST or HOST:PORT (3478), that is asked once at the start under which address this machine is
    seen, in place of `advertised_host`. A registrar that sees another port than that corrects it."""

    dns_servers: Annotated[tuple[IpPort, ...], Field(max_length=8, examples=[("192.0.2.53",)])] = ()
    """Name servers for the domains of trunks and of calls out, IP or IP:PORT, in place of this machine's."""

    peers: Annotated[Networks, Field(max_length=1_000, examples=[("203.0.113.7", "198.51.100.0/24")])] = ()
    """Addresses and networks of your carriers and PBXs. When more calls come than can be taken, theirs go first, and
    none of them is limited by `calls.source_share`."""

    users: Annotated[
        Mapping[SipUser, Line], SECRET, Field(repr=False, max_length=10_000, examples=[{"alice": "..."}])
    ] = Field(default_factory=dict)
    """Users and their passwords (`[sip.users]`, or a variable for each: `OFFHOOK_SIP__USERS__ALICE`). If there
    are any, callers from elsewhere than `peers` and the addresses of trunks are asked for a password (digest)."""

    registrar: bool = True
    """Whether `users` may register, so that they can be called: `bot.dial("sip:alice@bot")`."""

    domain: Annotated[Host | None, Field(examples=["sip.example.com"])] = None
    """The domain that phones and far ends call us by, and the realm of passwords; without it the realm is `offhook`."""

    unknown_sources: Literal["answer", "silence"] = "answer"
    """What senders get that are neither `peers` nor trunks nor registered: answers, or nothing at all, so that
    scanners do not find the bot. With silence, users are asked for their password only if they call us by `domain`."""

    digest: Annotated[tuple[Literal["SHA-512-256", "SHA-256", "MD5"], ...], Field(min_length=1)] = ("MD5",)
    """How users may prove their passwords; all of them are offered, in this order. Some phones give up when one is
    offered that they do not know (baresip 1.0 does), and MD5 is known to all."""

    @model_validator(mode="after")
    def _tls_needs_its_certificate(self) -> Self:
        for key in ("tls_key", "tls_client_certificates"):
            if getattr(self, key) and self.tls_certificate is None:
                why = "`{at}` needs `tls_certificate`"
                raise PydanticCustomError("no_certificate", why, {"key": "tls_certificate", "at": key})
        return self

    @model_validator(mode="after")
    def _ice_needs_pjsip(self) -> Self:
        if self.ice and self.backend != "pjsua2":
            raise PydanticCustomError(
                "no_ice", '`ice` needs `backend = "pjsua2"`', {"key": "backend", "at": "ice", "example": "pjsua2"}
            )
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
    """The longest call; then the bot hangs up, once what it is saying has been heard, for which it has 10 s. The time
    stands still while a caller waits in a queue, an agent waits there for callers, or they talk to somebody else: for
    that there are `max_wait_s` of the queue and `transfer.max_talk_s`."""

    goodbye: Annotated[
        str | None, Field(min_length=1, max_length=500, examples=["We have to end the call here. Goodbye."])
    ] = None
    """What the bot says before it hangs up because of `max_call_s`, in the language of its voice (`[tts]`)."""

    cleanup_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long a dialog may run on after its call before it is cancelled."""

    answer_delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    """How long a call rings before it is answered."""

    dead_air_prompt: Annotated[str, Field(min_length=1, max_length=500)] = "Are you still there?"
    """Said once when a caller's media has stopped for `rtp.media_timeout_s`."""

    dead_air_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long media may be missing after that prompt before the bot hangs up. 0: at once, without the prompt."""


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

    record_consent: bool = False
    """Keep no sound of a call, in recordings or captures, until its dialog says so: by `record_call: on` in a flow
    (docs/flow-sound.md), or `call.start_recording()`."""

    capture: bool = False
    """Write every SIP call's signalling and media into a pcap file. It includes the callers' DTMF digits, but for those
    that are keyed while the recording is paused. `[trunks.NAME] capture` says it for one trunk alone, and `offhook sip
    capture` for the next calls."""

    capture_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The part of these calls that is captured, chosen at random."""

    sip_days: Annotated[float, Field(ge=0, le=3_650)] = 7.0
    """For how many days the SIP messages of calls are kept, for `offhook sip trace` and the call's page: without proofs
    of passwords, keys of encrypted media and keyed digits, 64 KiB a call at most, of 250,000
    calls. 0: while there is room in memory; what was kept before is deleted."""

    records_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[365])] = None
    """For how many days the record of a call is kept, and with it all that there is of the call. None: for good."""

    transcripts_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[90])] = None
    """For how many days transcripts and timelines are kept."""

    recordings_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[30])] = None
    """For how many days recordings are kept."""

    messages_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[90])] = None
    """For how many days the messages that callers leave are kept."""

    captures_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[7])] = None
    """For how many days captures are kept."""

    events_days: Annotated[float | None, Field(gt=0, le=36_500, examples=[30])] = None
    """For how many days event logs are kept."""

    transcripts: bool = True
    """Keep what is said: in the transcript, on the page, in webhooks and mail. `transcripts = false` keeps no words of
    callers, nor of the bot, which may repeat them (docs/records.md). Needs `events = false`."""

    events: bool = False
    """Write an event log of every call, for `offhook replay` and `offhook tune`: what was said and decided, and the
    detector's probabilities, but no keyed digits."""

    encrypt: bool = False
    """Encrypt recordings, messages of callers, captures and event logs as they are written, with the first key of
    `key_file` (docs/records.md). The database is not encrypted. Needs the extra `encryption`."""

    key_file: Annotated[Path | None, Field(examples=["/etc/offhook/records.keys"])] = None
    """The keys: `offhook records key FILE` makes one. All of them decrypt. Without the file what is encrypted is
    lost."""

    @model_validator(mode="after")
    def _encryption_needs_a_key(self) -> Self:
        if self.encrypt and self.key_file is None:
            why = "`encrypt` needs `key_file`; `offhook records key FILE` makes one"
            raise PydanticCustomError("no_key", why, {"key": "key_file", "at": "encrypt"})
        return self

    @field_validator("events")
    @classmethod
    def _no_words_in_event_logs(cls, events: bool, info: ValidationInfo) -> bool:
        if events and not info.data.get("transcripts", True):
            why = "an event log has the words of callers, which `transcripts = false` forbids to keep"
            raise PydanticCustomError("words", why, {"example": False})
        return events

    @property
    def database(self) -> str:
        """The database as `RecordStore.open` takes it: its URL, or the path of an SQLite file."""
        return self.database_url or str(self.dir.resolve() / "calls.db")


class LogConfig(Section):
    """The log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level shown. `debug` has every SIP message without its body, and each conversation's events without
    words and digits."""

    format: Literal["console", "json"] = "console"
    """`json` is one object a line."""
