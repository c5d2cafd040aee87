"""Messages to a worker about calls that the bot places."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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

    @property
    def call(self) -> str:
        """The handle."""
        return self.invite.call


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a call, in whatever state it is."""

    call: str
    reason: str
