"""Who takes part in a call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from offhook.observe.metrics import Direction
from offhook.sip.message.identities import Identities


@dataclass(frozen=True, slots=True)
class Parties:
    """Caller and called, as given by the far end. `call_id` is the carrier's name for the call, `transport` a label."""

    caller: str
    called: str
    call_id: str
    headers: Iterable[tuple[str, str]] = ()
    transport: str = "udp"
    direction: Direction = "inbound"
    identities: Identities | None = None
    """SIP only: every identity in the INVITE."""
    trunk: str = ""
    """The name of the trunk in the settings, if the call came or went by one."""
    uniqueid: str | None = None
    """The record's id, if it has been given out before; None: a new one."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the dialog of a call out was given to know."""
    route: int | None = None
    """The configured route whose dialog a call out has; None: the default dialog."""
    part_of: str | None = None
    """The record of the call that this one is a leg of."""
