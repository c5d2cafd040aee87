"""What the user agent reports about transfers."""

from dataclasses import dataclass

from offhook.sip.refer.refer_to import ReferTo


@dataclass(frozen=True, slots=True)
class ReferAccepted:
    """Our REFER got a 2xx. Without `notifies` nothing more is reported (RFC 4488)."""

    call: str
    notifies: bool


@dataclass(frozen=True, slots=True)
class ReferRefused:
    """Our REFER got 300 to 699, or nothing (408, 503); the call goes on."""

    call: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """What the far end reports of the call that our REFER asked for, which may be earlier than `ReferAccepted`.

    `status` is that of its INVITE. `is_last`: no more will come.
    """

    call: str
    status: int
    reason: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """The far end asks us to call somebody else: accept or reject it at once. `referred_by` is empty without one."""

    call: str
    target: ReferTo
    referred_by: str = ""
