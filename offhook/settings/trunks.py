"""`[trunks.NAME]`: an account or a line at a provider or a PBX."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.calls_out import AllowedPattern, CallerIdHeader, Digits, NumberFormat
from offhook.settings.dtmf import SendPath
from offhook.settings.section import Section
from offhook.settings.sections import CodecName
from offhook.settings.values import SECRET, Host, HostPort, Line, Networks, SipUser, matching, split_host_port

TrunkName = Annotated[
    str,
    # So that its variables can be written: OFFHOOK_TRUNKS__NAME__PASSWORD.
    AfterValidator(
        matching(r"(?=.{1,40}$)[a-z0-9]+(?:_[a-z0-9]+)*", "its name has small letters, digits and single underscores")
    ),
]


class TrunkConfig(Section):
    """A provider's or a PBX's account, by which calls come in and go out. A call that comes is a trunk's by its source:
    the addresses of `host` (or `outbound_proxy`), and `addresses`. They count as `sip.peers`, and may call without a
    password."""

    host: Annotated[Host, Field(examples=["sip.example.com"])]
    """The provider's domain, or the PBX's address."""

    port: Annotated[int | None, Field(ge=1, le=65_535, examples=[5060])] = None
    """Its port; not set: that of the domain's SRV records, else the transport's (5060, for TLS 5061)."""

    user: Annotated[SipUser | None, Field(examples=["bot"])] = None
    """The account's user, often its number; it stands in From."""

    password: Annotated[Line | None, SECRET, Field(repr=False, examples=["..."])] = None
    """The account's password. It is proven to `host` only, and never sent."""

    auth_user: Annotated[Line | None, Field(examples=["bot-auth"])] = None
    """The user that the password belongs to, where it is another one than `user`."""

    realm: Annotated[Line | None, Field(examples=["sip.example.com"])] = None
    """The only realm to which the password is proven; not set: whichever `host` names."""

    registration: bool = False
    """Register with the trunk, so that it sends its calls here. Needs `user`."""

    transport: Literal["auto", "udp", "tcp", "tls"] = "auto"
    """How SIP gets there; `auto`: as the domain's NAPTR and SRV records say, else UDP. With `tls` the certificate of
    the other side has to be for `host` (or `outbound_proxy`)."""

    outbound_proxy: Annotated[HostPort | None, Field(examples=["proxy.example.com"])] = None
    """A host, or HOST:PORT, to which everything for this trunk is sent."""

    keepalive_s: Annotated[float, Field(ge=0, le=3_600)] = 30.0
    """How often the way of a registration is kept open by an empty message, for NATs and firewalls in between, and a
    connection over TLS if we have no certificate; 0: never."""

    options_s: Annotated[float, Field(ge=0, le=3_600)] = 0.0
    """How often the trunk is asked by OPTIONS whether it is there; 0: never. Status, metrics and `/readyz` have the
    result, and a registration moves to another server of the domain."""

    expires_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    """For how long a registration is asked for; the trunk may grant another time."""

    contact_user: Annotated[SipUser | None, Field(examples=["bot"])] = None
    """The user in our Contact, which calls of a registration have in their Request-URI; not set: `user`."""

    addresses: Annotated[Networks, Field(max_length=1_000, examples=[("203.0.113.7", "198.51.100.0/24")])] = ()
    """Addresses and networks from which the trunk's calls come, besides those of `host`. Within calls the password is
    proven to them, too."""

    calls_at_once: Annotated[int, Field(ge=0, le=10_000)] = 0
    """The most calls of this trunk at once, in both directions together; one that comes beyond them is answered 486.
    0: no limit of its own."""

    calls_per_second: Annotated[float, Field(ge=0, le=1_000)] = 0
    """The most new calls of this trunk within a second, in both directions together; one that comes beyond them is
    answered 503. 0.5 is one call every two seconds. 0: no limit of its own."""

    codecs: Annotated[tuple[CodecName, ...], Field(max_length=8, examples=[("PCMA", "PCMU")])] = ()
    """The codecs of this trunk's calls, the first choice first; not set: `rtp.codecs`."""

    allowed_numbers: Annotated[tuple[AllowedPattern, ...], Field(max_length=1_000, examples=[("+1555*",)])] = ()
    """The numbers that may be called by this trunk: `+15551234567`, `+1555*`, `100`; `*` for all. By HTTP, and where
    calls are redirected, nothing may be called that is not listed; what starts the bot (`offhook call`, `bot.dial`)
    may call any number while the list is empty. Who callers may be transferred to is `[transfer]`'s to say."""

    number_format: NumberFormat = "e164"
    """How numbers are written on this trunk: `e164` (+15551234567), `e164_without_plus` (15551234567), `national`
    (what has `country_code` begins with `national_prefix`, others with `international_prefix`). It concerns numbers
    with a plus sign: extensions stay as they are."""

    country_code: Annotated[Digits | None, Field(examples=["49"])] = None
    """The country of `number_format = "national"`."""

    national_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,6}$")] = "0"
    """What national numbers begin with, in place of the country code."""

    international_prefix: Digits = "00"
    """What all other numbers begin with, in place of the plus sign."""

    caller_id: Annotated[SipUser | None, Field(examples=["+15551230000"])] = None
    """The number that calls out show; not set: `user`."""

    caller_id_header: CallerIdHeader = "from"
    """Where that number is: in From, or in P-Asserted-Identity or P-Preferred-Identity, and `user` is in From."""

    hide_caller_id: bool = False
    """Have the trunk hide the number from who is called (RFC 3323): From is anonymous, and the number is in
    `caller_id_header`, or in P-Preferred-Identity."""

    @model_validator(mode="after")
    def _national_needs_a_country(self) -> Self:
        if self.number_format == "national" and self.country_code is None:
            context = {"key": "country_code", "at": "number_format"}
            raise PydanticCustomError("no_country", '`number_format = "national"` needs `country_code`', context)
        return self

    reliable_provisionals: Literal["off", "supported", "required"] | None = None
    """As in `[signalling]`, for this trunk; not set: as there."""

    session_timer: Literal["off", "supported", "required"] | None = None
    """As in `[signalling]`, for this trunk; not set: as there."""

    session_expires_s: Annotated[int | None, Field(ge=90, le=86_400, examples=[1_800])] = None
    """As in `[signalling]`, for this trunk; not set: as there."""

    dtmf: SendPath | None = None
    """How the bot sends keys in its calls; not set: as `dtmf.send` says."""

    capture: bool | None = None
    """Whether this trunk's calls are captured; not set: as `records.capture` says."""

    transfer: Literal["auto", "refer", "bridge"] | None = None
    """How this trunk's callers are connected to others, if the dialog does not say; not set: `transfer.mode`."""

    refer: Literal["refuse", "accept"] = "refuse"
    """Whether this trunk may have the bot call somebody else, and go on with them (a REFER that it sends). Only
    what `transfer.allow` lists."""

    @model_validator(mode="after")
    def _registering_needs_a_user(self) -> Self:
        for key, given in (("registration", self.registration), ("password", self.password and not self.auth_user)):
            if given and self.user is None:
                raise PydanticCustomError("no_user", "`{at}` needs `user`", {"key": "user", "at": key})
        return self

    @property
    def aor(self) -> str:
        """The address of record (RFC 3261 §10.1)."""
        return f"sip:{self.user}@{self.uri_host}"

    @property
    def our_user(self) -> str:
        """The user in our Contact."""
        return self.contact_user or self.user or ""

    @property
    def uri_host(self) -> str:
        """The domain as in a URI."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def uri(self) -> str:
        """The trunk itself: what a REGISTER or an OPTIONS is addressed to."""
        return f"sip:{self.uri_host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def next_hop(self) -> tuple[str, int | None]:
        """Host and port of what requests go to; port None: not given."""
        if self.outbound_proxy is None:
            return self.host, self.port
        return split_host_port(self.outbound_proxy)
