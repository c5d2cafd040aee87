"""Messages between workers and `CallsOut` about calls that the bot places."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.queues.messages import CallBack
from offhook.sip.commands import Invite


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Place a call. `invite` is complete but for its SDP; its handle is the record's id. `caller` and `called` are for
    the record and the dialog, `route` and `variables` for the dialog alone."""

    invite: Invite
    caller: str
    called: str
    trunk: str = ""
    ring_s: float = 60.0
    route: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    is_leg: bool = False
    """Whether it answers a `LegWanted`."""
    call_back: CallBack | None = None
    """It calls somebody back who has waited: this is its dialog."""
    part_of: str | None = None
    """The record of the call that it is a leg of."""

    @property
    def call(self) -> str:
        """The handle."""
        return self.invite.call


@dataclass(frozen=True, slots=True)
class LegWanted:
    """A worker wants to call another party for one of its calls, which may be transferred there by `[transfer]`.
    `PlaceCall` answers it, with this handle, or `LegRefused`.

    `to` is a number, an extension or a SIP URI. `trunk` is the one of the call that it has, by which numbers go;
    without one they are called at `host`. `caller` is what the call is known by where no trunk says who calls,
    `part_of` the handle of the call that it is for.
    """

    call: str
    to: str
    trunk: str
    host: str
    caller: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ring_s: float = 60.0
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class LegRefused:
    """The call to another party cannot be placed."""

    call: str
    why: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a call, in whatever state it is."""

    call: str
    reason: str
