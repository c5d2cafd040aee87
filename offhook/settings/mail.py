"""`[mail]`: where messages of callers are mailed to."""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import Section
from offhook.settings.values import SECRET, Host, Line, matching
from offhook.usererror import UserError, did_you_mean

MailAddress = Annotated[
    str,
    AfterValidator(
        matching(
            r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?",
            "it must be an address alone, such as desk@example.com",
        )
    ),
]

MAX_RECIPIENTS = 50
"""Of a mail."""
MAX_BOXES = 200

MailboxName = Annotated[
    str,
    AfterValidator(
        matching(r"[A-Za-z][A-Za-z0-9_]{0,39}", "a name begins with a letter, and has letters, digits and underscores")
    ),
]

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailConfig(Section):
    """The mail server (SMTP) by which messages of callers (`record`) are sent, with their sound and transcript
    (docs/webhooks.md). What it does not take is kept in the database and tried again."""

    host: Annotated[Host | None, Field(examples=["smtp.example.com"])] = None
    """The server. Without one nothing is mailed."""

    port: Annotated[int | None, Field(ge=1, le=65_535, examples=[587])] = None
    """Its port; not set: 587, with `tls` 465, with `none` 25."""

    encryption: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`: refused where the server has none; `tls`: from the first byte; `none`: with a `user` on this machine
    alone."""

    user: Annotated[Line | None, Field(examples=["bot@example.com"])] = None
    """The account, where the server wants one."""

    password: Annotated[Line | None, SECRET, Field(repr=False, examples=["..."])] = None
    """Its password. Best in the environment: `OFFHOOK_MAIL__PASSWORD`."""

    password_file: Annotated[Path | None, Field(examples=["/run/secrets/mail"])] = None
    """A file with the password in its first line, read for each mail."""

    sender: Annotated[MailAddress | None, Field(examples=["bot@example.com"])] = None
    """The address that mail comes from."""

    recipients: Annotated[
        tuple[MailAddress, ...], Field(max_length=MAX_RECIPIENTS, examples=[("desk@example.com",)])
    ] = ()
    """Who gets it, where the message is for no mailbox."""

    boxes: Annotated[
        Mapping[MailboxName, Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]],
        Field(max_length=MAX_BOXES, examples=[{"sales": ("sales@example.com",)}]),
    ] = Field(default_factory=dict)
    """Mailboxes by their names, and who gets the messages for each: `mailbox: NAME` of the step `record`."""

    subject: Line = "Message from {src}"
    """The subject; `{src}`, `{dst}` and `{seconds}` are the caller, the called number and the length."""

    attach: bool = True
    """Whether the sound is attached, as WAV."""

    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long a mail may take to be sent."""

    give_up_h: Annotated[float, Field(gt=0, le=720)] = 72.0
    """For how many hours a mail is tried."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host is None:
            return self
        for key, given in (("sender", self.sender), ("recipients", self.recipients)):
            if not given:
                raise PydanticCustomError("mail", "`host` needs `{key}`", {"key": key, "at": "host"})
        if self.user is not None and self.password is None and self.password_file is None:
            raise PydanticCustomError("mail", "`user` needs `password`", {"key": "password", "at": "user"})
        if self.user is not None and self.encryption == "none" and not _is_here(self.host):
            why = "without encryption everybody on the way can read the password"
            what = "the password of `[mail]` is not sent in the clear to another machine"
            at = {"key": "encryption", "at": "encryption", "what": what, "example": "starttls"}
            raise PydanticCustomError("mail", why, at)
        return self

    @property
    def server_port(self) -> int:
        """The port that is connected to."""
        return self.port or PORTS[self.encryption]


def no_mailbox(name: str, known: Sequence[str]) -> UserError:
    """There is no mailbox of that name."""
    why = f"`[mail.boxes]` in the settings has no `{name[:40]}`" if known else "the settings have no mailboxes"
    todo = did_you_mean(name, known) if known else f'`[mail.boxes]`, and `{name[:40]} = ["…"]` below'
    return UserError(f"messages cannot be for the mailbox `{name[:40]}`", why, todo)


def _is_here(host: str) -> bool:
    """Whether it is this machine, by a loopback address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
