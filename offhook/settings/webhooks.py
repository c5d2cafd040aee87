"""`[webhooks.NAME]`: who gets events of calls."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from offhook.http_request import HttpRequest
from offhook.outbox.signature import secret_bytes
from offhook.settings.section import Section
from offhook.settings.trunks import TrunkName
from offhook.settings.values import SECRET, Url

EventType = Literal[
    "call.started",
    "call.answered",
    "call.ended",
    "call.transferred",
    "message.left",
    "queue.joined",
    "queue.answered",
    "queue.left",
    "queue.call_back",
]
MAIL = "mail"
"""The receiver of `[mail]`."""

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)


def _not_mail(name: str) -> str:
    if name == MAIL:
        raise PydanticCustomError("name", "{why}", {"why": f"`{MAIL}` is what `[mail]` is called in the outbox"})
    return name


WebhookName = Annotated[TrunkName, AfterValidator(_not_mail)]
"""Likewise part of the names of variables."""


def _check_secret(secret: str) -> str:
    try:
        secret_bytes(secret)
    except ValueError as error:
        raise PydanticCustomError("secret", "{why}", {"why": str(error)}) from error
    return secret


class WebhookConfig(Section):
    """An HTTP server that gets events of calls, each as a POST (docs/webhooks.md). What it does not take is kept in the
    database and tried again."""

    url: Annotated[Url, Field(examples=["https://crm.example.com/calls"])]
    """Where they are sent. Redirects are not followed."""

    secret: Annotated[
        str | None,
        AfterValidator(lambda value: value and _check_secret(value)),
        SECRET,
        Field(repr=False, examples=["whsec_..."]),
    ] = None
    """What they are signed with, `whsec_` and 24 to 64 random bytes in base64, as `offhook outbox secret` makes one.
    Without a secret they are not signed."""

    events: Annotated[tuple[EventType, ...], Field(min_length=1)] = EVENT_TYPES
    """Which ones it gets."""

    transcript: bool = True
    """Whether they have what was said: `call.ended` the transcript, `message.left` the message's."""

    allow_private: bool = False
    """Whether it may be in a private network, or on this machine."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How long it may take to answer."""

    at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """The most requests at a time. Those about one call come one after the other."""

    longest_retry_s: Annotated[float, Field(ge=1, le=3_600)] = 600.0
    """The longest time between two attempts for the same event. It begins with a second, and doubles."""

    give_up_h: Annotated[float, Field(gt=0, le=720)] = 72.0
    """For how many hours an event is tried."""

    @model_validator(mode="after")
    def _private_must_be_allowed(self) -> "WebhookConfig":
        if HttpRequest(self.url, "POST", allow_private=self.allow_private).is_refused:
            why = "`url` is in a private network, or on this machine, which `allow_private` has to allow"
            raise PydanticCustomError("private", why, {"key": "allow_private", "at": "url", "example": True})
        return self
