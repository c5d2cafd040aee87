"""`[twiml]`: a TwiML application that answers calls, as Twilio would run it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from offhook.settings.mail import MailboxName
from offhook.settings.section import Section
from offhook.settings.values import SECRET, AccountSid, HostPort, Url

HttpMethod = Literal["GET", "POST"]


def check_twiml_url(url: str) -> str:
    """An http or https URL, perhaps with a query, without user and fragment."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        is_one = False
    if not is_one or "@" in parts.netloc or parts.fragment or not url.isascii() or set(url) & set(' {}<>"\\^`|'):
        why = "it must be http:// or https:// with a host, and perhaps a path and a query: no user, blank, braces or #"
        raise PydanticCustomError("url", "{why}", {"why": why, "example": "https://ivr.example.com/voice"})
    return url


TwimlUrl = Annotated[str, Field(max_length=1_000), AfterValidator(check_twiml_url)]


class TwimlConfig(Section):
    """An IVR that was written for Twilio answers the calls that no route matches; routes name others by `twiml`
    (docs/twiml.md)."""

    url: Annotated[TwimlUrl | None, Field(examples=["https://ivr.example.com/voice"])] = None
    """The address of its first TwiML document, in place of a flow or an agent."""

    method: HttpMethod = "POST"
    """How that is asked for."""

    fallback_url: Annotated[TwimlUrl | None, Field(examples=["https://ivr.example.com/fallback"])] = None
    """What is asked for when a document cannot be had or read, with `ErrorCode` and `ErrorUrl`."""

    fallback_method: HttpMethod = "POST"
    """How that is asked for."""

    status_url: Annotated[TwimlUrl | None, Field(examples=["https://ivr.example.com/status"])] = None
    """What learns that a call is over."""

    status_method: HttpMethod = "POST"
    """How it learns that."""

    hosts: Annotated[tuple[HostPort, ...], Field(max_length=100, examples=[("media.example.com",)])] = ()
    """Further servers that documents may name, HOST or HOST:PORT; the host of each URL above is one."""

    allow_private: bool = False
    """Whether they may be in a private network, or on this machine."""

    account_sid: Annotated[AccountSid | None, Field(examples=["AC" + "0" * 32])] = None
    """The `AccountSid` of requests; `twilio.account_sid` if it is not set."""

    auth_token: Annotated[str | None, SECRET, Field(repr=False, min_length=1, max_length=256, examples=["..."])] = None
    """Signs the requests (`X-Twilio-Signature`); `twilio.auth_token` if it is not set. Without either they are not
    signed."""

    recordings_url: Annotated[Url | None, Field(examples=["https://bot.example.com"])] = None
    """The address under which the application reaches this machine's HTTP port, for `RecordingUrl`;
    `twilio.public_url`, or the port itself, if it is not set."""

    mailbox: Annotated[MailboxName | None, Field(examples=["sales"])] = None
    """The mailbox of `[mail.boxes]` for the messages of `Record`; not set: as all messages, they are mailed to
    `mail.recipients`, where `[mail]` has a `host`."""
